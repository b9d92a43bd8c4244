package scaler_test

import (
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// perPod is a metric of an object, of which each pod should have one.
func perPod() autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
		DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Ingress", Name: "web"}, Metric: autoscalingv2.MetricIdentifier{Name: "qps"}, Target: average("1"),
	}}
}

// What may be spent in a day is never more than that, however the demand goes.
func TestTheCostCeilingIsNotPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := bounded(external(average("1")))
		spec.MinReplicas = new(rapid.Int32Range(1, 5).Draw(t, "min"))
		spec.MaxReplicas = *spec.MinReplicas + 50
		spec.ReplicaHoursPerDay = 24**spec.MinReplicas + rapid.Int32Range(0, 500).Draw(t, "more")
		s, h := scaler.New(spec, scaler.Options{}), &scaler.History{}
		now, current := noon, *spec.MinReplicas
		for range 24 * 60 / 5 {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "later")) * time.Second)
			jobs := rapid.Int64Range(0, 90_000).Draw(t, "jobs")
			d := s.Decide(&scaler.Observation{Now: now, SpecReplicas: current, StatusReplicas: current, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{jobs}}}}, h)
			if h.Spent.Hours > float64(spec.ReplicaHoursPerDay)+1e-6 || d.Desired < *spec.MinReplicas {
				t.Fatalf("%d replicas, and %g hours of %d are spent", d.Desired, h.Spent.Hours, spec.ReplicaHoursPerDay)
			}
			if d.Desired != current {
				s.Scaled(h, now, current, d.Desired)
				current = d.Desired
			}
		}
	})
}

// The highest proposal holds, and neither the order of metrics nor that of pods matters.
func TestTheOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, plausible)
		d.spec.Metrics = append(d.spec.Metrics, utilization(rapid.Int32Range(1, 200).Draw(t, "second")).Metrics[0], perPod())
		d.o.Objects = []scaler.ObjectValue{{Metric: "qps", Kind: "Ingress", Name: "web", Milli: rapid.Int64Range(0, 90_000).Draw(t, "qps")}}
		turned := *d.o
		turned.Pods, turned.External = slices.Clone(d.o.Pods), []scaler.ExternalValues{{Metric: "jobs", Milli: slices.Clone(d.o.External[0].Milli)}}
		slices.Reverse(turned.Pods)
		slices.Reverse(turned.External[0].Milli)
		spec := *d.spec
		spec.Metrics = slices.Clone(d.spec.Metrics)
		slices.Reverse(spec.Metrics)
		for _, compat := range []bool{false, true} {
			a := scaler.New(d.spec, scaler.Options{Compat: compat}).Decide(d.o, d.h.Clone())
			b := scaler.New(&spec, scaler.Options{Compat: compat}).Decide(&turned, d.h.Clone())
			if a.Desired != b.Desired && !negative(d) {
				t.Fatalf("compat %v: %+v\n%+v", compat, a, b)
			}
			highest := int32(0)
			for _, m := range a.Metrics {
				if m.Proposal != nil {
					highest = max(highest, *m.Proposal)
				}
			}
			if a.Bound != scaler.BoundMetric && a.Wanted != highest {
				t.Fatalf("compat %v: wanted %d, and the highest proposal is %d", compat, a.Wanted, highest)
			}
		}
	})
}
