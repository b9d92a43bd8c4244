package scaler_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// a case for properties: one metric of any kind, and what is seen of it.
type drawn struct {
	spec *scaler.Spec
	o    *scaler.Observation
	h    *scaler.History
}

func draw(t *rapid.T, usage *rapid.Generator[int64]) drawn {
	milli := func(name string) *resource.Quantity {
		return resource.NewMilliQuantity(rapid.Int64Range(1, 5000).Draw(t, name), resource.DecimalSI)
	}
	kinds := map[string]func() autoscalingv2.MetricSpec{
		"utilization": func() autoscalingv2.MetricSpec {
			return utilization(rapid.Int32Range(1, 300).Draw(t, "percent")).Metrics[0]
		},
		"raw": func() autoscalingv2.MetricSpec {
			return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: "cpu", Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: milli("target")},
			}}
		},
		"value": func() autoscalingv2.MetricSpec {
			return external(autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: milli("target")})
		},
		"average": func() autoscalingv2.MetricSpec {
			return external(autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: milli("target")})
		},
	}
	kind := rapid.SampledFrom([]string{"utilization", "raw", "value", "average"}).Draw(t, "kind")
	d := drawn{spec: bounded(kinds[kind]()), h: &scaler.History{}}
	low := rapid.Int32Range(1, 20).Draw(t, "min")
	d.spec.MinReplicas, d.spec.MaxReplicas = &low, low+rapid.Int32Range(0, 100).Draw(t, "more")
	if rapid.Bool().Draw(t, "behavior") {
		d.spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{
			Policies: policies{pods(rapid.Int32Range(1, 1000).Draw(t, "pods"), 60)},
		}}
	}
	current := rapid.Int32Range(low, d.spec.MaxReplicas).Draw(t, "current")
	d.o = &scaler.Observation{Now: noon, SpecReplicas: current, StatusReplicas: current}
	var values []int64
	for range rapid.IntRange(0, 8).Draw(t, "pods") {
		values = append(values, usage.Draw(t, "usage"))
	}
	d.o.Pods = cpu(rapid.Int64Range(1, 3000).Draw(t, "request"), values...)
	for i := range d.o.Pods {
		p := &d.o.Pods[i]
		p.Phase = rapid.SampledFrom([]corev1.PodPhase{"Running", "Running", "Running", "Pending", "Failed"}).Draw(t, "phase")
		p.Ready = rapid.SampledFrom([]corev1.ConditionStatus{"True", "True", "False", ""}).Draw(t, "ready")
		p.Deleting = rapid.IntRange(0, 9).Draw(t, "deleting") == 0
	}
	d.o.External = []scaler.ExternalValues{{Metric: "jobs", Milli: values}}
	for range rapid.IntRange(0, 3).Draw(t, "history") {
		d.h.Recommendations = append(d.h.Recommendations, scaler.Recommendation{
			At: ago(time.Duration(rapid.IntRange(0, 600).Draw(t, "ago")) * time.Second), Replicas: rapid.Int32Range(0, 200).Draw(t, "was"),
		})
	}
	return d
}

// with multiplies each amount of use.
func (d drawn) with(f func(int64) int64) drawn {
	o := *d.o
	o.Pods = nil
	for _, p := range d.o.Pods {
		c := p.Containers[0]
		var usage []scaler.Sample
		for _, u := range c.Usage {
			u.Milli = f(u.Milli)
			usage = append(usage, u)
		}
		c.Usage = usage
		p.Containers = []scaler.Container{c}
		o.Pods = append(o.Pods, p)
	}
	var values []int64
	for _, v := range d.o.External[0].Milli {
		values = append(values, f(v))
	}
	o.External = []scaler.ExternalValues{{Metric: "jobs", Milli: values}}
	return drawn{d.spec, &o, d.h}
}

func (d drawn) decide() scaler.Decision {
	return scaler.New(d.spec, scaler.Options{}).Decide(d.o, d.h.Clone())
}

var (
	plausible = rapid.Int64Range(-1, 10_000)
	anything  = rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, 0, -1}), plausible)
)

func TestWithinBoundsWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, anything)
		for _, compat := range []bool{false, true} {
			got := scaler.New(d.spec, scaler.Options{Compat: compat}).Decide(d.o, d.h.Clone())
			if got.Desired < *d.spec.MinReplicas || got.Desired > d.spec.MaxReplicas {
				t.Fatalf("compat %v: %d is not within %d and %d", compat, got.Desired, *d.spec.MinReplicas, d.spec.MaxReplicas)
			}
			if _, err := json.Marshal(got.Explain()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// More usage never gives fewer replicas. It does upstream, when it overflows, when no pod is
// ready, and during a surge.
func TestMoreUsageNeverGivesFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, rapid.OneOf(plausible, rapid.Int64Range(0, math.MaxInt64/20)))
		more := rapid.Int64Range(0, 3000).Draw(t, "more")
		factor := rapid.Int64Range(1, 20).Draw(t, "factor")
		higher := d.with(func(v int64) int64 {
			if v < 0 {
				return v // not measured
			}
			if v > math.MaxInt64/factor-more {
				return math.MaxInt64
			}
			return v*factor + more
		})
		a, b := d.decide(), higher.decide()
		if b.Desired < a.Desired {
			x, y := a.Explain(), b.Explain()
			t.Fatalf("%d, and with more usage %d\n%s\n%s", a.Desired, b.Desired, x.Text(), y.Text())
		}
	})
}

// The unit does not matter: all usages, requests and targets times k change nothing.
func TestTheUnitDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, plausible)
		k := rapid.Int64Range(1, 1_000_000).Draw(t, "k")
		scaled := d.with(func(v int64) int64 {
			if v < 0 {
				return v
			}
			return v * k
		})
		for i := range scaled.o.Pods {
			c := &scaled.o.Pods[i].Containers[0]
			c.Requests = []scaler.Amount{{Resource: "cpu", Milli: c.Requests[0].Milli * k}}
		}
		scaled.spec = d.spec.Defaulted()
		for i := range scaled.spec.Metrics {
			m := &scaled.spec.Metrics[i]
			for _, q := range []**resource.Quantity{
				quantityOf(m.Resource, func(r *autoscalingv2.ResourceMetricSource) **resource.Quantity { return &r.Target.AverageValue }),
				quantityOf(m.External, func(r *autoscalingv2.ExternalMetricSource) **resource.Quantity { return &r.Target.Value }),
				quantityOf(m.External, func(r *autoscalingv2.ExternalMetricSource) **resource.Quantity { return &r.Target.AverageValue }),
			} {
				if q != nil && *q != nil {
					*q = resource.NewMilliQuantity((*q).MilliValue()*k, resource.DecimalSI)
				}
			}
		}
		// A negative series is no amount that has a unit.
		if a, b := d.decide(), scaled.decide(); a.Desired != b.Desired && !negative(d) {
			x, y := a.Explain(), b.Explain()
			t.Fatalf("%d, and in another unit %d\n%s\n%s", a.Desired, b.Desired, x.Text(), y.Text())
		}
	})
}

func negative(d drawn) bool {
	for _, v := range d.o.External[0].Milli {
		if v < 0 {
			return true
		}
	}
	return false
}

func quantityOf[T any](in *T, f func(*T) **resource.Quantity) **resource.Quantity {
	if in == nil {
		return nil
	}
	return f(in)
}

// A pod that was not measured never turns the direction.
func TestAMissingPodNeverTurnsTheDirection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, plausible)
		with := *d.o
		extra := cpu(1000, -1)
		extra[0].Name = "missing"
		with.Pods = append(append([]scaler.Pod(nil), d.o.Pods...), extra...)
		a, b := d.decide(), (drawn{d.spec, &with, d.h}).decide()
		if (a.Wanted > a.Current && b.Wanted < b.Current) || (a.Wanted < a.Current && b.Wanted > b.Current) {
			t.Fatalf("%d wanted %d, and with one that is missing %d", a.Current, a.Wanted, b.Wanted)
		}
	})
}

// The history is plain data: after a restart the same is decided, and what is decided for
// show is what is decided.
func TestTheHistorySurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, plausible)
		b, err := json.Marshal(d.h)
		if err != nil {
			t.Fatal(err)
		}
		var again scaler.History
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		first, second := d.decide(), drawn{d.spec, d.o, &again}.decide()
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v\n%+v", first, second)
		}
	})
}

// What is remembered costs a decision no allocation.
func TestAHistoryIsNotAllocatedFor(t *testing.T) {
	spec := utilization(50)
	spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp:   &autoscalingv2.HPAScalingRules{Policies: policies{pods(1000, 1800)}},
		ScaleDown: &autoscalingv2.HPAScalingRules{Policies: policies{pods(1000, 1800)}},
	}
	full := scaler.History{Recommendations: []scaler.Recommendation{{At: ago(time.Hour), Replicas: 9}}}
	for i := range 1000 {
		at := ago(1700*time.Second - time.Duration(i)*time.Second)
		full.Recommendations = append(full.Recommendations, scaler.Recommendation{At: at, Replicas: 9})
		full.ScaleUps = append(full.ScaleUps, scaler.Change{At: at, Change: 1})
		full.ScaleDowns = append(full.ScaleDowns, scaler.Change{At: at.Add(time.Millisecond), Change: 1})
	}
	empty := scaler.History{Recommendations: make([]scaler.Recommendation, 0, 1)} // the one that is kept is no growth
	for _, compat := range []bool{true, false} {
		s := scaler.New(spec, scaler.Options{Compat: compat})
		o := &scaler.Observation{Now: noon, SpecReplicas: 9, StatusReplicas: 9, Pods: cpu(1000, 600, 700, 800, 900, 1000, 600, 700, 800, 900)}
		allocations := func(of *scaler.History) float64 {
			return testing.AllocsPerRun(100, func() {
				h := *of
				s.Decide(o, &h)
			})
		}
		if none, all := allocations(&empty), allocations(&full); none != all {
			t.Errorf("compat %v: %v allocations with an empty history, %v with a full one", compat, none, all)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	usage := make([]int64, 1000)
	for i := range usage {
		usage[i] = int64(600 + i%300)
	}
	s, h := scaler.New(utilization(50), scaler.Options{}), &scaler.History{}
	o := &scaler.Observation{Now: noon, SpecReplicas: 1000, StatusReplicas: 1000, Pods: cpu(1000, usage...)}
	b.ReportAllocs()
	for b.Loop() {
		o.Now = o.Now.Add(15 * time.Second)
		s.Decide(o, h)
	}
}
