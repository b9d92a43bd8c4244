package policy

import (
	"fmt"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

const compatV2 = "v2"

// How old usage may be, where the policy does not say: so many periods, and at least as long
// as the slowest that platforms meter by (a metrics server that looks once a minute) takes to
// tell of the next.
const (
	usagePeriods = 3
	usageMaxAge  = 2 * time.Minute
)

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
	if a.Every != 0 && time.Duration(a.Every) < time.Second {
		c.add(at+".every", "expected at least 1s, got %s", time.Duration(a.Every))
	}
	if a.ScaleTargetRef != (autoscalingv2.CrossVersionObjectReference{}) {
		c.add(at+".scaleTargetRef", "leave it out: the selector says what is scaled")
	}
	if b := w.DisruptionBudget; a.MinReplicas != nil && *a.MinReplicas == 0 && b != nil && b.MinAvailable != nil && b.MinAvailable.Type == intstr.Int && b.MinAvailable.IntVal > 0 {
		c.add(at+".minReplicas", "the disruptionBudget keeps %d available whatever is asked for, and so none is never reached; write a percentage, or maxUnavailable", b.MinAvailable.IntVal)
	}
	if a.Compat != "" && (a.Fallback != nil || a.FlapBudget != nil || a.ReplicaHoursPerDay != 0) {
		c.add(at+".compat", "upstream has no fallback, flapBudget and replicaHoursPerDay; leave out either")
	}
	if slices.ContainsFunc(c.scaled, func(name string) bool { return name == w.Selector.Workload }) {
		c.add(at, "%s is scaled already", w.Selector.Workload)
	}
	c.scaled = append(c.scaled, w.Selector.Workload)
	spec := a.Defaulted()
	invalid := spec.Validate(field.NewPath(at), false)
	for _, e := range invalid {
		c.add(e.Field, "%s", e.ErrorBody())
	}
	out := &Scaling{Spec: spec, Compat: a.Compat == compatV2, Every: or(a.Every, scaler.DefaultInterval)}
	if a.MaxAge != 0 && time.Duration(a.MaxAge) < out.Every {
		c.add(at+".maxAge", "expected every (%s) or more, got %s", out.Every, time.Duration(a.MaxAge))
	}
	out.Sources = c.sources(at, w.Selector.Workload, a, out)
	if a.MaxAge != 0 && len(invalid) == 0 && !slices.ContainsFunc(out.Sources, func(s metric.Source) bool { return s.Usage }) {
		c.add(at+".maxAge", "it is of cpu and memory, and neither is asked for; write it into the source")
	}
	if len(invalid) == 0 {
		c.sourced(at, out)
	}
	return out
}

// sources are those that the policy names, and the platform's for resources.
func (c *compiler) sources(at, workload string, a *AutoscalingSpec, p *Scaling) (out []metric.Source) {
	for i, s := range a.Sources {
		one := metric.Source{
			Metric: s.Metric, Workload: workload, Every: or(s.Every, p.Every), MaxAge: time.Duration(s.MaxAge), Timeout: time.Duration(s.Timeout),
		}
		if x := s.Scrape; x != nil {
			one.Scrape = &metric.Scrape{Port: x.Port, Path: x.Path, Name: x.Name, Labels: x.Labels, Rate: x.Rate}
		}
		if x := s.Prometheus; x != nil {
			one.Prometheus = &metric.Prometheus{URL: x.URL, Query: x.Query, BearerFile: x.BearerFile}
		}
		if x := s.HTTP; x != nil {
			one.HTTP = &metric.HTTP{URL: x.URL, Field: x.Field, TimestampField: x.TimestampField}
		}
		one = one.Complete()
		where := fmt.Sprintf("%s.sources[%d]", at, i)
		for _, problem := range one.Validate(where) {
			c.add(problem.Field, "%s", problem.Text)
		}
		if slices.ContainsFunc(out, func(o metric.Source) bool { return o.Metric == s.Metric }) {
			c.add(where+".metric", "%s has a source already", s.Metric)
		}
		out = append(out, one)
	}
	containers := slices.ContainsFunc(p.Spec.Metrics, func(m autoscalingv2.MetricSpec) bool { return m.ContainerResource != nil })
	if containers || slices.ContainsFunc(p.Spec.Metrics, func(m autoscalingv2.MetricSpec) bool { return m.Resource != nil }) {
		out = append(out, metric.Source{
			Usage: true, Containers: containers, Workload: workload, Every: p.Every, MaxAge: or(a.MaxAge, max(usagePeriods*p.Every, usageMaxAge)),
		}.Complete())
	}
	return out
}

// sourced demands a source of each metric that needs one, of the kind that it needs: of
// Pods the instances, of Object and External anything.
func (c *compiler) sourced(at string, p *Scaling) {
	for i := range p.Spec.Metrics {
		m := &p.Spec.Metrics[i]
		where := fmt.Sprintf("%s.metrics[%d]", at, i)
		var id *autoscalingv2.MetricIdentifier
		switch {
		case m.Resource != nil:
			c.metered(where+".resource.name", string(m.Resource.Name))
			continue
		case m.ContainerResource != nil:
			c.metered(where+".containerResource.name", string(m.ContainerResource.Name))
			continue
		case m.Pods != nil:
			where, id = where+".pods.metric", &m.Pods.Metric
		case m.Object != nil:
			where, id = where+".object.metric", &m.Object.Metric
		case m.External != nil:
			where, id = where+".external.metric", &m.External.Metric
		}
		if id.Selector != nil {
			c.add(where+".selector", "put it into the query of the source")
		}
		j := slices.IndexFunc(p.Sources, func(s metric.Source) bool { return s.Metric == id.Name })
		switch {
		case j < 0:
			c.add(where+".name", "%s has no source; name one under autoscaling.sources", id.Name)
		case m.Pods != nil && p.Sources[j].Scrape == nil:
			c.add(where+".name", "a metric of each pod is scraped from each; the source of %s is one for all", id.Name)
		case m.Pods == nil && p.Sources[j].Scrape != nil:
			c.add(where+".name", "%s is scraped from each instance, and one number for all is needed; make it a Pods metric", id.Name)
		}
	}
}

func (c *compiler) metered(at, resource string) {
	if resource != metric.CPU && resource != metric.Memory {
		c.add(at, "cpu and memory are metered, and %s is not", resource)
	}
}
