package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// The defaults of what a policy leaves out. Those of back-off are kubelet's.
const (
	defaultInitial             = 10 * time.Second
	defaultMax                 = 5 * time.Minute
	defaultReset               = 10 * time.Minute
	defaultAtOnce              = "25%"
	defaultMaxUnavailable      = "1"
	defaultMaxActionsPerHour   = 60
	defaultMaxPerTargetPerHour = 10
)

// verbs are those that an approval can be asked for.
var verbs = []string{"restart", "rotateIn", "rotateOut", "replace", "scale", "cleanTemp", "cleanLogs", "expand"}

// compiler gathers what is wrong with one document.
type compiler struct {
	doc   *manifest.Doc
	found manifest.Problems
}

func (c *compiler) add(field, format string, args ...any) {
	c.found = append(c.found, c.doc.Problem(field, format, args...))
}

func compilePolicy(doc *manifest.Doc, known map[string]Runbook) (*Policy, error) {
	var f HealingPolicy
	err := doc.Decode(&f)
	c := &compiler{doc: doc, found: manifest.CheckHead(doc, f.APIVersion, f.Kind, "HealingPolicy", f.Metadata)}
	c.notYet("spec.breakers", f.Spec.Breakers, "circuit breakers are")
	c.notYet("spec.trust", f.Spec.Trust, "trust levels are")
	p := &Policy{Name: f.Metadata.Name, Guard: c.guardrails(f.Spec.Guardrails)}
	if len(f.Spec.Workloads) == 0 {
		c.add("spec.workloads", "expected at least one workload")
	}
	for i, w := range f.Spec.Workloads {
		at := fmt.Sprintf("spec.workloads[%d]", i)
		one := c.workload(at, w)
		if j := slices.IndexFunc(p.Workloads, func(o Workload) bool { return covers(o.Selector, one.Selector) }); j >= 0 && len(one.Selector) > 0 {
			c.add(at+".selector", "never matches: spec.workloads[%d] comes first and holds for all of it", j)
		}
		p.Workloads = append(p.Workloads, one)
	}
	for i, name := range f.Spec.Runbooks {
		at := fmt.Sprintf("spec.runbooks[%d]", i)
		r, ok := known[name]
		switch {
		case !ok:
			c.add(at, "there is no runbook named %q", name)
		case slices.Index(f.Spec.Runbooks, name) < i:
			c.add(at, "%s is named twice", name)
		default:
			p.Runbooks = append(p.Runbooks, r)
		}
	}
	return p, manifest.Join(err, c.found...)
}

func (c *compiler) notYet(field string, v any, what string) {
	if v != nil {
		c.add(field, "%s not there yet; leave it out", what)
	}
}

func (c *compiler) guardrails(g GuardrailsSpec) Guardrails {
	out := Guardrails{
		MaxActionsPerHour:   c.count("spec.guardrails.maxActionsPerHour", g.MaxActionsPerHour, defaultMaxActionsPerHour),
		MaxPerTargetPerHour: c.count("spec.guardrails.maxPerTargetPerHour", g.MaxPerTargetPerHour, defaultMaxPerTargetPerHour),
	}
	for i, s := range g.Never {
		out.Never = append(out.Never, c.selector(fmt.Sprintf("spec.guardrails.never[%d]", i), s))
	}
	for i, v := range g.Approval {
		if slices.Contains(verbs, v) {
			out.Approval = append(out.Approval, v)
			continue
		}
		c.add(fmt.Sprintf("spec.guardrails.approval[%d]", i), "%q is no verb that is there; expected one of %s", v, strings.Join(verbs, ", "))
	}
	return out
}

func (c *compiler) count(field string, n, otherwise int) int {
	if n < 0 {
		c.add(field, "expected a number above 0, got %d", n)
	}
	if n == 0 {
		return otherwise
	}
	return n
}

// selector flattens a selector. The compiled form keeps the workload's name
// under a key of its own, which a label must not take.
func (c *compiler) selector(at string, s SelectorSpec) Selector {
	out := Selector{}
	for k, v := range s.Labels {
		if k == workloadKey {
			c.add(at+".labels", "a label named workload cannot be selected; write selector.workload for the workload's name")
		}
		out[k] = v
	}
	if s.Workload != "" {
		if !manifest.ValidName(s.Workload) {
			c.add(at+".workload", "expected the name of a workload, got %q", s.Workload)
		}
		out[workloadKey] = s.Workload
	}
	if len(out) == 0 {
		c.add(at, "expected workload or labels: an empty selector would match nothing")
	}
	return out
}

// covers tells whether all that b matches is matched by a.
func covers(a, b Selector) bool {
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			return false
		}
	}
	return len(a) > 0
}

func (c *compiler) workload(at string, w WorkloadSpec) Workload {
	c.notYet(at+".autoscaling", w.Autoscaling, "autoscaling is")
	out := Workload{
		Selector:     c.selector(at+".selector", w.Selector),
		Liveness:     c.probe(at+".livenessProbe", w.LivenessProbe, liveness),
		Readiness:    c.probe(at+".readinessProbe", w.ReadinessProbe, readiness),
		Startup:      c.probe(at+".startupProbe", w.StartupProbe, startup),
		Restart:      c.restart(at+".restart", w.Restart),
		Rotate:       w.ReadinessProbe != nil,
		ReplaceAfter: time.Duration(w.ReplaceAfter),
	}
	if w.Rotate != nil {
		out.Rotate = *w.Rotate
		if *w.Rotate && w.ReadinessProbe == nil {
			c.add(at+".rotate", "needs a readinessProbe: without one nobody knows who is ready")
		}
	}
	if w.ReplaceAfter > 0 && w.ReadinessProbe == nil {
		c.add(at+".replaceAfter", "needs a readinessProbe: without one nobody knows who is ready")
	}
	out.Probing = c.probing(at+".probing", w)
	out.MinAvailable, out.MaxUnavailable = c.budget(at+".disruptionBudget", w.DisruptionBudget)
	return out
}

func (c *compiler) restart(at string, r RestartSpec) Restart {
	or := func(d manifest.Duration, otherwise time.Duration) time.Duration {
		if d == 0 {
			return otherwise
		}
		return time.Duration(d)
	}
	out := Restart{
		Initial: or(r.Backoff.Initial, defaultInitial),
		Max:     or(r.Backoff.Max, defaultMax),
		Reset:   or(r.Backoff.Reset, defaultReset),
		Grace:   time.Duration(r.Grace),
		AtOnce:  defaultAtOnce,
		Soak:    time.Duration(r.Stagger.Soak),
	}
	if out.Initial > out.Max {
		switch {
		case r.Backoff.Initial == 0: // as kubelet does when only the largest is given
			out.Initial = out.Max
		case r.Backoff.Max == 0:
			out.Max = out.Initial
		default:
			c.add(at+".backoff.initial", "%s is more than max, which is %s", out.Initial, out.Max)
		}
	}
	if r.Stagger.AtOnce != nil {
		out.AtOnce = c.share(at+".stagger.atOnce", *r.Stagger.AtOnce)
		if n, err := strconv.Atoi(strings.TrimSuffix(out.AtOnce, "%")); err == nil && n == 0 {
			c.add(at+".stagger.atOnce", "expected at least one, or nothing could ever be restarted")
		}
	}
	return out
}

func (c *compiler) budget(at string, b *policyv1.PodDisruptionBudgetSpec) (minAvailable, maxUnavailable string) {
	if b == nil {
		return "", defaultMaxUnavailable
	}
	if b.Selector != nil {
		c.add(at+".selector", "leave it out: the budget holds for the workload it is written in")
	}
	if b.UnhealthyPodEvictionPolicy != nil {
		c.add(at+".unhealthyPodEvictionPolicy", "eviction policies are not there yet; leave it out")
	}
	switch {
	case b.MinAvailable != nil && b.MaxUnavailable != nil:
		c.add(at+".maxUnavailable", "expected minAvailable or maxUnavailable, got both")
	case b.MinAvailable != nil:
		return c.share(at+".minAvailable", *b.MinAvailable), ""
	case b.MaxUnavailable != nil:
		return "", c.share(at+".maxUnavailable", *b.MaxUnavailable)
	default:
		c.add(at, "expected minAvailable or maxUnavailable")
	}
	return "", defaultMaxUnavailable
}

var percentage = regexp.MustCompile(`^(100|[0-9]{1,2})%$`)

// share is a count or a percentage, as text.
func (c *compiler) share(at string, v intstr.IntOrString) string {
	if v.Type == intstr.Int {
		if v.IntVal < 0 {
			c.add(at, "expected a number that is not negative, got %d", v.IntVal)
		}
		return strconv.Itoa(int(v.IntVal))
	}
	if !percentage.MatchString(v.StrVal) {
		c.add(at, "expected a number or a percentage like 25%%, got %q", v.StrVal)
	}
	return v.StrVal
}
