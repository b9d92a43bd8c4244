package scaler

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Observation is all that one decision is made from, beside the spec and the history.
// Amounts are in thousandths of their unit, as upstream reckons.
type Observation struct {
	Now time.Time
	// Wall is the time of day, of the cost ceiling; zero: Now.
	Wall time.Time
	// SpecReplicas are asked for, StatusReplicas are there, as the scale subresource says.
	SpecReplicas, StatusReplicas int32
	Pods                         []Pod
	Objects                      []ObjectValue
	External                     []ExternalValues
	// Errors are of metrics that could not be had, by name.
	Errors map[string]string
}

// Pod is an instance of the workload.
type Pod struct {
	Name  string
	Phase corev1.PodPhase
	// Ready is the status of its Ready condition; empty: it has none.
	Ready           corev1.ConditionStatus
	ReadyTransition time.Time // when Ready last changed
	Start           time.Time // zero: not started
	Deleting        bool
	// Foreign: the selector finds it, but the workload does not own it.
	Foreign bool
	// Requests are those of the pod as a whole (KEP-2837), of cpu, memory and huge pages;
	// nil: those of its containers count.
	Requests   []Amount
	Containers []Container
	Custom     []Sample // of Pods metrics
}

// Container is a part of a pod that has requests and usage of its own.
type Container struct {
	Name     string
	Requests []Amount
	Usage    []Sample // by the name of the resource
}

// Amount is how much of a resource is asked for.
type Amount struct {
	Resource corev1.ResourceName
	Milli    int64
}

// Sample is a value of a metric, measured over the Window that ended at At.
type Sample struct {
	Metric string
	Milli  int64
	At     time.Time
	Window time.Duration
}

// ObjectValue is the value of an Object metric.
type ObjectValue struct {
	Metric, Kind, Name string
	Milli              int64
}

// ExternalValues are the series of an External metric. An empty Selector is that of any
// metric of the name for which there is no better one.
type ExternalValues struct {
	Metric, Selector string
	Milli            []int64
}

func (p *Pod) sample(metric string) (Sample, bool) {
	for i := range p.Custom {
		if p.Custom[i].Metric == metric {
			return p.Custom[i], true
		}
	}
	return Sample{}, false
}

// usage is the pod's use of a resource, or that of one container. A pod of which one
// container was not measured was not measured.
func (p *Pod) usage(resource, container string, a arithmetic) (sum Sample, found bool) {
	for i := range p.Containers {
		c := &p.Containers[i]
		if container != "" && c.Name != container {
			continue
		}
		has := false
		for j := range c.Usage {
			if c.Usage[j].Metric != resource {
				continue
			}
			has = true
			if u := &c.Usage[j]; !found || u.At.Before(sum.At) {
				sum.At, sum.Window = u.At, u.Window
			}
			sum.Milli = a.add(sum.Milli, c.Usage[j].Milli)
			break
		}
		if !has {
			return Sample{}, false
		}
		found = true
		if container != "" {
			break
		}
	}
	return sum, found
}

// request is what the pod, or one container of it, asks for; false: it does not say, and
// which container does not.
func (p *Pod) request(resource corev1.ResourceName, container string, a arithmetic) (sum int64, where string, ok bool) {
	whole := container == "" && slices.ContainsFunc(p.Requests, func(a Amount) bool { return ofPod(a.Resource) })
	if m, has := amount(p.Requests, resource); whole && has && ofPod(resource) {
		return m, "", true
	}
	some := false
	for i := range p.Containers {
		c := &p.Containers[i]
		if container != "" && c.Name != container {
			continue
		}
		m, has := amount(c.Requests, resource)
		if !has && !whole {
			return 0, c.Name, false
		}
		some = some || has
		sum = a.add(sum, m)
	}
	return sum, "", some || !whole
}

// ofPod: the resource is one that a pod may ask for as a whole.
func ofPod(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

func amount(of []Amount, resource corev1.ResourceName) (int64, bool) {
	for i := range of {
		if of[i].Resource == resource {
			return of[i].Milli, true
		}
	}
	return 0, false
}
