package oracle

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// observe is what is seen of a workload, for the metrics of its spec.
func (m *maker) observe(spec *scaler.Spec, current int32) *scaler.Observation {
	o := &scaler.Observation{Now: m.now, SpecReplicas: current, StatusReplicas: current}
	if m.in(5) {
		o.StatusReplicas = m.replicas()
	}
	n := int(min(current, 12))
	if m.in(4) {
		n = m.IntN(20)
	}
	for i := range n {
		o.Pods = append(o.Pods, m.pod(i, spec))
	}
	none := m.in(25) // of the metrics can be had
	for i := range spec.Metrics {
		if none || m.in(12) {
			if o.Errors == nil {
				o.Errors = map[string]string{}
			}
			o.Errors[nameOf(&spec.Metrics[i])] = "no answer"
		}
		switch x := &spec.Metrics[i]; {
		case m.in(15): // it could not be had
		case x.Object != nil:
			o.Objects = append(o.Objects, scaler.ObjectValue{Metric: x.Object.Metric.Name, Kind: "Ingress", Name: "web", Milli: m.total(current)})
		case x.External != nil:
			v := scaler.ExternalValues{Metric: x.External.Metric.Name}
			if selector, err := metav1.LabelSelectorAsSelector(x.External.Metric.Selector); err == nil {
				v.Selector = selector.String()
			}
			for range m.IntN(4) {
				v.Milli = append(v.Milli, m.total(current))
			}
			if m.in(8) { // series of the same name that another selector finds
				o.External = append(o.External, scaler.ExternalValues{Metric: v.Metric, Selector: "queue=other", Milli: []int64{m.total(current)}})
			}
			o.External = append(o.External, v)
		}
	}
	return o
}

func nameOf(x *autoscalingv2.MetricSpec) string {
	switch {
	case x.Object != nil:
		return x.Object.Metric.Name
	case x.External != nil:
		return x.External.Metric.Name
	case x.Pods != nil:
		return x.Pods.Metric.Name
	case x.Resource != nil:
		return string(x.Resource.Name)
	}
	return string(x.ContainerResource.Name)
}

// total is of all replicas together.
func (m *maker) total(current int32) int64 {
	if m.in(2) {
		return m.milli()
	}
	return m.milli() * int64(max(current, 1))
}

func (m *maker) pod(i int, spec *scaler.Spec) scaler.Pod {
	p := scaler.Pod{
		Name: fmt.Sprint("pod-", i), Phase: corev1.PodRunning, Ready: corev1.ConditionTrue,
		Start: m.ago(), Deleting: m.in(25), Foreign: m.in(25),
	}
	if m.in(6) {
		p.Phase = pick(m, corev1.PodPending, corev1.PodFailed, corev1.PodSucceeded, corev1.PodUnknown, "")
	}
	if m.in(4) {
		p.Ready = pick(m, corev1.ConditionFalse, corev1.ConditionUnknown, "")
	}
	p.ReadyTransition = p.Start.Add(time.Duration(m.Int64N(int64(m.now.Sub(p.Start)) + 1)))
	if m.in(5) {
		p.ReadyTransition = p.Start
	}
	if m.in(25) {
		p.Start = time.Time{}
	}
	at, window := m.now.Add(-time.Duration(m.IntN(120))*time.Second), pick[time.Duration](m, 0, 15*time.Second, 30*time.Second, time.Minute)
	measured := !m.in(6)
	if m.in(4) { // requests of the pod as a whole (KEP-2837)
		for _, r := range resources {
			if m.in(2) {
				p.Requests = append(p.Requests, scaler.Amount{Resource: r, Milli: pick(m, 1000, 2500, m.Int64N(6000))})
			}
		}
	}
	for _, name := range []string{"a", "b", "c"}[:1+m.IntN(3)] {
		c := scaler.Container{Name: name}
		for _, r := range resources {
			if !m.in(60) && (len(p.Requests) == 0 || !m.in(3)) {
				c.Requests = append(c.Requests, scaler.Amount{Resource: r, Milli: pick(m, 1000, 500, 250, m.Int64N(3000))})
			}
			if measured && !m.in(40) {
				c.Usage = append(c.Usage, scaler.Sample{Metric: string(r), Milli: m.milli(), At: at, Window: window})
			}
		}
		p.Containers = append(p.Containers, c)
	}
	for j := range spec.Metrics {
		if x := spec.Metrics[j].Pods; x != nil && !m.in(6) {
			p.Custom = append(p.Custom, scaler.Sample{Metric: x.Metric.Name, Milli: m.milli(), At: at, Window: window})
		}
	}
	return p
}
