package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/healers/scaler"
	"github.com/rebound-chaos/rebound/healers/scaler/files"
	"github.com/rebound-chaos/rebound/healers/scaler/replay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The metrics of the specs below.
const (
	cpuHalf   = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}"
	podsTen   = `{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: "10"}}}`
	queueFive = `{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: "5"}}}`
	delayTwo  = `{type: Object, object: {metric: {name: delay}, describedObject: {kind: Service, name: web, apiVersion: v1}, target: {type: Value, value: "2"}}}`
)

// tb is what tests, benchmarks and properties have in common.
type tb interface {
	Helper()
	Context() context.Context
	Fatal(...any)
}

func hpa(t tb, text string, args ...any) *scaler.Spec {
	t.Helper()
	spec, err := files.HPA("hpa.yaml", fmt.Appendf(nil, text, args...))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func recording(t tb, text string) replay.Recording {
	t.Helper()
	rec, err := files.Recording("day.csv", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func run(t tb, spec *scaler.Spec, rec replay.Recording, o replay.Options) replay.Result {
	t.Helper()
	r, err := replay.Run(t.Context(), spec, rec, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func oneCore() corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
}

// rows is a recording of one column with a row a minute.
func rows(name string, values ...any) string {
	var b strings.Builder
	b.WriteString("time," + name + "\n")
	for i, v := range values {
		fmt.Fprintf(&b, "%d,%v\n", 60*i, v)
	}
	return b.String()
}

// at is the step at so many seconds, in short.
func at(r *replay.Result, seconds int) string {
	i := slices.IndexFunc(r.Steps, func(s replay.Step) bool { return s.At == time.Duration(seconds)*time.Second })
	if i < 0 {
		return "there is no such step"
	}
	s := &r.Steps[i]
	text := fmt.Sprintf("%d>%d wanted %d ready %d", s.Replicas, s.Desired, s.Wanted, s.Ready)
	if s.Bound != "" {
		text += " " + string(s.Bound)
	}
	if s.Short {
		text += " short"
	}
	return text
}

// TestModel plays small recordings that were reckoned by hand.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, metrics, bounds, csv string
		options                    replay.Options
		want                       map[int]string
		sum                        func(*replay.Summary) bool
	}{
		{
			// 0.5 cores are the target of one. What comes at 60 s needs two, and the second is
			// ready at 90 s. Until then it is pending, and counts as one that uses nothing. The
			// last time that two were wanted is 285 s: for 5 min after it nothing is removed.
			name: "up, warm, down", metrics: cpuHalf, bounds: "maxReplicas: 9",
			csv: rows("cpu", "500m", 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
			want: map[int]string{
				0: "1>1 wanted 1 ready 1", 45: "1>1 wanted 1 ready 1", 60: "1>2 wanted 2 ready 1 short",
				75: "2>2 wanted 2 ready 1 short", 90: "2>2 wanted 2 ready 2", 105: "2>2 wanted 2 ready 2", 285: "2>2 wanted 2 ready 2",
				300: "2>2 wanted 1 ready 2 scaleDownWindow", 585: "2>2 wanted 1 ready 2 scaleDownWindow", 600: "2>1 wanted 1 ready 1",
			},
			sum: func(s *replay.Summary) bool {
				return s.Decisions == 48 && s.Played == 12*time.Minute && s.Short == 30*time.Second && s.LongestShort == replay.Stretch{From: time.Minute, Until: 90 * time.Second} &&
					s.ScaleUps == 1 && s.ScaleDowns == 1 && s.Turns == 1 && s.Least == 1 && s.Most == 2 &&
					math.Abs(s.ReplicaHours-(12+9)/60.0) < 1e-9 && math.Abs(s.Mean-21/12.0) < 1e-9 && slices.Equal(s.Bounds, []replay.Held{{Bound: scaler.BoundDownWindow, Decisions: 20}})
			},
		},
		{
			name: "ready at once", metrics: cpuHalf, bounds: "maxReplicas: 9", csv: rows("cpu", 0.5, 1, 1),
			options: replay.Options{ReadyAfter: -1},
			want:    map[int]string{60: "1>2 wanted 2 ready 2", 75: "2>2 wanted 2 ready 2"},
			sum:     func(s *replay.Summary) bool { return s.Short == 0 && s.ShortShare == 0 },
		},
		{
			// Without a behavior at most max(2 * current, 4) are there after a decision. Of
			// metrics of pods one that is pending counts as unready as well: 10 are wanted of
			// 40 among 4, and not 40.
			name: "a jump, by doubling", metrics: podsTen, bounds: "maxReplicas: 8", csv: rows("rps", 10, 100, 100, 100),
			want: map[int]string{
				60: "1>4 wanted 10 ready 1 doubling short", 75: "4>8 wanted 10 ready 1 maxReplicas short",
				90: "8>8 wanted 10 ready 4 maxReplicas short", 105: "8>8 wanted 10 ready 8 maxReplicas short",
			},
			sum: func(s *replay.Summary) bool { return s.AtMax == 165*time.Second && s.Short == 3*time.Minute },
		},
		{
			// A value holds for three steps, 120 s to 300 s; then the metric cannot be had, and
			// what there is stays.
			name: "a gap", metrics: podsTen, bounds: "maxReplicas: 9", csv: "time,rps\n0,20\n60,20\n120,20\n900,20\n960,20\n",
			want: map[int]string{
				0: "2>2 wanted 2 ready 2", 300: "2>2 wanted 2 ready 2", 315: "2>2 wanted 2 ready 2 metricFailed",
				885: "2>2 wanted 2 ready 2 metricFailed", 900: "2>2 wanted 2 ready 2",
			},
			sum: func(s *replay.Summary) bool { return s.Unknown == 585*time.Second && s.Short == 0 },
		},
		{
			name: "an empty cell is not zero", metrics: podsTen, bounds: "maxReplicas: 9", csv: rows("rps", 40, "", 40),
			want: map[int]string{0: "4>4 wanted 4 ready 4", 60: "4>4 wanted 4 ready 4 metricFailed", 120: "4>4 wanted 4 ready 4"},
			sum:  func(s *replay.Summary) bool { return s.Unknown == time.Minute && s.AtMax == 0 },
		},
		{
			// The fallback holds once the metric has failed for 60 s.
			name: "a fallback", metrics: podsTen, bounds: "maxReplicas: 9, fallback: {after: 60s, replicas: 7}", csv: rows("rps", 40, "", "", 40),
			want: map[int]string{105: "4>4 wanted 4 ready 4 metricFailed", 120: "4>7 wanted 7 ready 4", 180: "7>7 wanted 4 ready 7 scaleDownWindow"},
			sum:  func(s *replay.Summary) bool { return s.Unknown == 2*time.Minute },
		},
		{
			name: "from nothing", metrics: queueFive, bounds: "minReplicas: 0, maxReplicas: 9", csv: rows("queue", 0, 10, 10),
			want: map[int]string{0: "0>0 wanted 0 ready 0", 60: "0>2 wanted 2 ready 0 short", 75: "2>2 wanted 2 ready 0 short", 90: "2>2 wanted 2 ready 2"},
			sum:  func(s *replay.Summary) bool { return s.Least == 0 && s.Short == 30*time.Second },
		},
		{
			// A value for all is what it was, however many there are: it is above its target
			// for ever, and all that may be are added.
			name: "a value for all", metrics: delayTwo, bounds: "maxReplicas: 5", csv: rows("delay", 3, 3, 3),
			want: map[int]string{0: "1>2 wanted 2 ready 1 short", 15: "2>2 wanted 2 ready 1 short", 30: "2>3 wanted 3 ready 2 short"},
			sum:  func(s *replay.Summary) bool { return s.Short == 3*time.Minute },
		},
		{
			// The nine of the beginning count as asked for: they hold for 5 min, within the bounds.
			name: "out of bounds", metrics: podsTen, bounds: "minReplicas: 3, maxReplicas: 4", csv: rows("rps", 10, 10),
			options: replay.Options{Start: 9},
			want:    map[int]string{0: "9>4 wanted 4 ready 4 maxReplicas", 15: "4>4 wanted 1 ready 4 maxReplicas"},
		},
		{
			name: "the highest holds", metrics: cpuHalf + ", " + podsTen, bounds: "maxReplicas: 9",
			csv:  "time,rps,cpu\n0,30,0.5\n60,30,2.5\n120,30,2.5\n",
			want: map[int]string{0: "3>3 wanted 3 ready 3", 60: "3>5 wanted 5 ready 3 short", 90: "5>5 wanted 5 ready 5"},
		},
		{
			// Both look at the one column: the container that is named has all of it.
			name: "a container", bounds: "maxReplicas: 9",
			metrics: cpuHalf + ", {type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: AverageValue, averageValue: 250m}}}" +
				`, {type: ContainerResource, containerResource: {name: memory, container: cache, target: {type: AverageValue, averageValue: 1Gi}}}`,
			csv:  "time,cpu,memory\n0,1,1Gi\n60,1,6Gi\n120,1,6Gi\n",
			want: map[int]string{0: "4>4 wanted 4 ready 4", 60: "4>6 wanted 6 ready 4 short", 90: "6>6 wanted 6 ready 6"},
		},
		{
			name: "seconds are not the interval's", metrics: podsTen, bounds: "maxReplicas: 9", csv: "time,rps\n0,10\n7,30\n10,30\n",
			want: map[int]string{0: "1>1 wanted 1 ready 1"},
			sum:  func(s *replay.Summary) bool { return s.Decisions == 1 && s.Played == 13*time.Second && s.Mean == 1 },
		},
		{
			name: "one row", metrics: podsTen, bounds: "maxReplicas: 9", csv: "time,rps\n0,25\n",
			want: map[int]string{0: "3>3 wanted 3 ready 3"},
			sum:  func(s *replay.Summary) bool { return s.Decisions == 1 && s.Played == scaler.DefaultInterval },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.options.Requests == nil {
				c.options.Requests = oneCore()
			}
			r := run(t, hpa(t, "{%s, metrics: [%s]}", c.bounds, c.metrics), recording(t, c.csv), c.options)
			got := map[int]string{}
			for seconds := range c.want {
				got[seconds] = at(&r, seconds)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if c.sum != nil && !c.sum(&r.Summary) {
				t.Errorf("summary: %+v", r.Summary)
			}
		})
	}
}

// The loads are what ready replicas bear, from the decision on.
func TestLoads(t *testing.T) {
	t.Parallel()
	r := run(t, hpa(t, "{maxReplicas: 9, metrics: [%s, %s]}", podsTen, delayTwo), recording(t, "time,rps,delay\n0,40,1\n60,,3\n120,0,1\n"), replay.Options{})
	want := map[int][]replay.Load{
		0: {{Demand: 40, Usage: 10, Ratio: 1}, {Demand: 1, Usage: 1, Ratio: 0.5}},
		4: {{Demand: math.NaN()}, {Demand: 3, Usage: 3, Ratio: 1.5}},
		8: {{}, {Demand: 1, Usage: 1, Ratio: 0.5}},
	}
	for i, loads := range want {
		for m, w := range loads {
			got := r.Steps[i].Loads[m]
			if math.IsNaN(w.Demand) {
				if !math.IsNaN(got.Demand) || !math.IsNaN(got.Usage) || !math.IsNaN(got.Ratio) {
					t.Errorf("step %d, metric %d: %+v of what is missing", i, m, got)
				}
			} else if got != w {
				t.Errorf("step %d, metric %d: %+v, want %+v", i, m, got, w)
			}
		}
	}
	if len(r.Metrics) != 2 || r.Metrics[0].Target != "10 each" || r.Metrics[1].Target != "2 in all" {
		t.Errorf("metrics: %+v", r.Metrics)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "delay has a target for all replicas together") {
		t.Errorf("warnings: %q", r.Warnings)
	}
}

// In compat mode the integers are upstream's: at a target of 5 % it rounds 5.9 % to 5 %.
func TestCompat(t *testing.T) {
	t.Parallel()
	spec := hpa(t, "{maxReplicas: 99, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 5}}}]}")
	rec := recording(t, rows("cpu", 0.59, 0.59))
	o := replay.Options{Start: 10, Requests: oneCore()}
	exact := run(t, spec, rec, o)
	o.Compat = true
	compat := run(t, spec, rec, o)
	if at(&exact, 0) != "10>12 wanted 12 ready 10 short" || at(&compat, 0) != "10>10 wanted 10 ready 10 short" {
		t.Errorf("exact %s, compat %s", at(&exact, 0), at(&compat, 0))
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	two := hpa(t, "{maxReplicas: 9, metrics: [%s, %s]}", cpuHalf, podsTen)
	year := recording(t, "time,cpu,rps\n0,1,1\n86400,1,1\n31536000,1,1\n")
	crowd := hpa(t, "{maxReplicas: 2000000000, metrics: [%s]}", podsTen)
	container := func(name string) string {
		return "{type: ContainerResource, containerResource: {name: cpu, container: " + name + ", target: {type: AverageValue, averageValue: 250m}}}"
	}
	for _, c := range []struct {
		name string
		spec *scaler.Spec
		rec  replay.Recording
		o    replay.Options
		is   error
		want []string
	}{
		{
			name: "no column, no request", spec: two, rec: recording(t, "time,cpu,memory\n0,1,1\n"), is: replay.ErrColumn,
			want: []string{"metrics[0], Resource cpu: its target is a share", "there is no request", "metrics[1], Pods rps: there is no such column named rps; those that are there: cpu, memory"},
		},
		{name: "no request", spec: two, rec: recording(t, "time,cpu,rps\n0,1,1\n"), is: replay.ErrRequest, want: []string{"cpu"}},
		{name: "nothing", spec: two, o: replay.Options{Requests: oneCore()}, want: []string{"empty"}},
		{name: "a negative start", spec: two, rec: recording(t, "time,cpu,rps\n0,1,1\n"), o: replay.Options{Requests: oneCore(), Start: -1}, want: []string{"got -1"}},
		{name: "too long", spec: two, rec: year, o: replay.Options{Requests: oneCore()}, want: []string{"2108160 decisions", "1000000"}},
		{name: "too many", spec: crowd, rec: recording(t, rows("rps", 10, 1e12)), o: replay.Options{Start: 90_000}, want: []string{"too large", "180000 replicas"}},
		{name: "too many to start with", spec: crowd, rec: recording(t, rows("rps", 1e15)), want: []string{"too large", "2000000000 replicas"}},
		{
			name: "two containers", spec: hpa(t, "{maxReplicas: 9, metrics: [%s, %s]}", container("app"), container("cache")),
			rec: recording(t, rows("cpu", 1)), want: []string{"app and cache"},
		},
		{
			name: "not a recording", spec: two, want: []string{"row 2: its time is not after", "column cpu: it has 1 values for 2 times", "column rps, row 1", "got -1", "got +Inf"},
			rec: replay.Recording{
				Times:   []time.Time{time.Unix(5, 0), time.Unix(5, 0)},
				Columns: []replay.Column{{Name: "cpu", Values: []float64{1}}, {Name: "rps", Values: []float64{-1, math.Inf(1)}}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := replay.Run(t.Context(), c.spec, c.rec, c.o)
			if err == nil {
				t.Fatal("it was played")
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("not %v: %v", c.is, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	spec := hpa(t, "{maxReplicas: 9, metrics: [%s, %s]}", podsTen, strings.ReplaceAll(queueFive, "queue", "rps"))
	r := run(t, spec, recording(t, "time,rps,spare\n0,1,1\n300,1,1\n600,1,1\n"), replay.Options{})
	want := []string{
		"no metric uses the column spare", "two metrics read the column rps, a Pods and a External metric",
		"the recording has a row each 5 min: shorter peaks are not in it",
	}
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Error(diff)
	}
}

// day is the example, as the README plays it.
func day(t tb) replay.Result {
	t.Helper()
	spec, rec := example(t)
	return run(t, spec, rec, replay.Options{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}})
}

func example(t tb) (*scaler.Spec, replay.Recording) {
	t.Helper()
	text, err := os.ReadFile("testdata/hpa.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := files.HPA("hpa.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile("testdata/day.csv"); err != nil {
		t.Fatal(err)
	}
	rec, err := files.Recording("day.csv", text)
	if err != nil {
		t.Fatal(err)
	}
	return spec, rec
}

func TestDay(t *testing.T) {
	t.Parallel()
	r := day(t)
	got := r.Lead() + "\n\n" + r.Text()
	if *update {
		if err := os.WriteFile("testdata/day.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/day.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("day.txt (-want +got; go test ./healers/scaler/replay -update if this is meant):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := run(t, hpa(t, "{minReplicas: 0, maxReplicas: 9, metrics: [%s]}", queueFive), recording(t, rows("queue", 0, 10, "")), replay.Options{Interval: 30 * time.Second})
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"intervalSeconds": 30`, `"shortSeconds": 30`, `"fromSeconds": 60`, `"ratio": null`, `"demand": null`, `"bound": "metricFailed"`, `"warnings": []`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in:\n%s", want, b)
		}
	}
}

// BenchmarkDay is a day with 50 replicas, a decision each 15 s.
func BenchmarkDay(b *testing.B) {
	spec := hpa(b, "{minReplicas: 50, maxReplicas: 60, metrics: [%s, %s]}", cpuHalf, podsTen)
	rec := replay.Recording{Columns: []replay.Column{{Name: "cpu"}, {Name: "rps"}}}
	for i := range 5760 {
		rec.Times = append(rec.Times, time.Unix(15*int64(i), 0))
		rec.Columns[0].Values = append(rec.Columns[0].Values, 25+3*math.Sin(float64(i)/100))
		rec.Columns[1].Values = append(rec.Columns[1].Values, 500+50*math.Sin(float64(i)/70))
	}
	b.ReportAllocs()
	for b.Loop() {
		run(b, spec, rec, replay.Options{Requests: oneCore()})
	}
}
