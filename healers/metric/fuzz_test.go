package metric

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Whatever an instance says is read without harm, and what the parser of the format reads of
// it as a whole, we read of its lines as well.
func FuzzPage(f *testing.F) {
	for _, s := range []string{
		"x 5\n", "# TYPE x counter\nx{a=\"b\"} 1\nx{a=\"c\"} 2\n# EOF\n", "x{a=\"} # \\\"\"} 3 17 # {t=\"}\"} 1 2\n", "{\"x\",a=\"b\"} 1\n", "{a=\"b\",\"x\"} 1\n",
		"x NaN\nx{a=\"b\"} +Inf\nx{c=\"d\"} 1e999\n", "x{a=\"b} 1\n", "{}\n", "x\t{a=\"b\"}1\n", "x{", "x 0x1p4\n", "y 1\r\nx 1\r\n", "x{a=\"\\n\\\\\"} 1 -5\n", "{x=\"\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, open bool) {
		p, err := parsePage(bytes.NewReader(data), &Scrape{Name: "x"}, open)
		if err == nil {
			if len(p.series) == 0 {
				t.Error("a page without a series")
			}
			if v, err := p.sum(); err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Errorf("the sum is %v", v)
			}
		}
		if open || bytes.ContainsRune(data, '#') {
			return // types and exemplars are what the two are to read in different ways
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, whole := parser.TextToMetricFamilies(bytes.NewReader(data))
		metrics := families["x"].GetMetric()
		if whole != nil || len(metrics) == 0 || twice(metrics) {
			return
		}
		if err != nil {
			t.Fatalf("%q is %v, and to the parser %v", data, err, metrics)
		}
		for _, m := range metrics {
			labels := map[string]string{nameLabel: "x"}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			got, there := p.series[labelText(labels)]
			if want := m.GetUntyped().GetValue(); !there || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("%q: %s is %v, and to the parser %v", data, labelText(labels), got, want)
			}
		}
		if len(p.series) != len(metrics) {
			t.Errorf("%q: %d series, and to the parser %d", data, len(p.series), len(metrics))
		}
	})
}

func twice(metrics []*dto.Metric) bool {
	seen := map[string]bool{}
	for _, m := range metrics {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if seen[labelText(labels)] {
			return true
		}
		seen[labelText(labels)] = true
	}
	return false
}

func FuzzPrometheus(f *testing.F) {
	for _, s := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1700000000.5,"1"]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1700000000,"NaN"]}}`, `{"status":"success","data":{"resultType":"vector","result":[{"value":null},{}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":["1",1]}}`, `{"status":"error","errorType":"bad_data","error":"x"}`, `{"status":"success"}`, `null`,
		`{"status":"success","data":{"resultType":"scalar","result":null}}`, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1e308,"0x1p1023"]}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := parseResults(data)
		if err == nil && len(results) == 0 {
			t.Error("neither a result nor an error")
		}
		for _, r := range results {
			if r.reason == "" && (finite(r.value) != nil || r.at.Unix() < 0 || r.at.Unix() > latest) {
				t.Errorf("%q has the value %v of %v", data, r.value, r.at)
			}
		}
	})
}

func FuzzDocument(f *testing.F) {
	for _, s := range [][3]string{
		{"42", "", ""},
		{`{"a":{"b":[1,"2"]},"t":1700000000}`, "a.b[1]", "t"},
		{`{"a.b":1,"t":"2026-01-01T00:00:00Z"}`, `["a.b"]`, "t"},
		{`{"a":1e999,"t":1700000000000}`, "a", "t"},
		{`[[[]]]`, "[0][0][0]", "[9]"},
		{"null", "a", ""},
		{`{"":1}`, `[""]`, ""},
		{`{"a":1,"t":-1}`, "a", "t"},
	} {
		f.Add([]byte(s[0]), s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, data []byte, field, at string) {
		value, err := parsePath(field)
		if err != nil {
			return
		}
		when, err := parsePath(at)
		if err != nil {
			return
		}
		v, stamp, err := parseDocument(data, value, when)
		if err != nil {
			if v != 0 || !stamp.IsZero() {
				t.Errorf("%q: %v at %v, and %v", data, v, stamp, err)
			}
			return
		}
		if finite(v) != nil || !json.Valid(data) {
			t.Errorf("%q is %v", data, v)
		}
		if _, err := judge(Sample{Value: v, At: stamp}, time.Unix(1_700_000_000, 0), time.Minute); err == nil && len(when) == 0 {
			t.Errorf("%q is young without a time", data)
		}
	})
}

// A path is written as it is read.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"", "a.b", "items[0].value", `["a.b"][""].c`, "[1][2]", `["\u00e4\n"]`, "a..b", "a[", `a["b`, "a]b", "[99999999999]", ".a", "a[-1]", "a\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath(s)
		if err != nil {
			return
		}
		again, err := parsePath(p.String())
		if err != nil || again.String() != p.String() || len(again) != len(p) || len(p) > mostSteps {
			t.Errorf("%q is written as %q, which is %q, %v", s, p, again, err)
		}
		for i := range p {
			if p[i] != again[i] {
				t.Errorf("%q is written as %q", s, p)
			}
		}
		if strings.Contains(p.String(), "\n") && !strings.Contains(s, "\n") {
			t.Errorf("%q is written in two lines", s)
		}
	})
}
