package healers

import (
	"cmp"
	"math"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Sample is a metric's value: of an instance, whose incarnation it names, or of a workload,
// for all of it together. cpu is in cores, memory in bytes.
type Sample struct {
	Target sut.Target    `json:"target"`
	Metric string        `json:"metric"`
	Value  float64       `json:"value"`
	At     time.Duration `json:"at"`
	Window time.Duration `json:"window"`
	// Until is the last time at which it counts; 0: for as long as three decisions take.
	Until time.Duration `json:"until,omitempty"`
	// Failed is why the metric could not be had of anything, of a sample without a value.
	Failed string `json:"failed,omitempty"`
}

// sampleKey is what a sample is of.
type sampleKey struct {
	target sut.ID
	metric string
}

// failedMetric is before the name of a metric in a sample that says why there is none.
const failedMetric = "failed "

// staleAfter is how much older than the time between two decisions a sample may be: it is
// missing then, and not what it was.
const staleAfter = 3

// observation is what the view shows of a workload, as a scaler takes it.
func (e *Engine) observation(name string, p *policy.Scaling) *scaler.Observation {
	current := int32(min(e.view.Desired(name), math.MaxInt32))
	members := e.view.Members(name)
	o := &scaler.Observation{Now: at(e.view.now), Wall: e.view.wall, SpecReplicas: current}
	for _, id := range e.view.owned(name) {
		if !e.view.instances[id].Leaving {
			o.StatusReplicas++
		}
	}
	fresh := e.view.now - staleAfter*p.Every
	for _, id := range members {
		o.Pods = append(o.Pods, e.pod(e.view.instances[id], p, fresh))
	}
	for i := range p.Spec.Metrics {
		m := &p.Spec.Metrics[i]
		e.failing(o, sut.ID(name), m, fresh)
		switch {
		case m.Object != nil:
			if v, ok := e.sample(sut.ID(name), m.Object.Metric.Name, fresh); ok {
				o.Objects = append(o.Objects, scaler.ObjectValue{
					Metric: m.Object.Metric.Name, Kind: m.Object.DescribedObject.Kind, Name: m.Object.DescribedObject.Name, Milli: v.Milli,
				})
			}
		case m.External != nil:
			if v, ok := e.sample(sut.ID(name), m.External.Metric.Name, fresh); ok {
				o.External = append(o.External, scaler.ExternalValues{Metric: m.External.Metric.Name, Milli: []int64{v.Milli}})
			}
		}
	}
	return o
}

// failing says why a metric cannot be had, of one of which nothing is known.
func (e *Engine) failing(o *scaler.Observation, workload sut.ID, m *autoscalingv2.MetricSpec, fresh time.Duration) {
	name := ""
	switch {
	case m.Resource != nil:
		name = string(m.Resource.Name)
	case m.ContainerResource != nil:
		name = string(m.ContainerResource.Name)
	case m.Pods != nil:
		name = m.Pods.Metric.Name
	case m.Object != nil:
		name = m.Object.Metric.Name
	case m.External != nil:
		name = m.External.Metric.Name
	}
	s, told := e.view.samples[sampleKey{workload, failedMetric + name}]
	if !told || s.At < fresh {
		return
	}
	known := func(id sut.ID) bool { _, ok := e.sample(id, name, fresh); return ok }
	if known(workload) || slices.ContainsFunc(e.view.Members(string(workload)), known) {
		return
	}
	if o.Errors == nil {
		o.Errors = map[string]string{}
	}
	o.Errors[name] = s.Failed
}

func (e *Engine) pod(in *Instance, p *policy.Scaling, fresh time.Duration) scaler.Pod {
	out := scaler.Pod{Name: string(in.ID), Phase: corev1.PodRunning, Start: at(0), Ready: corev1.ConditionFalse, Foreign: in.Foreign, Deleting: in.Leaving}
	if in.Phase == sut.PhasePending { // the pod of one that has ended runs, and has no sample
		out.Phase = corev1.PodPending
	}
	if e.view.Ready(in.ID) == sut.Yes {
		out.Ready = corev1.ConditionTrue
	}
	if !in.Since.IsZero() && !e.view.wall.IsZero() {
		out.Start = at(max(e.view.now-e.view.wall.Sub(in.Since), 0))
	}
	out.ReadyTransition = out.Start
	if in.Readiness.Result == probe.Success || in.Readiness.Result == probe.Failure {
		out.ReadyTransition = at(in.Readiness.Since)
	}
	for i := range p.Spec.Metrics {
		if m := p.Spec.Metrics[i].Pods; m != nil {
			out.Custom = e.samples(out.Custom, in.ID, m.Metric.Name, m.Metric.Name, fresh)
		}
	}
	out.Containers = e.containers(in, p, fresh)
	return out
}

// sample is the newest of a target, unless it is stale, or of an incarnation that has ended.
func (e *Engine) sample(of sut.ID, metric string, fresh time.Duration) (scaler.Sample, bool) {
	s, ok := e.view.samples[sampleKey{of, metric}]
	if !ok || s.At > e.view.now || s.Until == 0 && s.At < fresh || s.Until > 0 && s.Until < e.view.now {
		return scaler.Sample{}, false
	}
	if in := e.view.instances[of]; in != nil && (s.Target.Incarnation != in.Incarnation || in.Phase == sut.PhaseExited) {
		return scaler.Sample{}, false
	}
	return scaler.Sample{Metric: metric, Milli: thousandths(s.Value), At: at(s.At), Window: s.Window}, true
}

// thousandths is a value as upstream reckons, rounded up as its quantities are, and as near
// as an int64 comes to it.
func thousandths(v float64) int64 {
	m := math.Ceil(v * 1000)
	switch {
	case m >= math.MaxInt64:
		return math.MaxInt64
	case m <= math.MinInt64:
		return math.MinInt64
	}
	return int64(m)
}

// sampled keeps the newest sample of each target and metric. What is no number is none, and
// of an instance that is not there there is nothing to keep.
func (v *View) sampled(samples []Sample) {
	for _, s := range samples {
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Target.ID.Kind() == sut.KindInstance && v.instances[s.Target.ID] == nil {
			continue
		}
		key := sampleKey{s.Target.ID, s.Metric}
		if old, ok := v.samples[key]; !ok || cmp.Compare(old.At, s.At) <= 0 {
			v.samples[key] = s
		}
	}
}
