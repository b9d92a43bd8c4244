package scaler

import (
	"cmp"
	"math"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

// propose is how many replicas the metric asks for.
func (s *Scaler) propose(m *metric, o *Observation) MetricResult {
	out := MetricResult{Type: m.kind, Name: m.name, Container: m.container, Selector: m.selector, says: m.says}
	if m.object.Kind != "" {
		out.Object = m.object.Kind + "/" + m.object.Name
	}
	out.Target, out.TargetUtilization = m.milli, m.percent
	if text, failed := o.Errors[m.name]; failed {
		return out.fail("%s", cmp.Or(text, "it could not be had"))
	}
	if m.by == "" {
		return out.fail("%s", errTarget)
	}
	if m.bad != nil {
		return out.fail("%s", m.bad)
	}
	switch m.kind {
	case autoscalingv2.ObjectMetricSourceType:
		return s.object(m, o, out)
	case autoscalingv2.ExternalMetricSourceType:
		return s.external(m, o, out)
	case autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.PodsMetricSourceType:
		return s.perPod(m, o, out)
	}
	return out.fail("unknown metric source type %q", m.kind)
}

// perPod is upstream's GetResourceReplicas and calcPlainMetricReplicas.
func (s *Scaler) perPod(m *metric, o *Observation, out MetricResult) MetricResult {
	r := reading{sample: func(p *Pod) (Sample, bool) { return p.sample(m.name) }}
	if m.kind != autoscalingv2.PodsMetricSourceType {
		r.cpu, r.young = m.name == string(corev1.ResourceCPU), o.Now.Add(-s.options.CPUInitPeriod)
		r.sample = func(p *Pod) (Sample, bool) { return p.usage(m.name, m.container, s.arithmetic) }
	}
	share := m.by == autoscalingv2.UtilizationMetricType
	if share {
		r.request = func(p *Pod) (int64, string, bool) {
			return p.request(corev1.ResourceName(m.name), m.container, s.arithmetic)
		}
		r.fill = int64(max(100, m.percent))
	}
	g := s.group(o, r)
	out.Ready, out.Unready, out.Missing, out.Ignored = int(g.ready.pods), int(g.unready.pods), int(g.missing.pods), g.ignored
	switch {
	case g.pods == 0:
		return out.fail("no pods returned by selector while calculating replica count")
	case g.ready.pods == 0:
		return out.fail("did not receive metrics for targeted pods (pods might be unready)")
	case g.unsaid != "":
		return out.fail("missing request for %s in %s", m.name, g.unsaid)
	case share && g.ready.request == 0:
		return out.fail("no metrics returned matched known pods")
	}
	compare := func(sum measured) ratio {
		if share {
			return s.arithmetic.utilization(sum, m.percent)
		}
		return s.arithmetic.average(sum, m.milli)
	}
	out.Usage = g.ready.usage / g.ready.pods
	if share {
		out.Utilization = percent(g.ready)
	}
	first := compare(g.ready)
	out.Ratio = first.value
	warming := g.unready.pods > 0 && first.value > 1
	if !warming && g.missing.pods == 0 {
		if s.within(first.value) {
			return out.hold(heldWithin, o.SpecReplicas)
		}
		return s.straight(first.value, s.arithmetic.times(first, g.ready.pods), o.SpecReplicas, out)
	}
	all := g.ready
	switch {
	case g.missing.pods > 0 && first.value < 1:
		if !share {
			g.filled.usage = s.arithmetic.mul(m.milli, g.missing.pods)
		}
		all.take(g.filled, s.arithmetic)
	case g.missing.pods > 0 && first.value > 1:
		all.take(g.missing, s.arithmetic)
	}
	if warming {
		all.take(g.unready, s.arithmetic)
	}
	if share && all.request == 0 {
		return out.fail("no metrics returned matched known pods")
	}
	again := compare(all)
	out.Filled = again.value
	switch {
	case s.within(again.value):
		return out.hold(heldFilled, o.SpecReplicas)
	case first.value < 1 && again.value > 1 || first.value > 1 && again.value < 1:
		return out.hold(heldTurned, o.SpecReplicas)
	}
	return turned(again.value, s.arithmetic.times(again, all.pods), o.SpecReplicas, out)
}

// turned keeps what would go against its ratio: more pods than replicas were counted, or
// fewer.
func turned(ratio float64, n, current int32, out MetricResult) MetricResult {
	if ratio < 1 && n > current || ratio > 1 && n < current {
		return out.hold(heldDirection, current)
	}
	return out.propose(n)
}

// straight is turned where upstream does not ask: during a rollout more pods than replicas
// are ready, and usage below its target would scale up (H5); and where none is ready, any
// usage would scale down.
func (s *Scaler) straight(ratio float64, n, current int32, out MetricResult) MetricResult {
	if !s.does(KeptDirection) {
		return out.propose(n)
	}
	return turned(ratio, n, current, out)
}

// percent is upstream's currentUtilization.
func percent(m measured) int32 {
	p := float64(m.usage) * 100 / float64(m.request)
	return int32(max(math.MinInt32, min(p, math.MaxInt32)))
}

func (s *Scaler) object(m *metric, o *Observation, out MetricResult) MetricResult {
	for i := range o.Objects {
		v := &o.Objects[i]
		if v.Metric == m.name && v.Kind == m.object.Kind && v.Name == m.object.Name {
			return s.shared(m, o, v.Milli, out)
		}
	}
	return out.fail("unable to get metric %s: no value on %s %s", m.name, m.object.Kind, m.object.Name)
}

func (s *Scaler) external(m *metric, o *Observation, out MetricResult) MetricResult {
	var found *ExternalValues
	for i := range o.External {
		v := &o.External[i]
		if v.Metric != m.name || v.Selector != m.selector && v.Selector != "" {
			continue
		}
		if found == nil || v.Selector == m.selector {
			found = v
		}
	}
	if found == nil || len(found.Milli) == 0 {
		return out.fail("unable to get external metric %s: no metrics returned from external metrics API", m.name)
	}
	var sum int64
	for _, v := range found.Milli {
		sum = s.arithmetic.add(sum, v)
		if !s.does(NoOverflow) && m.by == autoscalingv2.AverageValueMetricType && sum < 0 {
			sum = math.MaxInt64 // upstream's guard against an overflow, there and nowhere else
			break
		}
	}
	return s.shared(m, o, sum, out)
}

// shared is a proposal from one number for all: upstream's getUsageRatioReplicaCount, and
// the per-pod variants of Object and External.
func (s *Scaler) shared(m *metric, o *Observation, usage int64, out MetricResult) MetricResult {
	out.Usage = usage
	if m.by == autoscalingv2.AverageValueMetricType {
		pods := o.StatusReplicas
		if s.does(NoZeroDivision) {
			pods = max(pods, 1)
		}
		r := s.arithmetic.total(usage, m.milli, pods)
		out.Ratio = r.value
		if o.StatusReplicas > 0 {
			out.Usage = each(usage, o.StatusReplicas)
		}
		if s.within(r.value) && (o.StatusReplicas > 0 || !s.does(NoZeroDivision)) {
			return out.hold(heldWithin, o.StatusReplicas)
		}
		// What one pod should do, whatever they are: upstream does not multiply by what it
		// has just divided by.
		n := s.arithmetic.times(s.arithmetic.total(usage, m.milli, 1), 1)
		if m.kind == autoscalingv2.ExternalMetricSourceType && math.Ceil(float64(usage)/float64(m.milli)) > math.MaxInt32 {
			n = math.MaxInt32 // there alone upstream has a guard
		}
		return out.propose(n)
	}
	r := s.arithmetic.total(usage, m.milli, 1)
	out.Ratio = r.value
	if o.SpecReplicas == 0 {
		return out.propose(s.arithmetic.times(r, 1))
	}
	if s.within(r.value) {
		return out.hold(heldWithin, o.SpecReplicas)
	}
	serving, pods := s.serving(o)
	out.Ready = int(serving)
	if pods == 0 {
		return out.fail("unable to calculate ready pods: no pods returned by selector while calculating replica count")
	}
	return s.straight(r.value, s.arithmetic.times(r, serving), o.SpecReplicas, out)
}

// each is what one of so many uses, rounded up as upstream tells it.
func each(usage int64, pods int32) int64 {
	n := math.Ceil(float64(usage) / float64(pods))
	return int64(max(math.MinInt64, min(n, math.MaxInt64-1024))) // the largest that a float holds and an int64 too
}

// tolerated are the lowest and the highest ratio that change nothing.
func (s *Scaler) tolerated() (low, high float64) {
	return 1 - s.down.tolerance, 1 + s.up.tolerance
}

func (s *Scaler) within(ratio float64) bool {
	low, high := s.tolerated()
	return low <= ratio && ratio <= high
}
