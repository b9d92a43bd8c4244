package healers_test

import (
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
)

// usage asks that so many percent of the memory that is asked for are used.
func usage(percent int32) []autoscalingv2.MetricSpec {
	return []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: corev1.ResourceMemory, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
	}}}
}

// Twelve were scaled to six. Those that leave do nothing any more, and the others all of it:
// upstream does not count who is being deleted, and neither do we.
func TestLeavingInstancesAreNotScaledBy(t *testing.T) {
	for _, compat := range []bool{false, true} {
		var instances []sut.Instance
		var samples []healers.Sample
		for i := range 12 {
			in := sut.Instance{Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: "x"}, Requests: sut.Resources{Memory: 1000}, Leaving: i >= 6}
			s := healers.Sample{Target: in.Target, Metric: "memory", Value: 900}
			if in.Leaving {
				s.Value = 0
			}
			instances, samples = append(instances, in), append(samples, s)
		}
		if d := decidedBy(t, usage(60), compat, 6, instances, samples); d.Wanted != 9 || d.Desired != 9 || d.Metrics[0].Ratio != 1.5 {
			t.Errorf("compat %v: expected 9 by a ratio of 1.5, got %+v", compat, d)
		}
	}
}

// A metric of all of them together is shared by those that stay.
func TestLeavingInstancesAreNoReplicas(t *testing.T) {
	queue := []autoscalingv2.MetricSpec{{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "queue"},
		Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse("10"))},
	}}}
	for _, compat := range []bool{false, true} {
		var instances []sut.Instance
		for i := range 4 {
			instances = append(instances, sut.Instance{Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: "x"}, Leaving: i >= 2})
		}
		samples := []healers.Sample{{Target: sut.Target{ID: "w0"}, Metric: "queue", Value: 42}}
		if d := decidedBy(t, queue, compat, 2, instances, samples); d.Wanted != 5 {
			t.Errorf("compat %v: 42 of two with ten each ask for 5, and four would be enough, got %+v", compat, d)
		}
	}
}

// One that has exited runs, for Kubernetes, and has no sample: upstream takes it to use all
// that it asks for on the way down. What it used before it ended does not count.
func TestExitedInstancesAreMissing(t *testing.T) {
	for _, compat := range []bool{false, true} {
		var instances []sut.Instance
		var samples []healers.Sample
		for i, used := range []float64{400, 95, 0, 0} {
			in := sut.Instance{Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: "x"}, Requests: sut.Resources{Memory: 1000}}
			if used == 0 {
				in.Phase = sut.PhaseExited
			}
			instances = append(instances, in)
			samples = append(samples, healers.Sample{Target: in.Target, Metric: "memory", Value: used})
		}
		if d := decidedBy(t, usage(100), compat, 4, instances, samples); d.Wanted != 3 {
			t.Errorf("compat %v: expected 3, got %+v", compat, d)
		}
	}
}
