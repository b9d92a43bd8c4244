package policy

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

const compatV2 = "v2"

func (c *compiler) scaling(at string, w *WorkloadSpec) *Scaling {
	a := w.Autoscaling
	if a == nil {
		return nil
	}
	if w.Selector.Workload == "" {
		c.add(at+".selector.workload", "expected the workload that is scaled: autoscaling is of one")
	}
	at += ".autoscaling"
	if a.Compat != "" && a.Compat != compatV2 {
		c.add(at+".compat", "expected %s, got %q", compatV2, a.Compat)
	}
	if a.Every < 0 {
		c.add(at+".every", "expected a time above 0, got %s", a.Every)
	}
	spec := a.Spec.Defaulted()
	for _, e := range spec.Validate(field.NewPath(at), false) {
		c.add(e.Field, "%s", e.ErrorBody())
	}
	return &Scaling{Spec: spec, Compat: a.Compat == compatV2, Every: or(a.Every, scaler.DefaultInterval)}
}
