package files

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler/replay"
)

// What a recording may hold. A file that is wrong in more places than people read is most
// likely no such file.
const (
	maxRows     = 1_000_000
	maxColumns  = 100
	maxProblems = 50
	sinceEpoch  = 1e9 // seconds from here on are since 1970, and below since the beginning
	maxSeconds  = 9e9 // what a time.Duration holds
)

const timeColumn = "time"

// suffixed is a quantity that is no plain number.
var suffixed = regexp.MustCompile(`^[+-]?[0-9.]{1,30}([numkMGTPE]|[KMGTPE]i)$`)

// Recording reads metrics that were recorded, as CSV:
//
//	time,cpu,requests_per_second
//	2026-01-31T00:00:00Z,1.25,310
//	2026-01-31T00:01:00Z,1300m,
//
// Times are in RFC 3339, or in seconds since the beginning, or since 1970 as Prometheus has
// them, and ascend. Values are plain numbers or Kubernetes quantities, of the workload as a
// whole. An empty cell is a missing value. A line that begins with # is passed over. Its
// error is [manifest.Problems].
func Recording(file string, data []byte) (replay.Recording, error) {
	r := &recording{file: file, in: csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))}
	r.in.FieldsPerRecord, r.in.Comment = -1, '#' // how many there are is said better here
	r.in.TrimLeadingSpace, r.in.ReuseRecord = true, true
	r.head()
	for r.next() {
		r.row()
	}
	if len(r.out.Times) == 0 && len(r.found) == 0 {
		r.found = append(r.found, manifest.Problem{File: file, Text: "expected a row after the header, got none"})
	}
	if r.more > 0 {
		r.found = append(r.found, manifest.Problem{File: file, Line: r.last, Column: 1, Text: fmt.Sprintf("and %d more problems up to here", r.more)})
	}
	if len(r.found) > 0 {
		return replay.Recording{}, r.found
	}
	return r.out, nil
}

// recording is a file while it is read.
type recording struct {
	file  string
	in    *csv.Reader
	out   replay.Recording
	cells []string // of the row that is read
	rows  int
	// dated: the first row has a time in RFC 3339, and so must the others.
	dated bool
	past  time.Time // of the row before
	found manifest.Problems
	more  int // problems that are not kept
	last  int // line of the last of those
}

// problem is one with a cell of the row.
func (r *recording) problem(cell int, field, format string, args ...any) {
	line, column := r.in.FieldPos(cell)
	r.add(manifest.Problem{File: r.file, Line: line, Column: column, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (r *recording) add(p manifest.Problem) {
	if len(r.found) == maxProblems {
		r.more, r.last = r.more+1, p.Line
		return
	}
	r.found = append(r.found, p)
}

// next reads a row; false: there is none.
func (r *recording) next() bool {
	for {
		var err error
		r.cells, err = r.in.Read()
		switch {
		case err == nil:
			return true
		case errors.Is(err, io.EOF):
			return false
		}
		parse, ok := errors.AsType[*csv.ParseError](err)
		if !ok {
			r.add(manifest.Problem{File: r.file, Text: err.Error()}) // of a reader in memory there is none
			return false
		}
		r.add(manifest.Problem{File: r.file, Line: parse.Line, Column: parse.Column, Text: parse.Err.Error()})
	}
}

// head reads the names of the columns.
func (r *recording) head() {
	if !r.next() {
		if len(r.found) == 0 {
			r.add(manifest.Problem{File: r.file, Line: 1, Column: 1, Text: "expected a header, time and the names of metrics; the file is empty"})
		}
		return
	}
	if n := len(r.cells) - 1; n > maxColumns {
		r.problem(maxColumns+1, "", "expected at most %d columns, got %d", maxColumns, n)
		return
	}
	seen := map[string]bool{}
	for i, name := range r.cells {
		name = strings.Clone(strings.TrimSpace(name))
		switch {
		case i == 0 && strings.EqualFold(name, timeColumn):
			continue
		case i == 0:
			r.problem(i, "", "expected a header that begins with time, got %q", name)
			continue
		case name == "":
			r.problem(i, "", "expected the name of a metric, got nothing")
		case seen[name]:
			r.problem(i, name, "there are two columns of this name")
		}
		seen[name] = true
		r.out.Columns = append(r.out.Columns, replay.Column{Name: name})
	}
	if len(r.cells) == 1 {
		r.problem(0, "", "expected the names of metrics after time, like time,cpu")
	}
}

// row reads a row of values.
func (r *recording) row() {
	if r.rows++; r.rows > maxRows {
		if r.rows == maxRows+1 {
			r.problem(0, "", "expected at most %d rows", maxRows)
		}
		return
	}
	if len(r.cells) != len(r.out.Columns)+1 && len(r.out.Columns) > 0 {
		r.problem(min(len(r.cells)-1, len(r.out.Columns)+1), "", "expected %d cells, as in the header, got %d", len(r.out.Columns)+1, len(r.cells))
	}
	at, ok := r.time(strings.TrimSpace(r.cells[0]))
	if ok && !r.past.IsZero() && !at.After(r.past) {
		r.problem(0, timeColumn, "expected a time after that of the row before, got %s", r.cells[0])
	}
	if ok {
		r.past = at
	}
	r.out.Times = append(r.out.Times, at)
	for i := range r.out.Columns {
		v := math.NaN()
		if i+1 < len(r.cells) {
			v = r.value(i+1, r.out.Columns[i].Name)
		}
		r.out.Columns[i].Values = append(r.out.Columns[i].Values, v)
	}
}

// time reads a time as the first row has it.
func (r *recording) time(text string) (time.Time, bool) {
	first := r.rows == 1
	if first || r.dated {
		// In UTC, since there the result does not depend on where this runs.
		if at, err := time.ParseInLocation(time.RFC3339, text, time.UTC); err == nil {
			r.dated = true
			return at, true
		}
	}
	s, err := strconv.ParseFloat(text, 64)
	switch {
	case r.dated:
		r.problem(0, timeColumn, "expected a time in RFC 3339, as in the first row, got %q", text)
		return time.Time{}, false
	case err != nil || math.IsNaN(s) || s < 0:
		r.problem(0, timeColumn, "expected a time in RFC 3339, like 2026-01-31T08:00:00Z, or seconds, got %q", text)
		return time.Time{}, false
	case s > maxSeconds:
		r.problem(0, timeColumn, "expected seconds since the beginning or since 1970, got %s; are those milliseconds?", text)
		return time.Time{}, false
	}
	if first {
		r.out.Relative = s < sinceEpoch
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(math.Round(part*1e9))).UTC(), true
}

// value reads a number or a quantity; NaN: it is missing, or wrong.
func (r *recording) value(cell int, field string) float64 {
	text := strings.TrimSpace(r.cells[cell])
	if text == "" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case suffixed.MatchString(text):
		var q resource.Quantity
		q, err = manifest.Quantity(text)
		v = q.AsApproximateFloat64()
	case strings.ContainsAny(text, "xX_pP"):
		err = strconv.ErrSyntax // a number only to Go
	}
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		r.problem(cell, field, "expected a finite number, got %q; what is missing is left empty", text)
	case err != nil:
		r.problem(cell, field, "expected a number or a quantity, like 1.5 or 1500m, got %q", text)
	case v < 0:
		r.problem(cell, field, "expected a number of at least 0, got %q", text)
	default:
		return v
	}
	return math.NaN()
}
