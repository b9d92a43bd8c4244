package scaler

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Upstream's constants: the defaults of kube-controller-manager's flags and of
// autoscaling/v2 (pkg/controller/podautoscaler, pkg/apis/autoscaling/v2/defaults.go).
const (
	DefaultInterval         = 15 * time.Second // between two decisions
	DefaultTolerance        = 0.1              // of the ratio of usage to target, either way
	DefaultDownWindow       = 5 * time.Minute  // how long a recommendation keeps from scaling down
	DefaultCPUInitPeriod    = 5 * time.Minute  // after its start, CPU of an instance counts only while it is ready
	DefaultReadinessDelay   = 30 * time.Second // a change of readiness this soon after the start is the first
	defaultCPUUtilization   = 80               // percent, where no metric is named
	upFactor, upMinimum     = 2.0, 4.0         // without a behavior: at most max(2 * current, 4)
	maxWindowSeconds        = 3600
	maxPeriodSeconds        = 1800
	defaultPeriodSeconds    = 15
	defaultUpPods           = 4
	defaultPercent          = 100
	defaultFlapTurns        = 6
	defaultFlapWithin       = time.Hour
	maxFlapWithin           = 24 * time.Hour
	minFallbackAfterSeconds = 1
)

// Spec says how a workload is scaled: autoscaling/v2's HorizontalPodAutoscalerSpec as
// people have it, and what it lacks. The fields of ours are not taken in compat mode,
// since there upstream's integers are promised.
type Spec struct {
	_ struct{} `manifest:"sparse"` // [Spec.Validate] says what is demanded

	autoscalingv2.HorizontalPodAutoscalerSpec `json:",inline"`

	// Fallback is what is done when a metric cannot be had. Default: the number of
	// replicas stays, as upstream has it.
	Fallback *Fallback `json:"fallback,omitempty"`
	// FlapBudget bounds how often the direction may turn. Default: six turns an hour.
	FlapBudget *FlapBudget `json:"flapBudget,omitempty"`
	// ReplicaHoursPerDay is a cost ceiling: how many hours of one replica a day, by UTC,
	// may be spent. What is left beyond minReplicas for the rest of the day may be spent
	// within an hour, so that the ceiling is neared and never met. It goes before
	// stabilization, policies and the flap budget. Default: none.
	ReplicaHoursPerDay int32 `json:"replicaHoursPerDay,omitempty"`
}

// Fallback is the proposal of a metric that has failed for a while. The highest of all
// proposals holds, as ever. Upstream has it for External metrics alone (KEP-5679).
type Fallback struct {
	// After is how long the metric must have failed, in whole seconds at least one.
	After metav1.Duration `json:"after"`
	// Replicas is what it then proposes.
	Replicas int32 `json:"replicas"`
}

// FlapBudget says that after Turns changes of direction Within a time nothing is scaled
// down until one of them is older than that. Scaling up is never kept back.
type FlapBudget struct {
	Turns  int32           `json:"turns"`
	Within metav1.Duration `json:"within"`
}

// Defaulted is the spec with upstream's defaults filled in
// (SetDefaults_HorizontalPodAutoscaler). What it is called on is not changed.
func (s *Spec) Defaulted() *Spec {
	out := &Spec{ReplicaHoursPerDay: s.ReplicaHoursPerDay}
	s.DeepCopyInto(&out.HorizontalPodAutoscalerSpec)
	if s.Fallback != nil {
		out.Fallback = new(*s.Fallback)
	}
	if s.FlapBudget != nil {
		out.FlapBudget = new(*s.FlapBudget)
	}
	if out.MinReplicas == nil {
		out.MinReplicas = new(int32(1))
	}
	if len(out.Metrics) == 0 {
		out.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{
					Type:               autoscalingv2.UtilizationMetricType,
					AverageUtilization: new(int32(defaultCPUUtilization)),
				},
			},
		}}
	}
	if b := out.Behavior; b != nil {
		b.ScaleUp = defaultedRules(b.ScaleUp, new(int32(0)),
			autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: defaultUpPods, PeriodSeconds: defaultPeriodSeconds},
			autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: defaultPercent, PeriodSeconds: defaultPeriodSeconds})
		// Upstream leaves the window of the way down to a flag of its controller.
		b.ScaleDown = defaultedRules(b.ScaleDown, nil,
			autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: defaultPercent, PeriodSeconds: defaultPeriodSeconds})
	}
	return out
}

// defaultedRules replaces what is not set, and a list of policies only where there is none
// at all: one that is empty is a mistake that [Spec.Validate] finds.
func defaultedRules(r *autoscalingv2.HPAScalingRules, window *int32, policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HPAScalingRules {
	if r == nil {
		r = &autoscalingv2.HPAScalingRules{}
	}
	if r.SelectPolicy == nil {
		r.SelectPolicy = new(autoscalingv2.MaxChangePolicySelect)
	}
	if r.StabilizationWindowSeconds == nil {
		r.StabilizationWindowSeconds = window
	}
	if r.Policies == nil {
		r.Policies = policies
	}
	return r
}
