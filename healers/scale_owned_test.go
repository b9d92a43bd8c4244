package healers_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// decided is the first decision about w0, of which some replicas use 100 bytes each, and
// others that only call themselves so use 1000. A replica should use 100.
func decided(t *testing.T, compat bool, replicas int, others ...sut.Instance) *healers.Scale {
	t.Helper()
	metrics := []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: corev1.ResourceMemory, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse("100"))},
	}}}
	var samples []healers.Sample
	for i := range replicas {
		others = append(others, sut.Instance{Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: fmt.Sprint(i)}})
	}
	for _, in := range others {
		uses := 100.0
		if len(in.Labels) > 0 {
			uses = 1000
		}
		samples = append(samples, healers.Sample{Target: in.Target, Metric: "memory", Value: uses})
	}
	return decidedBy(t, metrics, compat, replicas, others, samples)
}

// decidedBy is the first decision about w0, from what was measured a second before.
func decidedBy(t *testing.T, metrics []autoscalingv2.MetricSpec, compat bool, replicas int, instances []sut.Instance, samples []healers.Sample) *healers.Scale {
	t.Helper()
	spec := &scaler.Spec{}
	spec.MaxReplicas, spec.Metrics = 20, metrics
	p := loose(1, nil)
	p.Workloads[0].Scaling = &policy.Scaling{Spec: spec.Defaulted(), Compat: compat, Every: 15 * time.Second}
	first := healers.Input{Policy: p, Trial: true, System: sut.Delta{Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: replicas}}}}
	for _, in := range instances {
		in.Workload, in.Phase, in.Ready = "w0", cmp.Or(in.Phase, sut.PhaseRunning), sut.Yes
		first.System.Instances = append(first.System.Instances, in)
	}
	second := healers.Input{Now: 16 * time.Second}
	for _, s := range samples {
		s.At, s.Window = 15*time.Second, time.Second
		second.Metrics = append(second.Metrics, s)
	}
	e := healers.New(1, healers.Checkpoint{})
	e.Step(&first)
	for _, r := range e.Step(&second).Records {
		if r.Scale != nil {
			return r.Scale
		}
	}
	t.Fatal("nothing was decided")
	return nil
}

// What the selector finds and the workload does not own is no replica of it: upstream
// multiplies by it.
func TestForeignInstancesAreNotScaledBy(t *testing.T) {
	other := sut.Instance{Target: sut.Target{ID: "w0/7", Incarnation: "x"}, Labels: map[string]string{"a": "canary"}}
	if d := decided(t, false, 3, other); d.Wanted != 13 {
		t.Errorf("one that belongs counts: %+v", d)
	}
	other.Foreign = true
	if d := decided(t, false, 3, other); d.Wanted != 3 || d.Desired != 3 {
		t.Errorf("one that is foreign does not: %+v", d)
	}
	if d := decided(t, true, 3, other); d.Wanted != 13 {
		t.Errorf("and upstream counts it: %+v", d)
	}
}

// A scale-down takes replicas, and is done when as many of them are left.
func TestForeignInstancesAreNotScaledAway(t *testing.T) {
	e := func(foreign bool) *healers.Engine {
		p := loose(1, nil)
		p.Workloads[0].MinAvailable, p.Workloads[0].Readiness = "2", nil
		in := healers.Input{Policy: p, Trial: true, System: sut.Delta{Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: 2}}}}
		for i := range 3 {
			in.System.Instances = append(in.System.Instances, sut.Instance{
				Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: fmt.Sprint(i)}, Workload: "w0", Phase: sut.PhaseRunning, Ready: sut.Yes,
				Foreign: foreign && i == 2,
			})
		}
		e := healers.New(1, healers.Checkpoint{})
		e.Step(&in)
		return e
	}
	down := healers.Act{Verb: "scale", Target: sut.Target{ID: "w0"}, Args: []byte(`{"replicas":1}`)}
	if d := healers.AskedOfBudget(e(true), down); d.Effect != healers.Allow {
		t.Errorf("one goes and one is foreign: %+v", d)
	}
	if d := healers.AskedOfBudget(e(false), down); d.Effect != healers.Defer {
		t.Errorf("two go: %+v", d)
	}
}
