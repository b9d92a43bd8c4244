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

	defaultMaxPerRunbookPerHour = 20
	defaultShare                = 50
	defaultHoldFor              = 2 * time.Minute
	defaultCooldown             = time.Minute
	defaultRecurrences          = 5
	defaultRecurrenceWithin     = time.Hour
)

// verbs are those that an approval can be asked for.
var verbs = []string{"restart", "rotateIn", "rotateOut", "replace", "scale", "cleanTemp", "cleanLogs", "expand"}

// compiler gathers what is wrong with one document.
type compiler struct {
	doc    *manifest.Doc
	found  manifest.Problems
	scaled []string // workloads
}

func (c *compiler) add(field, format string, args ...any) {
	c.found = append(c.found, c.doc.Problem(field, format, args...))
}

func compilePolicy(doc *manifest.Doc, known map[string]Runbook) (*Policy, error) {
	var f HealingPolicy
	err := doc.Decode(&f)
	c := &compiler{doc: doc, found: manifest.CheckHead(doc, f.APIVersion, f.Kind, "HealingPolicy", f.Metadata)}
	if f.Spec.Trust != nil {
		c.add("spec.trust", "trust levels are not there yet; leave it out")
	}
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
	p.Breakers = c.breakers(f.Spec.Breakers, p.Workloads)
	return p, manifest.Join(err, c.found...)
}

func (c *compiler) guardrails(g GuardrailsSpec) Guardrails {
	out := Guardrails{
		MaxActionsPerHour:   c.count("spec.guardrails.maxActionsPerHour", g.MaxActionsPerHour, defaultMaxActionsPerHour),
		MaxPerTargetPerHour: c.count("spec.guardrails.maxPerTargetPerHour", g.MaxPerTargetPerHour, defaultMaxPerTargetPerHour),
	}
	out.MaxPerRunbookPerHour = c.count("spec.guardrails.maxPerRunbookPerHour", g.MaxPerRunbookPerHour, defaultMaxPerRunbookPerHour)
	out.Shared = SharedDependency{
		Percent: c.percent("spec.guardrails.sharedDependency.share", g.SharedDependency.Share, defaultShare),
		HoldFor: or(g.SharedDependency.HoldFor, defaultHoldFor),
	}
	out.Storm = Storm{
		Percent:  c.percent("spec.guardrails.storm.threshold", g.Storm.Threshold, defaultShare),
		Cooldown: or(g.Storm.Cooldown, defaultCooldown),
	}
	out.Recurrence = Recurrence{
		Count:  c.count("spec.guardrails.recurrence.count", g.Recurrence.Count, defaultRecurrences),
		Within: or(g.Recurrence.Within, defaultRecurrenceWithin),
	}
	if out.Recurrence.Count > MostRecurrences {
		c.add("spec.guardrails.recurrence.count", "%d is more than the %d that are remembered", out.Recurrence.Count, MostRecurrences)
	}
	if out.Recurrence.Within > MostRecurrence {
		c.add("spec.guardrails.recurrence.within", "%s is longer than the %s for which it is remembered", out.Recurrence.Within, MostRecurrence)
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

// percent reads a share above none, like 50%.
func (c *compiler) percent(field, s string, otherwise int) int {
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "%"))
	if !percentage.MatchString(s) || err != nil || n == 0 {
		c.add(field, "expected a percentage from 1%% to 100%%, got %q", s)
		return otherwise
	}
	return n
}

// or fills in what was left out.
func or(d manifest.Duration, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
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
	out := Workload{
		Selector:     c.selector(at+".selector", w.Selector),
		Liveness:     c.probe(at+".livenessProbe", w.LivenessProbe, liveness),
		Readiness:    c.probe(at+".readinessProbe", w.ReadinessProbe, readiness),
		Startup:      c.probe(at+".startupProbe", w.StartupProbe, startup),
		Restart:      c.restart(at+".restart", w.Restart),
		Scaling:      c.scaling(at, &w),
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
	if b := w.DisruptionBudget; b != nil && b.UnhealthyPodEvictionPolicy != nil {
		out.UnhealthyEviction = string(*b.UnhealthyPodEvictionPolicy)
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
	if p := b.UnhealthyPodEvictionPolicy; p != nil && *p != policyv1.IfHealthyBudget && *p != policyv1.AlwaysAllow {
		c.add(at+".unhealthyPodEvictionPolicy", "expected %s or %s, got %q", policyv1.IfHealthyBudget, policyv1.AlwaysAllow, *p)
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
