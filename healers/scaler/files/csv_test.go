package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler/files"
	"github.com/rebound-chaos/rebound/healers/scaler/replay"
)

func TestRecording(t *testing.T) {
	t.Parallel()
	missing := math.NaN()
	epoch := func(seconds float64) time.Time { return time.Unix(0, int64(seconds*1e9)).UTC() }
	for _, c := range []struct {
		name, csv string
		want      replay.Recording
	}{
		{
			name: "dates and quantities",
			csv:  "time,cpu,memory\n2026-01-31T08:00:00Z,1.5,1Gi\n2026-01-31T08:01:00Z,250m,\n2026-01-31T10:01:30.5+02:00,2,1e9\n",
			want: replay.Recording{
				Times: []time.Time{
					time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), time.Date(2026, 1, 31, 8, 1, 0, 0, time.UTC),
					time.Date(2026, 1, 31, 8, 1, 30, 5e8, time.UTC),
				},
				Columns: []replay.Column{{Name: "cpu", Values: []float64{1.5, 0.25, 2}}, {Name: "memory", Values: []float64{1 << 30, missing, 1e9}}},
			},
		},
		{
			name: "seconds since the beginning", csv: "time,cpu\n0,1\n0.5,2\n15,0\n",
			want: replay.Recording{
				Relative: true, Times: []time.Time{epoch(0), epoch(0.5), epoch(15)}, Columns: []replay.Column{{Name: "cpu", Values: []float64{1, 2, 0}}},
			},
		},
		{
			name: "as jq and spreadsheets write it", csv: "\ufeff\"Time\", \"cpu\"\r\n1770000000,\"1.5\"\r\n\r\n# a remark\r\n 1770000030 , \"2E\"\r\n",
			want: replay.Recording{
				Times: []time.Time{epoch(1770000000), epoch(1770000030)}, Columns: []replay.Column{{Name: "cpu", Values: []float64{1.5, 2e18}}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := files.Recording("day.csv", []byte(c.csv))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The zone of a recording does not depend on where it is read.
func TestRecordingKeepsItsZone(t *testing.T) {
	t.Parallel()
	r, err := files.Recording("day.csv", []byte("time,cpu\n2026-07-01T00:00:00+02:00,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Times[0].Format(time.RFC3339); got != "2026-07-01T00:00:00+02:00" || r.Times[0].Location() == time.Local {
		t.Errorf("%s in %v", got, r.Times[0].Location())
	}
}

func TestRecordingProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, csv string
		want      []string
	}{
		{"empty", "", []string{`f.csv:1:1: expected a header, time and the names of metrics; the file is empty`}},
		{"no rows", "time,cpu\n", []string{`f.csv: expected a row after the header, got none`}},
		{"no metrics", "time\n1\n", []string{`f.csv:1:1: expected the names of metrics after time, like time,cpu`}},
		{"no time", "cpu,rps\n1,2\n", []string{`f.csv:1:1: expected a header that begins with time, got "cpu"`}},
		{"names", "time,cpu,,cpu\n1,2,3,4\n", []string{`f.csv:1:10: expected the name of a metric, got nothing`, `f.csv:1:11: cpu: there are two columns of this name`}},
		{
			"all at once", "time,cpu,rps\n2026-01-31T08:00:00Z,lots,1\n15,1,1\n2026-01-31T08:00:00Z,NaN,+Inf\n2026-01-31T08:02:00Z,-1,0x10\n2026-01-31T08:03:00Z,1\n2026-01-31T08:04:00Z,1,2,3\n",
			[]string{
				`f.csv:2:22: cpu: expected a number or a quantity, like 1.5 or 1500m, got "lots"`,
				`f.csv:3:1: time: expected a time in RFC 3339, as in the first row, got "15"`,
				`f.csv:4:1: time: expected a time after that of the row before, got 2026-01-31T08:00:00Z`,
				`f.csv:4:22: cpu: expected a finite number, got "NaN"; what is missing is left empty`,
				`f.csv:4:26: rps: expected a finite number, got "+Inf"; what is missing is left empty`,
				`f.csv:5:22: cpu: expected a number of at least 0, got "-1"`,
				`f.csv:5:25: rps: expected a number or a quantity, like 1.5 or 1500m, got "0x10"`,
				`f.csv:6:22: expected 3 cells, as in the header, got 2`,
				`f.csv:7:26: expected 3 cells, as in the header, got 4`,
			},
		},
		{"milliseconds", "time,cpu\n1770000000000,1\n", []string{`f.csv:2:1: time: expected seconds since the beginning or since 1970, got 1770000000000; are those milliseconds?`}},
		{"not a time", "time,cpu\n08:00,1\nNaN,1\n-5,1\n", []string{
			`f.csv:2:1: time: expected a time in RFC 3339, like 2026-01-31T08:00:00Z, or seconds, got "08:00"`,
			`f.csv:3:1: time: expected a time in RFC 3339, like 2026-01-31T08:00:00Z, or seconds, got "NaN"`,
			`f.csv:4:1: time: expected a time in RFC 3339, like 2026-01-31T08:00:00Z, or seconds, got "-5"`,
		}},
		{"not CSV", "time,cpu\n1,\"a\"b\n2,3\n", []string{`f.csv:2:5: extraneous or missing " in quoted-field`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := files.Recording("f.csv", []byte(c.csv))
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is not a recording at all is refused in few words.
func TestRecordingIsBounded(t *testing.T) {
	t.Parallel()
	var wrong, long bytes.Buffer
	wrong.WriteString("time,cpu\n")
	for i := range 1000 {
		fmt.Fprintf(&wrong, "%d,x\n", i)
	}
	_, err := files.Recording("f.csv", wrong.Bytes())
	var problems manifest.Problems
	if !errors.As(err, &problems) || len(problems) != 51 || problems[50].Text != "and 950 more problems up to here" || problems[50].Line != 1001 {
		t.Errorf("%d problems: %v", len(problems), err)
	}
	long.WriteString("time,cpu\n")
	for i := range 1_000_002 {
		fmt.Fprintf(&long, "%d,\n", i)
	}
	if _, err := files.Recording("f.csv", long.Bytes()); err == nil || err.Error() != "f.csv:1000002:1: expected at most 1000000 rows" {
		t.Error(err)
	}
	if _, err := files.Recording("f.csv", []byte("time"+strings.Repeat(",a", 102)+"\n1,2\n")); err == nil || err.Error() != "f.csv:1:206: expected at most 100 columns, got 102" {
		t.Error(err)
	}
}

// FuzzRecording: whatever a file holds, it is a recording that can be played, or it is
// refused with the lines that are wrong.
func FuzzRecording(f *testing.F) {
	day, err := os.ReadFile("../replay/testdata/day.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(day[:2000])
	for _, text := range []string{
		"", "time,cpu\n", "time,cpu\n0,1\n15,1Gi\n", "\ufefftime,cpu\r\n1770000000,\"1.5\"\r\n", "time,cpu\n1,\"a\"b\n2,3\n", "time,a,a\n1,2\n",
		"#\ntime,cpu\n2026-01-31T08:00:00Z,\n2026-01-31T08:00:00.5+14:00,1e999\n", "time,cpu\n9e9,1\n1e10,0x1p-2\n", "time,\"a\nb\"\n1,\"1\n\"\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := files.Recording("f.csv", data)
		if err != nil {
			var problems manifest.Problems
			if !errors.As(err, &problems) || len(problems) == 0 || len(problems) > 51 || r.Times != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			for _, p := range problems {
				if p.Text == "" || p.Line < 0 || p.Line > bytes.Count(data, []byte("\n"))+1 {
					t.Fatalf("%+v", p)
				}
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		if len(r.Columns) == 0 {
			t.Fatal("a recording of nothing")
		}
	})
}
