package oracle

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
)

// mistakes change one thing each, most of them for the worse.
var mistakes = []func(*maker, *autoscalingv2.HorizontalPodAutoscalerSpec){
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) { s.MaxReplicas = pick[int32](m, -1, 0, 1) },
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		s.MinReplicas = new(pick[int32](m, -1, 0, 3000))
	},
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		s.ScaleTargetRef.Kind = pick(m, "", "a/b", "..")
	},
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		s.ScaleTargetRef.Name = pick(m, "", "a%b")
	},
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		s.ScaleTargetRef.APIVersion = pick(m, "", "v1", "a/b/c")
	},
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		s.ScaleTargetRef.Kind, s.ScaleTargetRef.APIVersion = "ReplicationController", pick(m, "", "v1", "apps/v1", "a/b/c")
	},
	func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) { s.Metrics = nil },
	rules(func(m *maker, r *autoscalingv2.HPAScalingRules) {
		r.StabilizationWindowSeconds = new(pick[int32](m, -1, 3600, 3601))
	}),
	rules(func(m *maker, r *autoscalingv2.HPAScalingRules) {
		r.SelectPolicy = new(autoscalingv2.ScalingPolicySelect("Most"))
	}),
	rules(func(m *maker, r *autoscalingv2.HPAScalingRules) { r.Policies = []autoscalingv2.HPAScalingPolicy{} }),
	rules(func(m *maker, r *autoscalingv2.HPAScalingRules) { r.Tolerance = new(resource.MustParse("-0.1")) }),
	rules(func(m *maker, r *autoscalingv2.HPAScalingRules) {
		r.Policies = append(r.Policies, autoscalingv2.HPAScalingPolicy{
			Type: pick[autoscalingv2.HPAScalingPolicyType](m, "", "Pods", "Some"), Value: pick[int32](m, -1, 0, 1), PeriodSeconds: pick[int32](m, -1, 0, 15, 1800, 1801),
		})
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		x.Type = pick[autoscalingv2.MetricSourceType](m, "", "Odd", "Pods", "Resource")
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) { y := m.metric(9); x.Object, x.Pods = y.Object, y.Pods }),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		y := m.metric(9)
		x.Resource, x.External = y.Resource, y.External
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		if x.Object != nil {
			x.Object.DescribedObject = autoscalingv2.CrossVersionObjectReference{Kind: pick(m, "", "a/b"), Name: pick(m, "", "web"), APIVersion: pick(m, "", "v1", "a/b/c")}
		}
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		if x.ContainerResource != nil {
			x.ContainerResource.Container = pick(m, "", "A_b", "a")
			x.ContainerResource.Name = pick[corev1.ResourceName](m, "", "cpu", "pods", "storage", "hugepages-2Mi", "example.com/gpu", "requests.example.com/x", "kubernetes.io/x", "-x", "a/b/c")
		}
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		if x.Resource != nil {
			x.Resource.Name = pick[corev1.ResourceName](m, "", "anything/at all")
		}
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		name := pick(m, "", "a/b", "..", "fine")
		switch {
		case x.Object != nil:
			x.Object.Metric.Name = name
		case x.External != nil:
			x.External.Metric.Name = name
		case x.Pods != nil:
			x.Pods.Metric.Name = name
		}
	}),
	metrics(func(m *maker, x *autoscalingv2.MetricSpec) {
		q := func() *resource.Quantity {
			return pick(m, nil, new(resource.MustParse("0")), new(resource.MustParse("-1")), new(resource.MustParse("3")))
		}
		t := autoscalingv2.MetricTarget{
			Type:  pick[autoscalingv2.MetricTargetType](m, "", "Utilization", "Value", "AverageValue", "Most"),
			Value: q(), AverageValue: q(), AverageUtilization: pick(m, nil, new(int32(0)), new(int32(50))),
		}
		switch {
		case x.Object != nil:
			x.Object.Target = t
		case x.External != nil:
			x.External.Target = t
		case x.Pods != nil:
			x.Pods.Target = t
		case x.Resource != nil:
			x.Resource.Target = t
		case x.ContainerResource != nil:
			x.ContainerResource.Target = t
		}
	}),
}

func rules(f func(*maker, *autoscalingv2.HPAScalingRules)) func(*maker, *autoscalingv2.HorizontalPodAutoscalerSpec) {
	return func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		r := &autoscalingv2.HPAScalingRules{}
		f(m, r)
		s.Behavior = pick(m, &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: r}, &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: r})
	}
}

func metrics(f func(*maker, *autoscalingv2.MetricSpec)) func(*maker, *autoscalingv2.HorizontalPodAutoscalerSpec) {
	return func(m *maker, s *autoscalingv2.HorizontalPodAutoscalerSpec) {
		if len(s.Metrics) > 0 {
			f(m, &s.Metrics[m.IntN(len(s.Metrics))])
		}
	}
}

// What the API server refuses is refused, under the same paths; and nothing else.
func TestOracleRefuses(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewPCG(*seed, 1)), now: time.Now()}
	// With what upstream is behind these gates, which the scaler has always.
	for _, gate := range []string{"HPAScaleToZero=true", "HPAConfigurableTolerance=true"} {
		if err := utilfeature.DefaultMutableFeatureGate.Set(gate); err != nil {
			t.Fatal(err)
		}
	}
	n, refused, unlike := *cases/10, 0, 0
	for i := range n {
		spec := m.spec()
		for range m.IntN(3) {
			pick(m, mistakes...)(m, &spec.HorizontalPodAutoscalerSpec)
		}
		theirs, err := theirPaths(t.Context(), &spec.HorizontalPodAutoscalerSpec)
		if err != nil {
			t.Fatal(err)
		}
		ours := paths(spec.Defaulted().Validate(field.NewPath("spec"), true))
		if len(theirs) > 0 {
			refused++
		}
		if !slices.Equal(theirs, ours) {
			if unlike++; unlike <= most {
				t.Errorf("case %d: upstream refuses %v, we refuse %v\n%+v", i, theirs, ours, spec)
			}
		}
	}
	fmt.Printf("specs: %d, of which the API server refuses %d; differences: %d\n", n, refused, unlike)
}

// What is left out has upstream's defaults.
func TestOracleDefaults(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewPCG(*seed, 2)), now: time.Now()}
	n, unlike := *cases/10, 0
	for i := range n {
		spec := m.spec()
		if m.in(4) {
			spec.Metrics = nil
		}
		if b := spec.Behavior; b != nil {
			for _, r := range []*autoscalingv2.HPAScalingRules{b.ScaleUp, b.ScaleDown} {
				if r != nil && m.in(3) {
					*r = autoscalingv2.HPAScalingRules{}
				}
			}
		}
		theirs := &autoscalingv2.HorizontalPodAutoscaler{}
		spec.DeepCopyInto(&theirs.Spec)
		legacyscheme.Scheme.Default(theirs)
		if ours := spec.Defaulted().HorizontalPodAutoscalerSpec; !equality.Semantic.DeepEqual(theirs.Spec, ours) {
			if unlike++; unlike <= most {
				t.Errorf("case %d: upstream makes of %+v\n%+v, and we\n%+v", i, spec, theirs.Spec, ours)
			}
		}
	}
	fmt.Printf("specs: %d; differences in defaults: %d\n", n, unlike)
}

// theirPaths are the fields that the API server refuses when an autoscaler is created.
func theirPaths(ctx context.Context, spec *autoscalingv2.HorizontalPodAutoscalerSpec) ([]string, error) {
	v2 := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "default"}}
	spec.DeepCopyInto(&v2.Spec)
	legacyscheme.Scheme.Default(v2)
	var internal autoscaling.HorizontalPodAutoscaler
	if err := legacyscheme.Scheme.Convert(v2, &internal, nil); err != nil {
		return nil, err
	}
	return paths(horizontalpodautoscaler.Strategy.Validate(ctx, &internal)), nil
}

func paths(list field.ErrorList) (out []string) {
	for _, e := range list {
		out = append(out, e.Field)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
