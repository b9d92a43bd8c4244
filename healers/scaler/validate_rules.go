package scaler

import (
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func scalingRules(r *autoscalingv2.HPAScalingRules, at *field.Path) (out field.ErrorList) {
	if r == nil {
		return nil
	}
	if w := r.StabilizationWindowSeconds; w != nil && *w < 0 {
		out = append(out, field.Invalid(at.Child("stabilizationWindowSeconds"), *w, "must be greater than or equal to zero"))
	} else if w != nil && *w > maxWindowSeconds {
		out = append(out, field.Invalid(at.Child("stabilizationWindowSeconds"), *w, fmt.Sprintf("must be less than or equal to %d", maxWindowSeconds)))
	}
	if p := r.SelectPolicy; p != nil && !slices.Contains(selects, string(*p)) {
		out = append(out, field.NotSupported(at.Child("selectPolicy"), *p, selects))
	}
	if len(r.Policies) == 0 {
		out = append(out, field.Required(at.Child("policies"), "must specify at least one Policy"))
	}
	for i := range r.Policies {
		out = append(out, scalingPolicy(&r.Policies[i], at.Child("policies").Index(i))...)
	}
	if t := r.Tolerance; t != nil && t.Sign() < 0 {
		out = append(out, field.Invalid(at.Child("tolerance"), t.String(), "must be greater than or equal to 0"))
	}
	return out
}

var (
	selects = []string{"Disabled", "Max", "Min"}
	kinds   = []string{"Percent", "Pods"}
)

func scalingPolicy(p *autoscalingv2.HPAScalingPolicy, at *field.Path) (out field.ErrorList) {
	if !slices.Contains(kinds, string(p.Type)) {
		out = append(out, field.NotSupported(at.Child("type"), p.Type, kinds))
	}
	if p.Value <= 0 {
		out = append(out, field.Invalid(at.Child("value"), p.Value, "must be greater than zero"))
	}
	if p.PeriodSeconds <= 0 {
		out = append(out, field.Invalid(at.Child("periodSeconds"), p.PeriodSeconds, "must be greater than zero"))
	} else if p.PeriodSeconds > maxPeriodSeconds {
		out = append(out, field.Invalid(at.Child("periodSeconds"), p.PeriodSeconds, fmt.Sprintf("must be less than or equal to %d", maxPeriodSeconds)))
	}
	return out
}
