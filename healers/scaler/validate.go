package scaler

import (
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Validate finds what the API server refuses in a HorizontalPodAutoscaler, under the paths
// that it names (pkg/apis/autoscaling/validation), once [Spec.Defaulted] has filled in the
// rest. What is scaled is checked where there is a scaleTargetRef, and with target also
// where there is none: in a policy the workload is what is scaled.
func (s *Spec) Validate(at *field.Path, target bool) field.ErrorList {
	var out field.ErrorList
	lower := int32(0)
	if s.MinReplicas != nil {
		lower = *s.MinReplicas
	}
	if lower < 0 {
		out = append(out, field.Invalid(at.Child("minReplicas"), lower, "must be greater than or equal to 0"))
	}
	if s.MaxReplicas < 1 {
		out = append(out, field.Invalid(at.Child("maxReplicas"), s.MaxReplicas, "must be greater than 0: scaling without a limit is not offered"))
	}
	if s.MinReplicas != nil && s.MaxReplicas < lower {
		out = append(out, field.Invalid(at.Child("maxReplicas"), s.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	if target || s.ScaleTargetRef != (autoscalingv2.CrossVersionObjectReference{}) {
		out = append(out, reference(s.ScaleTargetRef, at.Child("scaleTargetRef"), s.ScaleTargetRef.Kind == "ReplicationController")...)
	}
	shared := false
	for i := range s.Metrics {
		out = append(out, metricSpec(&s.Metrics[i], at.Child("metrics").Index(i))...)
		shared = shared || s.Metrics[i].Type == autoscalingv2.ObjectMetricSourceType || s.Metrics[i].Type == autoscalingv2.ExternalMetricSourceType
	}
	if s.MinReplicas != nil && lower == 0 && !shared {
		out = append(out, field.Forbidden(at.Child("metrics"), "must specify at least one Object or External metric to support scaling to zero replicas"))
	}
	if s.Behavior != nil {
		out = append(out, scalingRules(s.Behavior.ScaleUp, at.Child("behavior", "scaleUp"))...)
		out = append(out, scalingRules(s.Behavior.ScaleDown, at.Child("behavior", "scaleDown"))...)
	}
	return append(out, s.ours(at)...)
}

// ours are the fields that upstream does not have.
func (s *Spec) ours(at *field.Path) (out field.ErrorList) {
	if f := s.Fallback; f != nil {
		if f.After.Seconds() < minFallbackAfterSeconds {
			out = append(out, field.Invalid(at.Child("fallback", "after"), f.After.Duration.String(), "must be at least 1s"))
		}
		if f.Replicas < 1 || f.Replicas > s.MaxReplicas {
			out = append(out, field.Invalid(at.Child("fallback", "replicas"), f.Replicas, "must be between 1 and `maxReplicas`"))
		}
	}
	if f := s.FlapBudget; f != nil {
		if f.Turns < 1 {
			out = append(out, field.Invalid(at.Child("flapBudget", "turns"), f.Turns, "must be greater than 0"))
		}
		if f.Within.Duration <= 0 || f.Within.Duration > maxFlapWithin {
			out = append(out, field.Invalid(at.Child("flapBudget", "within"), f.Within.Duration.String(), "must be greater than 0 and at most 24h"))
		}
	}
	if n := s.ReplicaHoursPerDay; n < 0 {
		out = append(out, field.Invalid(at.Child("replicaHoursPerDay"), n, "must be greater than 0"))
	} else if s.MinReplicas != nil && n > 0 && int64(n) < 24*int64(*s.MinReplicas) {
		out = append(out, field.Invalid(at.Child("replicaHoursPerDay"), n, fmt.Sprintf("must be at least the %d that `minReplicas` take in a day", 24*int64(*s.MinReplicas))))
	}
	return out
}

// reference is upstream's ValidateCrossVersionObjectReference. A core kind, which has no
// group, may be what a metric is of; of what is scaled only a ReplicationController is one.
func reference(r autoscalingv2.CrossVersionObjectReference, at *field.Path, core bool) (out field.ErrorList) {
	out = append(out, segment(r.Kind, at.Child("kind"), "")...)
	out = append(out, segment(r.Name, at.Child("name"), "")...)
	gv, err := schema.ParseGroupVersion(r.APIVersion)
	switch {
	case err != nil:
		out = append(out, field.Invalid(at.Child("apiVersion"), r.APIVersion, err.Error()))
	case !core && gv.Group == "":
		out = append(out, field.Invalid(at.Child("apiVersion"), r.APIVersion, "apiVersion must specify API group"))
	}
	return out
}

// segment is a name that is demanded, and that must fit into a URL's path.
func segment(name string, at *field.Path, demand string) (out field.ErrorList) {
	if name == "" {
		return field.ErrorList{field.Required(at, demand)}
	}
	for _, text := range path.IsValidPathSegmentName(name) { //nolint:staticcheck // what is in its place is not there in the version that ci/oracle compares with
		out = append(out, field.Invalid(at, name, text))
	}
	return out
}

var sources = []string{"ContainerResource", "External", "Object", "Pods", "Resource"}

func metricSpec(m *autoscalingv2.MetricSpec, at *field.Path) (out field.ErrorList) {
	if m.Type == "" {
		out = append(out, field.Required(at.Child("type"), "must specify a metric source type"))
	}
	if !slices.Contains(sources, string(m.Type)) {
		out = append(out, field.NotSupported(at.Child("type"), m.Type, sources))
	}
	// The order is upstream's: only the first that is there is looked into.
	type source struct {
		field, kind string
		there       bool
		check       func(*field.Path) field.ErrorList
	}
	all := []source{
		{"object", "Object", m.Object != nil, func(p *field.Path) field.ErrorList { return objectSource(m.Object, p) }},
		{"external", "External", m.External != nil, func(p *field.Path) field.ErrorList { return externalSource(m.External, p) }},
		{"pods", "Pods", m.Pods != nil, func(p *field.Path) field.ErrorList { return podsSource(m.Pods, p) }},
		{"resource", "Resource", m.Resource != nil, func(p *field.Path) field.ErrorList { return resourceSource(m.Resource, p) }},
		{"containerResource", "ContainerResource", m.ContainerResource != nil, func(p *field.Path) field.ErrorList { return containerSource(m.ContainerResource, p) }},
	}
	there := 0
	for _, s := range all {
		if s.there {
			if there++; there == 1 {
				out = append(out, s.check(at.Child(s.field))...)
			}
		}
		if s.kind == string(m.Type) && !s.there {
			out = append(out, field.Required(at.Child(s.field), "must populate information for the given metric source"))
		}
	}
	for _, s := range all {
		if s.there && there != 1 && s.kind != string(m.Type) {
			out = append(out, field.Forbidden(at.Child(s.field), "must populate the given metric source only"))
		}
	}
	return out
}

func objectSource(src *autoscalingv2.ObjectMetricSource, at *field.Path) field.ErrorList {
	out := reference(src.DescribedObject, at.Child("describedObject"), true)
	out = append(out, segment(src.Metric.Name, at.Child("metric", "name"), "must specify a metric name")...)
	out = append(out, metricTarget(&src.Target, at.Child("target"))...)
	if src.Target.Value == nil && src.Target.AverageValue == nil {
		out = append(out, field.Required(at.Child("target", "averageValue"), "must set either a target value or averageValue"))
	}
	return out
}

func externalSource(src *autoscalingv2.ExternalMetricSource, at *field.Path) field.ErrorList {
	out := segment(src.Metric.Name, at.Child("metric", "name"), "must specify a metric name")
	out = append(out, metricTarget(&src.Target, at.Child("target"))...)
	switch {
	case src.Target.Value == nil && src.Target.AverageValue == nil:
		out = append(out, field.Required(at.Child("target", "averageValue"), "must set either a target value for metric or a per-pod target"))
	case src.Target.Value != nil && src.Target.AverageValue != nil:
		out = append(out, field.Forbidden(at.Child("target", "value"), "may not set both a target value for metric and a per-pod target"))
	}
	return out
}

func podsSource(src *autoscalingv2.PodsMetricSource, at *field.Path) field.ErrorList {
	out := segment(src.Metric.Name, at.Child("metric", "name"), "must specify a metric name")
	out = append(out, metricTarget(&src.Target, at.Child("target"))...)
	if src.Target.AverageValue == nil {
		out = append(out, field.Required(at.Child("target", "averageValue"), "must specify a positive target averageValue"))
	}
	return out
}

func resourceSource(src *autoscalingv2.ResourceMetricSource, at *field.Path) (out field.ErrorList) {
	if src.Name == "" {
		out = append(out, field.Required(at.Child("name"), "must specify a resource name"))
	}
	return append(out, resourceTarget(&src.Target, at.Child("target"))...)
}

func containerSource(src *autoscalingv2.ContainerResourceMetricSource, at *field.Path) (out field.ErrorList) {
	if src.Name == "" {
		out = append(out, field.Required(at.Child("name"), "must specify a resource name"))
	} else {
		out = append(out, resourceName(string(src.Name), at.Child("name"))...)
	}
	if src.Container == "" {
		out = append(out, field.Required(at.Child("container"), "must specify a container"))
	} else {
		for _, text := range validation.IsDNS1123Label(src.Container) {
			out = append(out, field.Invalid(at.Child("container"), src.Container, text))
		}
	}
	return append(out, resourceTarget(&src.Target, at.Child("target"))...)
}

func resourceTarget(t *autoscalingv2.MetricTarget, at *field.Path) field.ErrorList {
	out := metricTarget(t, at)
	switch {
	case t.AverageUtilization == nil && t.AverageValue == nil:
		out = append(out, field.Required(at.Child("averageUtilization"), "must set either a target raw value or a target utilization"))
	case t.AverageUtilization != nil && t.AverageValue != nil:
		out = append(out, field.Forbidden(at.Child("averageValue"), "may not set both a target raw value and a target utilization"))
	}
	return out
}

func metricTarget(t *autoscalingv2.MetricTarget, at *field.Path) (out field.ErrorList) {
	switch t.Type {
	case "":
		out = append(out, field.Required(at.Child("type"), "must specify a metric target type"))
		fallthrough
	default:
		out = append(out, field.Invalid(at.Child("type"), t.Type, "must be either Utilization, Value, or AverageValue"))
	case autoscalingv2.UtilizationMetricType, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType:
	}
	positive := func(q *resource.Quantity, name string) {
		if q != nil && q.Sign() != 1 {
			out = append(out, field.Invalid(at.Child(name), q.String(), "must be positive"))
		}
	}
	positive(t.Value, "value")
	positive(t.AverageValue, "averageValue")
	if t.AverageUtilization != nil && *t.AverageUtilization < 1 {
		out = append(out, field.Invalid(at.Child("averageUtilization"), *t.AverageUtilization, "must be greater than 0"))
	}
	return out
}

// resourceName is upstream's ValidateContainerResourceName.
func resourceName(name string, at *field.Path) (out field.ErrorList) {
	for _, text := range validation.IsQualifiedName(name) {
		out = append(out, field.Invalid(at, name, text))
	}
	qualified := strings.Contains(name, "/")
	standard := slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, name) || strings.HasPrefix(name, corev1.ResourceHugePagesPrefix)
	native := !qualified || strings.Contains(name, corev1.ResourceDefaultNamespacePrefix)
	switch {
	case !qualified && !standard:
		out = append(out, field.Invalid(at, name, "must be a standard resource for containers"))
	case !native && !extended(name):
		out = append(out, field.Invalid(at, name, "doesn't follow extended resource name standard"))
	}
	return out
}

// extended is upstream's IsExtendedResourceName, of a name that is not native.
func extended(name string) bool {
	if strings.HasPrefix(name, corev1.DefaultResourceRequestsPrefix) {
		return false
	}
	return len(validation.IsQualifiedName(corev1.DefaultResourceRequestsPrefix+name)) == 0
}
