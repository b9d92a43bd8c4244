package scaler

import (
	"errors"
	"fmt"
	"math"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metric is one entry of spec.metrics, ready to be reckoned with.
type metric struct {
	kind      autoscalingv2.MetricSourceType
	id        string // what its failures are remembered under
	bad       error  // its selector is none
	name      string // of the metric, or of the resource
	container string
	object    autoscalingv2.CrossVersionObjectReference
	selector  string
	by        autoscalingv2.MetricTargetType // empty: the target does not fit the kind
	percent   int32                          // by Utilization
	milli     int64                          // by AverageValue and Value
	says      string
	reason    string // of the condition, when it cannot be had
}

var errTarget = errors.New("neither a value target nor an average value target was set")

func (s *Scaler) compile(spec *autoscalingv2.MetricSpec) metric {
	m := metric{kind: spec.Type}
	switch spec.Type {
	case autoscalingv2.ResourceMetricSourceType:
		m.name = string(spec.Resource.Name)
		s.resource(&m, spec.Resource.Target, "")
		m.reason = "FailedGetResourceMetric"
	case autoscalingv2.ContainerResourceMetricSourceType:
		m.name, m.container = string(spec.ContainerResource.Name), spec.ContainerResource.Container
		s.resource(&m, spec.ContainerResource.Target, "container ")
		m.reason = "FailedGetContainerResourceMetric"
	case autoscalingv2.PodsMetricSourceType:
		m.identify(spec.Pods.Metric)
		s.target(&m, autoscalingv2.AverageValueMetricType, spec.Pods.Target.AverageValue)
		m.says, m.reason = "pods metric "+m.name, "FailedGetPodsMetric"
	case autoscalingv2.ObjectMetricSourceType:
		m.identify(spec.Object.Metric)
		m.object = spec.Object.DescribedObject
		switch target := spec.Object.Target; {
		case target.Type == autoscalingv2.ValueMetricType && target.Value != nil:
			s.target(&m, target.Type, target.Value)
			m.says = m.object.Kind + " metric " + m.name
		case target.Type == autoscalingv2.AverageValueMetricType && target.AverageValue != nil:
			s.target(&m, target.Type, target.AverageValue)
			m.says = s.named(&m, spec.Object.Metric.Selector)
		}
		m.reason = "FailedGetObjectMetric"
	case autoscalingv2.ExternalMetricSourceType:
		m.identify(spec.External.Metric)
		m.says = s.named(&m, spec.External.Metric.Selector)
		if target := spec.External.Target; target.AverageValue != nil {
			s.target(&m, autoscalingv2.AverageValueMetricType, target.AverageValue)
		} else {
			s.target(&m, autoscalingv2.ValueMetricType, target.Value)
		}
		m.reason = "FailedGetExternalMetric"
	}
	m.id = strings.Join([]string{string(m.kind), m.name, m.container, m.object.Kind, m.object.Name, m.selector}, " ")
	return m
}

// named is what upstream calls a metric in its reasons, and in compat mode with its words.
func (s *Scaler) named(m *metric, selector *metav1.LabelSelector) string {
	switch {
	case s.options.Compat:
		return fmt.Sprintf("external metric %s(%+v)", m.name, selector)
	case m.selector != "":
		return fmt.Sprintf("external metric %s of %s", m.name, m.selector)
	}
	return "external metric " + m.name
}

func (m *metric) identify(id autoscalingv2.MetricIdentifier) {
	m.name = id.Name
	if id.Selector == nil {
		return
	}
	_, m.bad = metav1.LabelSelectorAsSelector(id.Selector)
	m.selector = Selector(id.Selector)
}

// Selector is a label selector as text. One that is empty is as none: "".
func Selector(s *metav1.LabelSelector) string {
	if s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		return ""
	}
	return metav1.FormatLabelSelector(s)
}

// target is by a quantity, if there is one.
func (s *Scaler) target(m *metric, by autoscalingv2.MetricTargetType, q *resource.Quantity) {
	if q != nil {
		m.by, m.milli = by, Milli(*q, !s.does(NoOverflow))
	}
}

// resource has a target by a quantity, which goes first, or by utilization.
func (s *Scaler) resource(m *metric, target autoscalingv2.MetricTarget, of string) {
	m.says = m.name + " resource"
	s.target(m, autoscalingv2.AverageValueMetricType, target.AverageValue)
	if m.by == "" && target.AverageUtilization != nil {
		m.by, m.percent = autoscalingv2.UtilizationMetricType, *target.AverageUtilization
		m.says = m.name + " " + of + "resource utilization (percentage of request)"
	}
}

// Milli is a quantity in thousandths of its unit. What is too many for an int64 is the
// largest, or what upstream makes of it, which is 0.
func Milli(q resource.Quantity, upstream bool) int64 {
	if f := q.AsApproximateFloat64() * 1000; !upstream && f >= math.MaxInt64 {
		return math.MaxInt64
	} else if !upstream && f <= math.MinInt64 {
		return math.MinInt64
	}
	return q.MilliValue()
}
