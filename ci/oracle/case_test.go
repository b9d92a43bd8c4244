package oracle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// maker makes random cases: most of them plausible, some absurd.
type maker struct {
	*rand.Rand
	now time.Time
}

// input is one case.
type input struct {
	spec    *scaler.Spec
	o       *scaler.Observation
	history *scaler.History
}

// in says yes once in so many.
func (m *maker) in(n int) bool { return m.IntN(n) == 0 }

func pick[T any](m *maker, of ...T) T { return of[m.IntN(len(of))] }

// ago is a time before now, often one of those that limits turn on.
func (m *maker) ago() time.Time {
	s := pick(m, m.IntN(60), m.IntN(400), m.IntN(3700), 0, 15, 30, 60, 300)
	return m.now.Add(-time.Duration(s) * time.Second)
}

// replicas are a few, or many, or absurdly many.
func (m *maker) replicas() int32 {
	switch m.IntN(40) {
	case 0:
		return int32(m.IntN(math.MaxInt32 - 100))
	case 1, 2, 3:
		return int32(m.IntN(2000))
	}
	return int32(m.IntN(14))
}

// milli is an amount near what a target of one unit makes, or absurd.
func (m *maker) milli() int64 {
	switch m.IntN(60) {
	case 0:
		return m.Int64()
	case 1:
		return -m.Int64N(5000)
	case 2:
		return pick[int64](m, math.MaxInt64, math.MinInt64, math.MaxInt32, 0)
	case 3, 4:
		return m.Int64N(1e12)
	}
	return m.Int64N(pick[int64](m, 300, 1500, 4000))
}

func (m *maker) input() input {
	in := input{spec: m.spec(), history: m.history()}
	current := m.replicas()
	if m.IntN(3) > 0 {
		current = max(*orOne(in.spec.MinReplicas), min(current, in.spec.MaxReplicas))
	}
	in.o = m.observe(in.spec, current)
	m.ours(&in)
	return in
}

// ours are fields that upstream does not have, and that must change nothing in compat mode.
func (m *maker) ours(in *input) {
	if m.in(4) {
		in.spec.Fallback = &scaler.Fallback{After: metav1.Duration{Duration: time.Minute}, Replicas: 1 + m.Int32N(in.spec.MaxReplicas)}
		// What fails is remembered.
		h, o := &scaler.History{}, m.observe(in.spec, *orOne(in.spec.MinReplicas))
		o.Now = m.ago()
		scaler.New(in.spec, scaler.Options{}).Decide(o, h)
		in.history.Failures = h.Failures
	}
	if m.in(4) {
		in.spec.FlapBudget = &scaler.FlapBudget{Turns: 1 + m.Int32N(4), Within: metav1.Duration{Duration: time.Hour}}
	}
	if m.in(10) {
		in.spec.ReplicaHoursPerDay = 24*(*orOne(in.spec.MinReplicas)) + m.Int32N(1000)
	}
	if m.in(4) {
		in.history.ScaledToZero = new(m.in(2))
	}
}

func orOne(n *int32) *int32 {
	if n == nil {
		return new(int32(1))
	}
	return n
}

func (m *maker) spec() *scaler.Spec {
	s := &scaler.Spec{}
	s.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "shop"}
	s.MaxReplicas = max(1, m.replicas())
	if m.in(2) {
		s.MaxReplicas += m.Int32N(100)
	}
	if !m.in(3) {
		s.MinReplicas = new(m.Int32N(min(s.MaxReplicas, 10)) + 1)
	}
	for range 1 + m.IntN(3) {
		s.Metrics = append(s.Metrics, m.metric(len(s.Metrics)))
	}
	for i := range s.Metrics {
		m.selector(&s.Metrics[i])
		if t := s.Metrics[i].Type; m.in(4) && (t == autoscalingv2.ObjectMetricSourceType || t == autoscalingv2.ExternalMetricSourceType) {
			s.MinReplicas = new(int32(0))
		}
	}
	if m.in(2) {
		s.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: m.rules(), ScaleDown: m.rules()}
		if b := s.Behavior; m.in(10) && b.ScaleUp != nil && b.ScaleDown != nil {
			b.ScaleUp.SelectPolicy, b.ScaleDown.SelectPolicy = new(autoscalingv2.DisabledPolicySelect), new(autoscalingv2.DisabledPolicySelect)
		}
	}
	return s
}

func (m *maker) rules() *autoscalingv2.HPAScalingRules {
	if m.in(4) {
		return nil
	}
	r := &autoscalingv2.HPAScalingRules{}
	if m.in(2) {
		r.StabilizationWindowSeconds = new(int32(pick(m, 0, 15, 60, 300, 3600, m.IntN(3601))))
	}
	if m.in(2) {
		r.SelectPolicy = new(pick(m, autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect))
	}
	if m.in(3) {
		r.Tolerance = new(resource.MustParse(pick(m, "0", "1n", "0.05", "0.1", "0.333", "0.5", "1", "3", "1e9")))
	}
	if m.in(40) {
		r.Policies = []autoscalingv2.HPAScalingPolicy{} // which the API server refuses
		return r
	}
	for range m.IntN(3) {
		r.Policies = append(r.Policies, autoscalingv2.HPAScalingPolicy{
			Type:          pick(m, autoscalingv2.PodsScalingPolicy, autoscalingv2.PercentScalingPolicy),
			Value:         max(1, pick(m, m.Int32N(10), m.Int32N(300), m.replicas())),
			PeriodSeconds: int32(pick(m, 15, 60, 300, 1800, 1+m.IntN(1800))),
		})
	}
	return r
}

func (m *maker) metric(i int) autoscalingv2.MetricSpec {
	id := autoscalingv2.MetricIdentifier{Name: fmt.Sprint("metric-", i)}
	shared := func() autoscalingv2.MetricTarget {
		if m.in(2) {
			return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: m.quantity()}
		}
		return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: m.quantity()}
	}
	part := func() autoscalingv2.MetricTarget {
		if m.in(3) {
			return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: m.quantity()}
		}
		return autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(1 + pick(m, m.Int32N(20), m.Int32N(100), m.Int32N(400), m.Int32N(math.MaxInt32)))}
	}
	name := pick[corev1.ResourceName](m, "cpu", "cpu", "cpu", "memory", "memory", m.resource())
	switch m.IntN(5) {
	case 0:
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Ingress", Name: "web"}, Metric: id, Target: shared(),
		}}
	case 1:
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{Metric: id, Target: shared()}}
	case 2:
		return autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
			Metric: id, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: m.quantity()},
		}}
	case 3:
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType, ContainerResource: &autoscalingv2.ContainerResourceMetricSource{
			Name: name, Container: pick(m, "a", "b", "c"), Target: part(),
		}}
	}
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{Name: name, Target: part()}}
}

// resource is any that a pod may ask for; the last is none that it may ask for as a whole.
func (m *maker) resource() corev1.ResourceName { return pick(m, resources...) }

var resources = []corev1.ResourceName{"cpu", "memory", "hugepages-2Mi", "example.com/gpu"}

// selector is one of a metric: often none, and some that are no selectors, which the API
// server does not refuse.
func (m *maker) selector(x *autoscalingv2.MetricSpec) {
	var id *autoscalingv2.MetricIdentifier
	switch {
	case x.Object != nil:
		id = &x.Object.Metric
	case x.External != nil:
		id = &x.External.Metric
	case x.Pods != nil:
		id = &x.Pods.Metric
	}
	if id == nil || m.in(2) {
		return
	}
	one := func(operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{
			MatchLabels:      pick(m, nil, map[string]string{"team": "post"}),
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "queue", Operator: operator, Values: values}},
		}
	}
	id.Selector = pick(m,
		&metav1.LabelSelector{},
		&metav1.LabelSelector{MatchLabels: map[string]string{"queue": "mail", "team": "post"}},
		one(metav1.LabelSelectorOpIn, "mail"), one(metav1.LabelSelectorOpIn, "sms", "mail"), one(metav1.LabelSelectorOpNotIn, "mail", "sms"),
		one(metav1.LabelSelectorOpExists), one(metav1.LabelSelectorOpDoesNotExist),
	)
	if m.in(10) {
		id.Selector = pick(m,
			one(metav1.LabelSelectorOpIn), one(metav1.LabelSelectorOpExists, "mail"), one("Like", "mail"), one(metav1.LabelSelectorOpIn, "no label"),
			&metav1.LabelSelector{MatchLabels: map[string]string{"a/b/c": "mail"}},
		)
	}
}

// quantity is a target.
func (m *maker) quantity() *resource.Quantity {
	if m.in(100) {
		return new(resource.MustParse(pick(m, "1n", "1E", "10000E", "1m")))
	}
	return resource.NewMilliQuantity(1+m.Int64N(2000), resource.DecimalSI)
}

func (m *maker) history() *scaler.History {
	h := &scaler.History{Recommendations: []scaler.Recommendation{}}
	for range m.IntN(6) {
		h.Recommendations = append(h.Recommendations, scaler.Recommendation{At: m.ago(), Replicas: m.replicas()})
	}
	changes := func() (out []scaler.Change) {
		for at := m.now.Add(-time.Duration(m.IntN(3000)) * time.Second); m.IntN(3) > 0 && !at.After(m.now); at = at.Add(time.Duration(m.IntN(600)) * time.Second) {
			out = append(out, scaler.Change{At: at, Change: max(1, m.replicas())})
		}
		return out
	}
	h.ScaleUps, h.ScaleDowns = changes(), changes()
	return h
}
