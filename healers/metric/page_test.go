package metric

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func TestParsePage(t *testing.T) {
	const text, open = false, true
	all := &Scrape{Name: "x"}
	get := &Scrape{Name: "x", Labels: map[string]string{"method": "GET"}}
	for _, c := range []struct {
		name string
		s    *Scrape
		open bool
		in   string
		want map[string]float64
		at   string // in milliseconds since 1970
		err  string
	}{
		{name: "one", s: all, in: "x 5\n", want: map[string]float64{"x": 5}},
		{name: "blanks", s: all, in: "\n # TYPE x gauge\n\t x\t 5 \n", want: map[string]float64{"x": 5}},
		{name: "nothing to do is a value", s: all, in: "x 0\n", want: map[string]float64{"x": 0}},
		{name: "below nothing", s: all, in: "x -5e-1\n", want: map[string]float64{"x": -0.5}},
		{
			name: "others beside it", s: all, in: "# TYPE x counter\nxy 1\nx_total 2\nx{a=\"b\"} 3\nax 4\nx{a=\"c\"} 5\n",
			want: map[string]float64{`x{a="b"}`: 3, `x{a="c"}`: 5},
		},
		{
			name: "labels", s: get, in: "x{method=\"GET\",code=\"200\"} 3\nx{code=\"500\",method=\"GET\",} 4\nx{method=\"PUT\"} 5\nx{other=\"GET\"} 6\nx 7\n",
			want: map[string]float64{`x{code="200",method="GET"}`: 3, `x{code="500",method="GET"}`: 4},
		},
		{
			name: "labels that look like the end", s: all, in: `x{a="} 9 # \"",b="\\"} 3` + "\n",
			want: map[string]float64{`x{a="} 9 # \"",b="\\"}`: 3},
		},
		{
			name: "the parts of a histogram are series", s: &Scrape{Name: "x_bucket", Labels: map[string]string{"le": "1"}},
			in: "# TYPE x histogram\nx_bucket{le=\"1\"} 4\nx_bucket{le=\"+Inf\"} 5\nx_sum 3\nx_count 5\n", want: map[string]float64{`x_bucket{le="1"}`: 4},
		},
		{name: "a name in quotes", s: &Scrape{Name: "x.y"}, in: "{\"x.y\",a=\"b\"} 3\n{\"z\"} 4\n", want: map[string]float64{`{"x.y",a="b"}`: 3}},
		{name: "what else is wrong is not ours", s: all, in: "# TYPE y nonsense\ny{a=} 1 2 3\nx 5\n", want: map[string]float64{"x": 5}},
		{name: "the end of a line elsewhere", s: all, in: "x 5\r\n", want: map[string]float64{"x": 5}},

		{name: "its time", s: all, in: "x{a=\"1\"} 5 1700000000500\nx{a=\"2\"} 5 1700000000400\n", want: map[string]float64{`x{a="1"}`: 5, `x{a="2"}`: 5}, at: "1700000000400"},
		{name: "the time of another", s: get, in: "x{method=\"GET\"} 5\nx 5 1700000000400\n", want: map[string]float64{`x{method="GET"}`: 5}},
		{
			name: "OpenMetrics", s: all, open: open, at: "1700000000250",
			in:   "# TYPE x counter\n# UNIT x seconds\nx_created 1\nx{a=\"1\"} 5 1700000000.25 # {trace_id=\"} # {\"} 0.67 1520879607.789\nx{a=\"2\"} 6 # {trace_id=\"b\"} 1\n# EOF\n",
			want: map[string]float64{`x{a="1"}`: 5, `x{a="2"}`: 6},
		},
		{name: "OpenMetrics to the letter", s: all, open: open, in: "x 5\n# EOF", want: map[string]float64{"x": 5}},
		{name: "exemplars in the text format", s: all, in: "x 5 # {trace_id=\"a\"} 1\n", want: map[string]float64{"x": 5}},

		{name: "no number is kept as none", s: all, in: "x{a=\"1\"} NaN\nx{a=\"2\"} +Inf\n", want: map[string]float64{`x{a="1"}`: math.NaN(), `x{a="2"}`: math.Inf(1)}},

		{name: "nothing", s: all, in: "", err: "there is no series x"},
		{name: "none that matches", s: get, in: "x 5\n", err: `there is no series x{method="GET"}`},
		{name: "a page for people", s: all, in: "<html>\n<body>x 5</body>\n", err: "there is no series x"},
		{name: "no value", s: all, in: "x \n", err: `read the series x: expected a value behind "x", got ""`},
		{name: "a word", s: all, in: "x many\n", err: `read the series x: text format parsing error in line 1: expected float as value, got "many"`},
		{name: "beyond all numbers", s: all, in: "x 1e999\n", err: `read the series x: text format parsing error in line 1: expected float as value, got "1e999"`},
		{name: "too much", s: all, in: "x 1 2 3\n", err: `read the series x: expected a value behind "x", got "1 2 3"`},
		{name: "a time that is none", s: all, in: "x 1 noon\n", err: `read the series x: strconv.ParseInt: parsing "noon": invalid syntax`},
		{name: "a time of OpenMetrics that is none", s: all, open: open, in: "x 1 NaN\n# EOF\n", err: "read the series x: NaN is no time"},
		{name: "braces that stay open", s: all, in: "x{a=\"b} 1\n", err: "read the series x: expected a value behind \"x{a=\\\"b} 1\\n\", got \"\""},
		{name: "a label without a value", s: all, in: "x{a} 1\n", err: "read the series x: text format parsing error in line 1: expected '=' after label name, found '}'"},
		{name: "twice", s: all, in: "x{a=\"1\",b=\"2\"} 1\nx{b=\"2\",a=\"1\"} 1\n", err: `the series x{a="1",b="2"} is there twice`},
		{name: "cut off", s: all, in: "x 5\nx{a=\"b\"} 12", err: "the last line of the page does not end: more may have been meant"},
		{name: "cut off between lines", s: all, open: open, in: "x 5\n", err: "the page does not end with # EOF: more may have been meant"},
		{name: "a line without end", s: all, in: "y " + strings.Repeat("1", longestLine), err: "a line of the page is longer than 64 KiB"},
		{name: "too many", s: all, in: strings.Repeat("x 1\n", mostSeries+1), err: "there are more than 10000 series x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := parsePage(strings.NewReader(c.in), c.s, c.open)
			if err != nil || c.err != "" {
				if fmt.Sprint(err) != c.err {
					t.Fatalf("got  %v\nwant %s", err, c.err)
				}
				return
			}
			if diff := cmp.Diff(c.want, p.series, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); diff != "" {
				t.Error(diff)
			}
			if at := ""; !p.at.IsZero() || c.at != "" {
				if at = fmt.Sprint(p.at.UnixMilli()); at != c.at {
					t.Errorf("its time is %s, want %s", at, c.at)
				}
			}
		})
	}
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name   string
		series map[string]float64
		want   float64
		err    string
	}{
		{"several", map[string]float64{"a": 1, "b": 2.5, "c": -1}, 2.5, ""},
		{"one that is no number", map[string]float64{"a": 1, "b": math.NaN()}, 0, "b: NaN is no value"},
		{"one without end", map[string]float64{"a": 1, "b": math.Inf(-1)}, 0, "b: -Inf is no value"},
		{"one that is absurd", map[string]float64{"a": 1e300}, 0, "a: 1e+300 is no value"},
		{"absurd together", map[string]float64{"a": 9e18, "b": 9e18}, 0, "1.8e+19 is no value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := (&page{series: c.series}).sum()
			if c.err != "" && fmt.Sprint(err) != c.err || c.err == "" && (err != nil || got != c.want) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	type step struct {
		after  time.Duration // of begin
		series map[string]float64
		want   float64
		over   time.Duration
		err    error
		says   string
	}
	one := func(v float64) map[string]float64 { return map[string]float64{"a": v} }
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"grows", []step{{0, one(5), 0, 0, errFirst, ""}, {10 * time.Second, one(25), 2, 10 * time.Second, nil, ""}, {20 * time.Second, one(25), 0, 10 * time.Second, nil, ""}}},
		{"falls", []step{{0, one(5), 0, 0, errFirst, ""}, {10 * time.Second, one(4), 0, 0, errAgain, ""}, {20 * time.Second, one(14), 1, 10 * time.Second, nil, ""}}},
		{
			"one falls while another grows", []step{
				{0, map[string]float64{"a": 5, "b": 5}, 0, 0, errFirst, ""},
				{10 * time.Second, map[string]float64{"a": 1, "b": 50}, 0, 0, errAgain, ""},
			},
		},
		{"one comes", []step{{0, one(5), 0, 0, errFirst, ""}, {10 * time.Second, map[string]float64{"a": 6, "b": 9}, 1, 10 * time.Second, nil, ""}}},
		{"one goes", []step{{0, map[string]float64{"a": 6, "b": 9}, 0, 0, errFirst, ""}, {10 * time.Second, one(60), 0, 0, errAgain, ""}, {20 * time.Second, one(70), 1, 10 * time.Second, nil, ""}}},
		{
			"too soon", []step{
				{0, one(0), 0, 0, errFirst, ""},
				{time.Second, one(9), 0, 0, errSoon, ""},
				{0, one(9), 0, 0, errSoon, ""},
				{10 * time.Second, one(20), 2, 10 * time.Second, nil, ""},
			},
		},
		{"a clock that was set back", []step{{0, one(0), 0, 0, errFirst, ""}, {-time.Hour, one(9), 0, 0, errSoon, ""}, {10*time.Second - time.Hour, one(29), 2, 10 * time.Second, nil, ""}}},
		{"too late", []step{{0, one(0), 0, 0, errFirst, ""}, {time.Hour, one(9), 0, 0, errLate, ""}, {time.Hour + 10*time.Second, one(29), 2, 10 * time.Second, nil, ""}}},
		{
			"no value between", []step{
				{0, one(0), 0, 0, errFirst, ""},
				{10 * time.Second, one(math.NaN()), 0, 0, nil, "a: NaN is no value of a counter"},
				{20 * time.Second, one(-1), 0, 0, nil, "a: -1 is no value of a counter"},
				{30 * time.Second, one(60), 2, 30 * time.Second, nil, ""},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &followed{}
			for i, s := range c.steps {
				got, over, err := f.growth(&page{series: s.series, at: begin.Add(s.after)}, 3*time.Second, time.Minute)
				if s.says != "" && fmt.Sprint(err) != s.says || s.says == "" && !errors.Is(err, s.err) || err == nil && (got != s.want || over != s.over) {
					t.Errorf("step %d: got %v over %v, %v", i, got, over, err)
				}
			}
		})
	}
}

// Whatever counters do between two looks, the rate is what they grew in all, or there is none
// as soon as one went back.
func TestGrowthIsTheSumOfWhatGrew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &followed{Target: sut.Target{ID: "orders/0"}}
		now, at := map[string]float64{}, time.Unix(1_700_000_000, 0)
		var known bool
		for range rapid.IntRange(1, 20).Draw(t, "looks") {
			var grown int
			back := false
			for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID[string]).Draw(t, "touched") {
				if by := rapid.IntRange(-3, 1000).Draw(t, name); by < 0 && now[name] > 0 {
					now[name], back = 0, true
				} else {
					now[name] += float64(max(by, 0))
					grown += max(by, 0)
				}
			}
			over := time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second
			at = at.Add(over)
			got, window, err := f.growth(&page{series: maps.Clone(now), at: at}, time.Second, time.Minute)
			switch {
			case !known || back:
				if err == nil {
					t.Fatalf("got %v of counters that began anew", got)
				}
			case err != nil || window != over || math.Abs(got*over.Seconds()-float64(grown)) > 1e-6:
				t.Fatalf("got %v over %v, %v; want %d", got, window, err, grown)
			}
			known = true
		}
	})
}

func TestLabelText(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"":                        nil,
		"up":                      {"__name__": "up"},
		`up{a="1",b="x\"\\\n"}`:   {"__name__": "up", "b": "x\"\\\n", "a": "1"},
		`{a="1"}`:                 {"a": "1"},
		`{"x.y","a.b"="1",c="2"}`: {"__name__": "x.y", "a.b": "1", "c": "2"},
	} {
		if got := labelText(labels); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if !slices.Equal([]string{cutOff("short"), cutOff(strings.Repeat("ä", 400))}, []string{"short", strings.Repeat("ä", 250) + "..."}) {
		t.Error("what is told is cut off at the wrong place")
	}
}
