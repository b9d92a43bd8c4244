package healers_test

import (
	"fmt"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// One container of each instance counts, and what the others do does not; an instance that
// has none is one, called as its workload.
func TestContainerResource(t *testing.T) {
	of := func(container string, target autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
		return autoscalingv2.MetricSpec{
			Type:              autoscalingv2.ContainerResourceMetricSourceType,
			ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: corev1.ResourceMemory, Container: container, Target: target},
		}
	}
	value := func(s string) autoscalingv2.MetricTarget {
		return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse(s))}
	}
	share := autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(50))}
	whole := autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceMemory, Target: share}}
	two := map[string]sut.Resources{"main": {Memory: 100}, "proxy": {Memory: 1000}}
	for _, row := range []struct {
		name       string
		metrics    []autoscalingv2.MetricSpec
		containers map[string]sut.Resources
		missing    string // of w0/0
		want       int32  // 0: it could not be had
	}{
		{"by a value", []autoscalingv2.MetricSpec{of("main", value("100"))}, two, "", 6},
		{"by a share of its own request", []autoscalingv2.MetricSpec{of("proxy", share)}, two, "", 1},
		{"and all of it beside", []autoscalingv2.MetricSpec{of("proxy", share), whole}, two, "", 2},
		{"of which one is missing", []autoscalingv2.MetricSpec{of("main", value("100"))}, two, "memory/main", 4},
		{"one that is not there", []autoscalingv2.MetricSpec{of("other", value("100"))}, two, "", 0},
		{"the one that a process is", []autoscalingv2.MetricSpec{of("w0", value("100"))}, nil, "", 12},
		{"and none besides", []autoscalingv2.MetricSpec{of("main", value("100"))}, nil, "", 0},
	} {
		var instances []sut.Instance
		var samples []healers.Sample
		for i := range 3 {
			in := sut.Instance{Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: fmt.Sprint(i)}, Requests: sut.Resources{Memory: 1100}, Containers: row.containers}
			instances = append(instances, in)
			for name, v := range map[string]float64{"memory": 400, "memory/main": 200, "memory/proxy": 150} {
				if i > 0 || name != row.missing {
					samples = append(samples, healers.Sample{Target: in.Target, Metric: name, Value: v})
				}
			}
		}
		d := decidedBy(t, row.metrics, false, 3, instances, samples)
		if failed := d.Bound == scaler.BoundMetric; failed != (row.want == 0) || !failed && d.Wanted != row.want {
			t.Errorf("%s: expected %d, got %+v", row.name, row.want, d)
		}
	}
}
