package healers

import (
	"maps"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// containers are those of an instance: all as one, called as the workload, unless a metric
// asks for one of them, and the platform tells them apart. Then each has its own, and what
// the instance uses and asks for is the sum, as upstream has it.
func (e *Engine) containers(in *Instance, p *policy.Scaling, fresh time.Duration) []scaler.Container {
	apart := slices.ContainsFunc(p.Spec.Metrics, func(m autoscalingv2.MetricSpec) bool { return m.ContainerResource != nil })
	if !apart || len(in.Containers) == 0 {
		return []scaler.Container{e.container(in, p, in.Workload, in.Requests, func(resource string) string { return resource }, fresh)}
	}
	var out []scaler.Container
	for _, name := range slices.Sorted(maps.Keys(in.Containers)) {
		out = append(out, e.container(in, p, name, in.Containers[name], func(resource string) string { return metric.OfContainer(resource, name) }, fresh))
	}
	return out
}

// container has the samples of its resources by the names that called gives them.
func (e *Engine) container(in *Instance, p *policy.Scaling, name string, r sut.Resources, called func(string) string, fresh time.Duration) scaler.Container {
	c := scaler.Container{Name: name}
	if r.CPU > 0 {
		c.Requests = append(c.Requests, scaler.Amount{Resource: corev1.ResourceCPU, Milli: thousandths(r.CPU)})
	}
	if r.Memory > 0 {
		c.Requests = append(c.Requests, scaler.Amount{Resource: corev1.ResourceMemory, Milli: thousandths(float64(r.Memory))})
	}
	for i := range p.Spec.Metrics {
		switch m := &p.Spec.Metrics[i]; {
		case m.Resource != nil:
			c.Usage = e.samples(c.Usage, in.ID, string(m.Resource.Name), called(string(m.Resource.Name)), fresh)
		case m.ContainerResource != nil:
			c.Usage = e.samples(c.Usage, in.ID, string(m.ContainerResource.Name), called(string(m.ContainerResource.Name)), fresh)
		}
	}
	return c
}

// samples adds that of a metric, by the name that it was measured under, once.
func (e *Engine) samples(into []scaler.Sample, of sut.ID, name, called string, fresh time.Duration) []scaler.Sample {
	s, ok := e.sample(of, called, fresh)
	if !ok || slices.ContainsFunc(into, func(o scaler.Sample) bool { return o.Metric == name }) {
		return into
	}
	s.Metric = name
	return append(into, s)
}
