package scaler_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// moment is a decision of a walk, and how many there are from then on.
type moment struct {
	at time.Time
	d  scaler.Decision
}

// walk is a workload whose demand goes up and down: one decision after the other, each done.
type walk struct {
	spec    *scaler.Spec
	initial int32
	moments []moment
	history *scaler.History
}

// before is how many there were at a time.
func (w *walk) before(at time.Time) int32 {
	n := w.initial
	for _, m := range w.moments {
		if !m.at.After(at) {
			n = m.d.Desired
		}
	}
	return n
}

// wanted are what the metrics asked for after a time, and up to the i-th decision. What there
// was at the beginning counts as asked for, and metrics that failed asked for nothing.
func (w *walk) wanted(i int, after time.Time) (lowest, highest int32) {
	lowest, highest = math.MaxInt32, 0
	if noon.After(after) {
		lowest, highest = w.initial, w.initial
	}
	for _, m := range w.moments[:i+1] {
		if m.at.After(after) && m.d.Bound != scaler.BoundMetric {
			lowest, highest = min(lowest, m.d.Wanted), max(highest, m.d.Wanted)
		}
	}
	return lowest, highest
}

func drawRules(t *rapid.T, way string) *autoscalingv2.HPAScalingRules {
	p := percent(rapid.Int32Range(1, 200).Draw(t, way+" percent"), rapid.Int32Range(1, 600).Draw(t, way+" period"))
	if rapid.Bool().Draw(t, way+" by pods") {
		p = pods(rapid.Int32Range(1, 20).Draw(t, way+" pods"), p.PeriodSeconds)
	}
	return &autoscalingv2.HPAScalingRules{
		Policies:                   policies{p},
		SelectPolicy:               new(rapid.SampledFrom([]autoscalingv2.ScalingPolicySelect{"Max", "Min", "Disabled"}).Draw(t, way+" select")),
		StabilizationWindowSeconds: new(rapid.Int32Range(0, 400).Draw(t, way+" window")),
	}
}

// walk decides for some moments. Between is told before each.
func (w *walk) walk(t *rapid.T, options scaler.Options, between func(now time.Time, s *scaler.Scaler, o *scaler.Observation)) {
	low := rapid.Int32Range(1, 5).Draw(t, "min")
	w.spec.MinReplicas, w.spec.MaxReplicas = &low, low+rapid.Int32Range(0, 150).Draw(t, "more")
	w.initial = rapid.Int32Range(low, w.spec.MaxReplicas).Draw(t, "initial")
	w.history = &scaler.History{}
	now, current := noon, w.initial
	w.history.Seed(now, current)
	s := scaler.New(w.spec, options)
	for range rapid.IntRange(1, 60).Draw(t, "decisions") {
		now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "later")) * time.Second)
		o := &scaler.Observation{Now: now, SpecReplicas: current, StatusReplicas: current}
		if rapid.IntRange(0, 9).Draw(t, "fails") > 0 {
			o.External = []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{rapid.Int64Range(0, 200_000).Draw(t, "jobs")}}}
		}
		if rapid.IntRange(0, 9).Draw(t, "the other fails") > 0 {
			o.Objects = []scaler.ObjectValue{{Metric: "qps", Kind: "Ingress", Name: "web", Milli: rapid.Int64Range(0, 100_000).Draw(t, "qps")}}
		}
		if between != nil {
			between(now, s, o)
		}
		d := s.Decide(o, w.history)
		if d.Desired != current {
			s.Scaled(w.history, now, current, d.Desired)
			current = d.Desired
		}
		w.moments = append(w.moments, moment{now, d})
	}
}

// What a behavior promises holds over any walk: nothing goes below the highest of the window
// down, nor above the lowest of the window up; no period of a policy sees more than its value;
// what is disabled does not happen; what fails does not scale down; and each change, and each
// number that is not the one that was asked for, has its reason.
func TestWalksKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		up, down := drawRules(t, "up"), drawRules(t, "down")
		w := walk{spec: bounded(external(average("1")), perPod())}
		w.spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: up, ScaleDown: down}
		w.spec.FlapBudget = &scaler.FlapBudget{Turns: rapid.Int32Range(1, 5).Draw(t, "turns"), Within: metav1.Duration{Duration: 10 * time.Minute}}
		w.walk(t, scaler.Options{}, nil)
		var turned []time.Time
		direction := int32(0)
		for i, m := range w.moments {
			d := m.d
			fail := func(format string, args ...any) {
				t.Helper()
				e := d.Explain()
				t.Fatalf(format+"\nat %s:\n%s", append(args, m.at, e.Text())...)
			}
			if d.Desired != d.Current && d.Reason == "" {
				fail("a change without a reason")
			}
			if d.Desired != d.Wanted && d.Bound == scaler.BoundNone {
				fail("%d were wanted, and nothing bound", d.Wanted)
			}
			if d.Bad > 0 && d.Desired < d.Current {
				fail("scaled down without knowing")
			}
			p := up.Policies[0]
			then := w.before(m.at.Add(-time.Duration(p.PeriodSeconds) * time.Second))
			if i == 0 {
				then = w.initial
			}
			lowest, _ := w.wanted(i, m.at.Add(-time.Duration(*up.StabilizationWindowSeconds)*time.Second))
			_, highest := w.wanted(i, m.at.Add(-time.Duration(*down.StabilizationWindowSeconds)*time.Second))
			switch {
			case d.Desired > d.Current && *up.SelectPolicy == "Disabled", d.Desired < d.Current && *down.SelectPolicy == "Disabled":
				fail("what is disabled was done")
			case d.Desired > d.Current:
				if d.Desired > max(lowest, d.Wanted) || d.Desired > lowest {
					fail("up to %d, and %d were wanted in the window", d.Desired, lowest)
				}
				if most := allowed(p, then, 1); d.Desired > most {
					fail("up to %d, and of %d the policy allows %d", d.Desired, then, most)
				}
			case d.Desired < d.Current:
				p = down.Policies[0]
				then = w.before(m.at.Add(-time.Duration(p.PeriodSeconds) * time.Second))
				if d.Desired < highest && d.Desired < w.spec.MaxReplicas {
					fail("down to %d, and %d were wanted in the window", d.Desired, highest)
				}
				if least := allowed(p, then, -1); d.Desired < least {
					fail("down to %d, and of %d the policy allows %d", d.Desired, then, least)
				}
			}
			if d.Desired == d.Current {
				continue
			}
			by := int32(1)
			if d.Desired < d.Current {
				by = -1
			}
			if direction == -by {
				turned = append(turned, m.at)
			}
			direction = by
			lately := 0
			for _, at := range turned {
				if at.After(m.at.Add(-w.spec.FlapBudget.Within.Duration)) {
					lately++
				}
			}
			// The last turn may be one up: that is never kept back.
			if lately > int(w.spec.FlapBudget.Turns)+1 || lately > int(w.spec.FlapBudget.Turns) && by < 0 {
				fail("%d turns in ten minutes", lately)
			}
		}
	})
}

// allowed is how far a policy lets go from what there was when its period began.
func allowed(p autoscalingv2.HPAScalingPolicy, then int32, direction int) int32 {
	switch {
	case p.Type == autoscalingv2.PodsScalingPolicy:
		return then + int32(direction)*p.Value
	case direction > 0:
		return int32(math.Ceil(float64(then)*(1+float64(p.Value)/100) - 1e-9))
	}
	return int32(float64(then) * (1 - float64(p.Value)/100))
}

// Without a behavior nothing is more than doubled at once, or goes below what was wanted in
// five minutes.
func TestWalksWithoutBehavior(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := walk{spec: bounded(external(average("1")))}
		w.walk(t, scaler.Options{Compat: rapid.Bool().Draw(t, "compat")}, nil)
		for i, m := range w.moments {
			d := m.d
			if d.Desired > max(2*d.Current, 4) {
				t.Fatalf("from %d to %d at once", d.Current, d.Desired)
			}
			_, highest := w.wanted(i, m.at.Add(-scaler.DefaultDownWindow-time.Nanosecond))
			if d.Bad == 0 && d.Desired < d.Current && d.Desired < min(highest, w.spec.MaxReplicas) {
				t.Fatalf("down to %d, and %d were wanted in five minutes", d.Desired, highest)
			}
			if d.Bad > 0 && d.Desired < d.Current {
				t.Fatalf("scaled down without knowing: %+v", d)
			}
		}
	})
}

// A restart before each decision changes none (H1), nor does it that each is asked for show
// before; and neither the observation nor the spec is changed by it.
func TestWalksSurviveRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := bounded(external(average("1")))
		spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: drawRules(t, "up"), ScaleDown: drawRules(t, "down")}
		spec.Fallback = &scaler.Fallback{After: metav1.Duration{Duration: time.Minute}, Replicas: 1}
		spec.ReplicaHoursPerDay = 3600
		w := walk{spec: spec}
		options := scaler.Options{Compat: rapid.Bool().Draw(t, "compat")}
		var shown []scaler.Decision
		w.walk(t, options, func(_ time.Time, s *scaler.Scaler, o *scaler.Observation) {
			b, err := json.Marshal(w.history)
			if err != nil {
				t.Fatal(err)
			}
			var again scaler.History
			if err := json.Unmarshal(b, &again); err != nil {
				t.Fatal(err)
			}
			seen, asked := *o, w.spec.Defaulted()
			shown = append(shown, s.Decide(o, w.history.Clone()))
			if !reflect.DeepEqual(seen, *o) || !reflect.DeepEqual(asked, w.spec.Defaulted()) {
				t.Fatalf("asking changed what was asked about: %+v, %+v", seen, *o)
			}
			w.history = &again
		})
		for i, m := range w.moments {
			if !reflect.DeepEqual(shown[i], m.d) {
				t.Fatalf("shown was %+v, and done %+v", shown[i], m.d)
			}
		}
	})
}
