package replay

import (
	"errors"
	"fmt"
	"math"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// The mistakes of an input that somebody may want to give a hint about.
var (
	ErrColumn  = errors.New("no such column") // a metric has no column in the recording
	ErrRequest = errors.New("no request")     // a target is a share of what is not said to be asked for
)

// Metric is a metric of the spec, and the column of the same name.
type Metric struct {
	Type   autoscalingv2.MetricSourceType `json:"type"`
	Name   string                         `json:"name"`
	Target string                         `json:"target"` // in words
}

// gauge reads one metric from its column.
type gauge struct {
	Metric
	container string
	object    autoscalingv2.CrossVersionObjectReference
	selector  string
	column    int
	// target is of one replica, and with whole of all, in the unit of the column.
	target float64
	whole  bool
	asked  int64 // what one replica asks for of the resource, in thousandths
}

// ratio is what ready replicas bear to what they should; NaN: nobody knows.
func (g *gauge) ratio(value float64, ready int) float64 {
	switch {
	case g.target <= 0:
		return math.NaN() // the scaler cannot use it either
	case g.whole:
		return value / g.target
	case value == 0:
		return 0
	}
	return value / (float64(ready) * g.target) // of none it is without end
}

// usage is what each ready replica bears; of what has one value for all, that.
func (g *gauge) usage(value float64, ready int) float64 {
	switch {
	case g.whole:
		return value
	case value == 0:
		return 0
	}
	return value / float64(ready)
}

// gauges are those of all metrics, or all that is wrong with them.
func gauges(spec *scaler.Spec, rec *Recording, requests corev1.ResourceList) ([]gauge, error) {
	var all []gauge
	var errs []error
	for i := range spec.Metrics {
		g := newGauge(&spec.Metrics[i])
		at := fmt.Sprintf("metrics[%d], %s %s", i, g.Type, g.Name)
		if g.column = rec.column(g.Name); g.column < 0 {
			errs = append(errs, fmt.Errorf("%s: there is %w named %s; those that are there: %s", at, ErrColumn, g.Name, rec.names()))
		}
		request, said := requests[corev1.ResourceName(g.Name)]
		ofResource := g.Type == autoscalingv2.ResourceMetricSourceType || g.Type == autoscalingv2.ContainerResourceMetricSourceType
		if ofResource && said {
			g.asked = scaler.Milli(request, false)
		}
		if percent := utilization(&spec.Metrics[i]); percent > 0 {
			g.target = request.AsApproximateFloat64() * float64(percent) / 100
			g.Target = fmt.Sprintf("%d %% of %s", percent, request.String())
			if g.asked <= 0 {
				errs = append(errs, fmt.Errorf("%s: its target is a share of what a replica asks for, and of %s there is %w", at, g.Name, ErrRequest))
			}
		}
		if other := slices.IndexFunc(all, func(o gauge) bool {
			return o.Name == g.Name && o.container != "" && g.container != "" && o.container != g.container
		}); other >= 0 {
			errs = append(errs, fmt.Errorf("%s: of %s there is one column, and it cannot be that of two containers, %s and %s", at, g.Name, all[other].container, g.container))
		}
		all = append(all, g)
	}
	return all, errors.Join(errs...)
}

// newGauge is a gauge that does not know its column yet, nor what is asked for.
func newGauge(m *autoscalingv2.MetricSpec) gauge {
	g := gauge{Metric: Metric{Type: m.Type}}
	switch m.Type {
	case autoscalingv2.ResourceMetricSourceType:
		g.Name = string(m.Resource.Name)
		g.aim(m.Resource.Target.AverageValue, false)
	case autoscalingv2.ContainerResourceMetricSourceType:
		g.Name, g.container = string(m.ContainerResource.Name), m.ContainerResource.Container
		g.aim(m.ContainerResource.Target.AverageValue, false)
	case autoscalingv2.PodsMetricSourceType:
		g.Name = m.Pods.Metric.Name
		g.aim(m.Pods.Target.AverageValue, false)
	case autoscalingv2.ObjectMetricSourceType:
		g.Name, g.object = m.Object.Metric.Name, m.Object.DescribedObject
		if t := m.Object.Target; t.Type == autoscalingv2.ValueMetricType {
			g.aim(t.Value, true)
		} else {
			g.aim(t.AverageValue, false)
		}
	case autoscalingv2.ExternalMetricSourceType:
		g.Name = m.External.Metric.Name
		g.selector = metav1.FormatLabelSelector(m.External.Metric.Selector)
		if t := m.External.Target; t.AverageValue != nil {
			g.aim(t.AverageValue, false)
		} else {
			g.aim(t.Value, true)
		}
	}
	return g
}

// aim takes a quantity as the target.
func (g *gauge) aim(q *resource.Quantity, whole bool) {
	if q == nil {
		return
	}
	g.target, g.whole = q.AsApproximateFloat64(), whole
	g.Target = q.String() + " each"
	if whole {
		g.Target = q.String() + " in all"
	}
}

// utilization is the target as a share of what is asked for; 0: it is a quantity, which
// goes first.
func utilization(m *autoscalingv2.MetricSpec) int32 {
	var t *autoscalingv2.MetricTarget
	switch m.Type {
	case autoscalingv2.ResourceMetricSourceType:
		t = &m.Resource.Target
	case autoscalingv2.ContainerResourceMetricSourceType:
		t = &m.ContainerResource.Target
	case autoscalingv2.PodsMetricSourceType, autoscalingv2.ObjectMetricSourceType, autoscalingv2.ExternalMetricSourceType:
		return 0
	}
	if t == nil || t.AverageValue != nil || t.AverageUtilization == nil {
		return 0
	}
	return *t.AverageUtilization
}

// settled is how many replicas the values ask for, within the bounds.
func settled(of []gauge, values []float64, low, high int32) int32 {
	n := low
	for i := range of {
		g := &of[i]
		if v := values[i]; !g.whole && v > 0 && g.target > 0 {
			need := math.Ceil(v/g.target - 1e-9)
			n = max(n, int32(min(need, float64(high))))
		}
	}
	return min(n, high)
}

// warnings are what a reader of the result should know about how it was had.
func warnings(of []gauge, rec *Recording) (all []string) {
	for i := range rec.Columns {
		if !slices.ContainsFunc(of, func(g gauge) bool { return g.column == i }) {
			all = append(all, fmt.Sprintf("no metric uses the column %s", rec.Columns[i].Name))
		}
	}
	for i := range of {
		g := &of[i]
		if g.whole {
			all = append(all, fmt.Sprintf("%s has a target for all replicas together: its values are taken as they were recorded, although with other replicas they would have been others", g.Name))
		}
		for _, o := range of[:i] {
			if o.Name == g.Name && (o.Type != g.Type || o.object != g.object || o.selector != g.selector) {
				all = append(all, fmt.Sprintf("two metrics read the column %s, a %s and a %s metric", g.Name, o.Type, g.Type))
			}
		}
	}
	return all
}
