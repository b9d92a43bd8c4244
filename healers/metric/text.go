package metric

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	nameLabel = model.MetricNameLabel
	// longestLine is far beyond what any library writes.
	longestLine = 64 << 10
	// mostSeries of one name are more than can be meant.
	mostSeries = 10_000
	endOfPage  = "# EOF"
)

// parsePage reads the series that match from a page in the text format of Prometheus, or, if
// open, of OpenMetrics.
//
// The parser of the format is given the lines of the one name alone, without what OpenMetrics
// puts behind the value: so all series are plain ones, the parts of histograms too, and what
// else is on the page cannot make it unreadable.
func parsePage(r io.Reader, s *Scrape, open bool) (*page, error) {
	kept, err := linesOf(r, s.Name, open)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(kept))
	if err != nil {
		return nil, fmt.Errorf("read the series %s: %w", s.Name, err)
	}
	p := &page{series: map[string]float64{}}
	for _, m := range families[s.Name].GetMetric() {
		labels := map[string]string{nameLabel: s.Name}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if !carries(labels, s.Labels) {
			continue
		}
		if err := p.add(labelText(labels), m); err != nil {
			return nil, err
		}
	}
	if len(p.series) == 0 {
		wanted := maps.Clone(s.Labels)
		if wanted == nil {
			wanted = map[string]string{}
		}
		wanted[nameLabel] = s.Name
		return nil, fmt.Errorf("there is no series %s", labelText(wanted))
	}
	return p, nil
}

func (p *page) add(name string, m *dto.Metric) error {
	if _, twice := p.series[name]; twice {
		return fmt.Errorf("the series %s is there twice", name)
	}
	p.series[name] = m.GetUntyped().GetValue()
	if m.TimestampMs != nil {
		if at := time.UnixMilli(m.GetTimestampMs()); p.at.IsZero() || at.Before(p.at) {
			p.at = at
		}
	}
	return nil
}

// linesOf is the lines of a page that may be of a series, each cut off behind its value and
// its time in milliseconds.
func linesOf(r io.Reader, name string, open bool) ([]byte, error) {
	var kept []byte
	var lines int
	for in := bufio.NewReaderSize(r, longestLine); ; {
		line, err := in.ReadSlice('\n')
		text := bytes.TrimLeft(line, " \t")
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("a line of the page is longer than %d KiB", longestLine>>10)
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case string(bytes.TrimRight(text, "\r\n")) == endOfPage:
			return kept, nil
		case err == nil && !isOf(text, name):
			continue
		case err == nil:
		case len(line) > 0:
			return nil, errors.New("the last line of the page does not end: more may have been meant")
		case open:
			return nil, errors.New("the page does not end with " + endOfPage + ": more may have been meant")
		default:
			return kept, nil
		}
		if lines++; lines > mostSeries {
			return nil, fmt.Errorf("there are more than %d series %s", mostSeries, name)
		}
		if kept, err = appendLine(kept, text, open); err != nil {
			return nil, fmt.Errorf("read the series %s: %w", name, err)
		}
	}
}

// isOf tells whether a line may be of the series: one with a name in quotes has it in its
// braces, and is told by the parser.
func isOf(line []byte, name string) bool {
	if len(line) > 0 && line[0] == '{' {
		return true
	}
	rest, ok := bytes.CutPrefix(line, []byte(name))
	return ok && len(rest) > 0 && (rest[0] == '{' || rest[0] == ' ' || rest[0] == '\t')
}

// appendLine writes one line so that the parser of the text format reads it.
func appendLine(to, line []byte, open bool) ([]byte, error) {
	head := headOf(line)
	behind, _, _ := bytes.Cut(bytes.TrimRight(line[head:], "\r\n"), []byte("#")) // an exemplar
	fields := bytes.FieldsFunc(behind, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) == 0 || len(fields) > 2 {
		return nil, fmt.Errorf("expected a value behind %q, got %q", line[:head], bytes.TrimSpace(behind))
	}
	to = append(append(append(to, line[:head]...), ' '), fields[0]...)
	if len(fields) == 2 {
		ms, err := milliseconds(string(fields[1]), open)
		if err != nil {
			return nil, err
		}
		to = strconv.AppendInt(append(to, ' '), ms, 10)
	}
	return append(to, '\n'), nil
}

// headOf is how long the name and the labels of a line are.
func headOf(line []byte) int {
	i := max(bytes.IndexAny(line, " \t{"), 0)
	braces := len(line) - len(bytes.TrimLeft(line[i:], " \t"))
	if braces == len(line) || line[braces] != '{' {
		return i
	}
	inQuotes := false
	for i = braces; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && inQuotes:
			i++
		case c == '"':
			inQuotes = !inQuotes
		case c == '}' && !inQuotes:
			return i + 1
		}
	}
	return len(line)
}

// milliseconds reads the time of a sample: in milliseconds, of OpenMetrics in seconds.
func milliseconds(s string, open bool) (int64, error) {
	if !open {
		return strconv.ParseInt(s, 10, 64)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(v) || math.Abs(v) > latest {
		return 0, fmt.Errorf("%s is no time", s)
	}
	return int64(math.Round(v * 1000)), nil
}

func carries(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// labelText is the canonical text of labels, as a Prometheus prints them; empty: of none.
func labelText(labels map[string]string) string {
	name := labels[nameLabel]
	var pairs []string
	if name != "" && !model.LegacyValidation.IsValidMetricName(name) {
		pairs, name = append(pairs, strconv.Quote(name)), ""
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k == nameLabel {
			continue
		}
		quotedKey := k
		if !model.LegacyValidation.IsValidLabelName(k) {
			quotedKey = strconv.Quote(k)
		}
		pairs = append(pairs, quotedKey+"="+strconv.Quote(labels[k]))
	}
	if len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// plainText tells whether a name can be on a page.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsAny(s, "\n\r") }
