package scaler_test

import (
	"math"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Each difference of the default mode: what upstream does, what we do, and that leaving the
// difference out brings upstream's back.
func TestDifferences(t *testing.T) {
	load := func(current int32, t autoscalingv2.MetricTarget, values ...int64) (*scaler.Spec, *scaler.Observation) {
		return bounded(external(t)), &scaler.Observation{SpecReplicas: current, StatusReplicas: current, Now: noon, External: []scaler.ExternalValues{{Metric: "jobs", Milli: values}}}
	}
	for _, row := range []struct {
		of       scaler.Difference
		make     func() (*scaler.Spec, *scaler.Observation, *scaler.History)
		upstream int32
		ours     int32
	}{
		{scaler.ExactRatio, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			return utilization(5), &scaler.Observation{SpecReplicas: 3, StatusReplicas: 3, Now: noon, Pods: cpu(1000, 59, 59, 59)}, &scaler.History{}
		}, 3, 4},
		{scaler.NoOverflow, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(3, target("1"), math.MaxInt64, math.MaxInt64) // their sum is -2
			o.Pods = cpu(1000, 1, 1, 1)
			return s, o, &scaler.History{}
		}, 1, 6}, // twice as many, the most at once
		{scaler.OwnedPods, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			pods := cpu(1000, 500, 500, 2000, 2000)
			pods[2].Foreign, pods[3].Foreign = true, true // crashing ones of another revision, say
			return utilization(50), &scaler.Observation{SpecReplicas: 2, StatusReplicas: 2, Now: noon, Pods: pods}, &scaler.History{}
		}, 4, 2},
		{scaler.KeptDirection, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(6, target("1"), 9000)
			o.Pods = unready(cpu(1000, 1, 1, 1, 1, 1, 1), 0, 1, 2, 3, 4, 5) // nine times the target, and none is ready
			return s, o, &scaler.History{}
		}, 1, 6},
		{scaler.MetricFallback, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(3, average("1"))
			s.Fallback = &scaler.Fallback{After: metav1.Duration{Duration: time.Minute}, Replicas: 6}
			return s, o, &scaler.History{Failures: []scaler.Failure{{Metric: "External jobs    ", Since: ago(2 * time.Minute)}}}
		}, 3, 6},
		{scaler.FlapLimit, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(6, average("1"), 2000)
			h := &scaler.History{}
			for i := range 4 {
				h.ScaleUps = append(h.ScaleUps, scaler.Change{At: ago(time.Duration(50-10*i) * time.Minute), Change: 1})
				h.ScaleDowns = append(h.ScaleDowns, scaler.Change{At: ago(time.Duration(45-10*i) * time.Minute), Change: 1})
			}
			return s, o, h
		}, 2, 6},
		{scaler.PersonsPause, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(0, target("1"), 3000)
			s.MinReplicas = new(int32(0))
			return s, o, &scaler.History{ScaledToZero: new(false)}
		}, 3, 0},
		{scaler.CostCeiling, func() (*scaler.Spec, *scaler.Observation, *scaler.History) {
			s, o := load(10, average("1"), 20_000)
			s.ReplicaHoursPerDay = 100
			day := noon.Truncate(24 * time.Hour)
			return s, o, &scaler.History{Spent: scaler.Spent{Day: day, At: noon, Hours: 80}} // 12 are set aside, 8 are left
		}, 20, 9},
	} {
		t.Run(row.of.String(), func(t *testing.T) {
			for options, want := range map[scaler.Options]int32{{}: row.ours, {Without: row.of}: row.upstream, {Compat: true}: row.upstream} {
				s, o, h := row.make()
				if d := scaler.New(s, options).Decide(o, h); d.Desired != want {
					e := d.Explain()
					t.Errorf("%+v: expected %d, got\n%s", options, want, e.Text())
				}
			}
		})
	}
}

// Of no pods there is no average. Upstream divides by zero, which decides nothing, and tells
// a number that Go leaves open.
func TestUsageOfNoPods(t *testing.T) {
	spec := bounded(external(average("1")))
	o := &scaler.Observation{Now: noon, SpecReplicas: 2, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{3000}}}}
	d := scaler.New(spec, scaler.Options{}).Decide(o, &scaler.History{})
	if m := d.Metrics[0]; *m.Proposal != 3 || m.Usage != 3000 || m.Ratio != 3 {
		t.Errorf("expected 3 by a usage of 3, got %+v", m)
	}
}

// What the direction keeps is seen before the doubling and the tolerance hide it.
func TestSurgeDoesNotScaleUp(t *testing.T) {
	pods := cpu(1000, 440, 440, 440, 440, 440, 440, 440, 440)
	for compat, want := range map[bool]int32{true: 8, false: 4} {
		d := decide(utilization(50), compat, &scaler.Observation{SpecReplicas: 4, Pods: pods}, nil)
		if *d.Metrics[0].Proposal != want {
			t.Errorf("compat %v: expected %d at 88 %% of the target, got %d", compat, want, *d.Metrics[0].Proposal)
		}
	}
}

// Upstream forgets a change when its own direction's longest period is over, though the
// other direction has a longer one and reads it (H2).
func TestHistoryOfBothDirections(t *testing.T) {
	spec := bounded(external(average("1")))
	spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp:   &autoscalingv2.HPAScalingRules{Policies: policies{pods(10, 15)}},
		ScaleDown: &autoscalingv2.HPAScalingRules{Policies: policies{pods(1, 600)}},
	}
	for compat, want := range map[bool]int{true: 1, false: 2} {
		s := scaler.New(spec, scaler.Options{Compat: compat})
		h := &scaler.History{}
		s.Scaled(h, ago(5*time.Minute), 2, 10)
		s.Scaled(h, ago(4*time.Minute), 10, 12)
		if len(h.ScaleUps) != want {
			t.Errorf("compat %v: expected %d changes, got %v", compat, want, h.ScaleUps)
		}
	}
}

// A turn counts from when it was, although what it turned from is longer ago than the budget
// reads.
func TestFlapBudgetKnowsWhatTurned(t *testing.T) {
	spec := bounded(external(average("1")))
	spec.FlapBudget = &scaler.FlapBudget{Turns: 2, Within: metav1.Duration{Duration: 10 * time.Minute}}
	s, h := scaler.New(spec, scaler.Options{}), &scaler.History{}
	s.Scaled(h, ago(13*time.Minute), 1, 2)
	s.Scaled(h, ago(12*time.Minute), 2, 3)
	s.Scaled(h, ago(9*time.Minute), 3, 2) // a turn
	s.Scaled(h, ago(time.Minute), 2, 4)   // and another, when the first change is forgotten
	o := &scaler.Observation{Now: noon, SpecReplicas: 4, StatusReplicas: 4, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{1000}}}}
	if d := s.Decide(o, h); d.Desired != 4 || d.Bound != scaler.BoundFlaps || d.Have != 2 || len(h.ScaleUps) != 2 {
		t.Errorf("expected two turns, got %+v of %+v", d, h)
	}
}

// A change without a word why is upstream's: of a recommendation of before (H7).
func TestEveryChangeHasAReason(t *testing.T) {
	for compat, want := range map[bool]bool{true: false, false: true} {
		spec, o := wanting(3, 3)
		d := decide(spec, compat, o, &scaler.History{Recommendations: []scaler.Recommendation{{At: ago(time.Minute), Replicas: 5}}})
		if e := d.Explain(); d.Desired != 5 || (e.Reason != "") != want || d.Bound != scaler.BoundDownWindow {
			t.Errorf("compat %v: %+v", compat, e)
		}
	}
}

func TestHistorySurvivesAndDoesNotGrow(t *testing.T) {
	spec, _ := wanting(1, 1)
	for _, compat := range []bool{true, false} {
		s, h := scaler.New(spec, scaler.Options{Compat: compat}), &scaler.History{}
		h.Seed(noon, 1)
		now, current := noon, int32(1)
		for i := range 5000 {
			_, o := wanting(current, int32(1+i%7))
			o.Now, o.StatusReplicas = now, current
			d := s.Decide(o, h)
			if d.Desired != current {
				s.Scaled(h, now, current, d.Desired)
				current = d.Desired
			}
			now = now.Add(15 * time.Second)
		}
		if n := len(h.Recommendations); n > 25 {
			t.Errorf("compat %v: %d recommendations of 300 s, every 15 s", compat, n)
		}
		if n := len(h.ScaleUps) + len(h.ScaleDowns); n > 250 {
			t.Errorf("compat %v: %d changes of an hour", compat, n)
		}
		if c := h.Clone(); !slices.Equal(c.Recommendations, h.Recommendations) {
			t.Error("a clone differs")
		}
	}
}

func TestToleranceOfEachDirection(t *testing.T) {
	for _, row := range []struct {
		up, down string
		milli    int64
		want     int32
	}{
		{"0.2", "0", 1190, 10}, {"0.2", "0", 1210, 13}, {"0", "0.2", 990, 10}, {"0", "0.2", 790, 8}, {"0", "0", 1001, 11}, {"0", "0", 999, 10},
	} {
		spec := tolerant(bounded(external(average("1"))), row.up, row.down)
		o := &scaler.Observation{SpecReplicas: 10, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{row.milli * 10}}}}
		if d := decide(spec, true, o, nil); *d.Metrics[0].Proposal != row.want {
			t.Errorf("%s up, %s down, %d %%: expected %d, got %d", row.up, row.down, row.milli/10, row.want, *d.Metrics[0].Proposal)
		}
	}
}

func TestBadMetrics(t *testing.T) {
	for _, row := range []struct {
		name string
		good int32 // what the other metric proposes; 0: there is none
		want int32
	}{
		{"all are bad", 0, 5}, {"the good one would scale down", 3, 5}, {"the good one scales up", 7, 7},
	} {
		spec := bounded(external(average("1")), autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Service", Name: "web"}, Metric: autoscalingv2.MetricIdentifier{Name: "qps"}, Target: average("1"),
		}})
		o := &scaler.Observation{SpecReplicas: 5, Errors: map[string]string{"jobs": "the queue did not answer"}}
		if row.good > 0 {
			o.Objects = []scaler.ObjectValue{{Metric: "qps", Kind: "Service", Name: "web", Milli: int64(row.good) * 1000}}
		}
		d := decide(spec, true, o, nil)
		if o.Errors["jobs"] = ""; decide(spec, true, o, nil).Metrics[0].Error == "" {
			t.Errorf("%s: what fails without a word has an error", row.name)
		}
		if d.Desired != row.want || d.Metrics[0].Error != "the queue did not answer" {
			t.Errorf("%s: expected %d, got %+v", row.name, row.want, d)
		}
	}
}

func TestMilliOfWhatIsTooLarge(t *testing.T) {
	q := resource.MustParse("10000E")
	if got := scaler.Milli(q, false); got != math.MaxInt64 {
		t.Errorf("expected the largest, got %d", got)
	}
	if got := scaler.Milli(q, true); got != q.MilliValue() {
		t.Errorf("expected upstream's %d, got %d", q.MilliValue(), got)
	}
}
