package healers

import (
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// guard is the one function that every act passes, and the only one that makes
// a Grant. The first rule that binds answers, in this order: kill switch and
// pause, scope, trust, one actor per target, blindness, a shared dependency, storm,
// wake-up ramp, disruption budgets, rates, back-off, stagger. Messages to people
// touch no system: only the kill switch stops them.
//
// w is nil for an act that was granted and recorded before the engine died: what
// that act itself has used up (its target, budget, rate, back-off, stagger) is
// not asked for a second time.
func (e *Engine) guard(w *Work, a *Act) (Decision, Grant) {
	d := Decision{Healer: a.Healer, Verb: a.Verb, Target: a.Target}
	e.count()
	bound := false
	switch again := w == nil; {
	case e.bySwitch(&d), a.Verb.tells():
		bound = d.Rule != RuleNone
	case e.byScope(&d, a), e.byTrust(&d):
		bound = true
	case !again && e.byActor(&d, a), e.byBlindness(&d):
		bound = true
	case again:
	case e.byShared(&d, w), e.byStorm(&d, w), e.byRamp(&d, w):
		bound = true
	case e.byBudget(&d, a), e.byRate(&d, w), e.byBackoff(&d, w), e.byBroken(&d, w), e.byStagger(&d, w):
		bound = true
	}
	if bound {
		return d, Grant{}
	}
	d.Effect = Allow
	return d, Grant{act: a}
}

// bind fills in what a rule answers.
func (d *Decision) bind(r Rule, x Effect, have, limit int64) bool {
	d.Rule, d.Effect, d.Have, d.Limit = r, x, have, limit
	return true
}

func (e *Engine) bySwitch(d *Decision) bool {
	switch {
	case e.state.Killed:
		return d.bind(RuleKill, Deny, 0, 0)
	case e.state.Paused && !d.Verb.tells():
		return d.bind(RulePaused, Defer, 0, 0)
	default:
		return false
	}
}

// byScope: deny before allow. A database needs its env known, not production,
// and a policy that names its workload.
func (e *Engine) byScope(d *Decision, a *Act) bool {
	in := e.view.instances[a.Target.ID.Instance()]
	if in == nil {
		return d.bind(RuleScope, Deny, 0, 0)
	}
	for _, s := range e.view.policy.Guard.Never {
		if e.view.matches(s, in) {
			return d.bind(RuleScope, Deny, 0, 0)
		}
	}
	covering := e.covering(a, in)
	if covering == nil {
		return d.bind(RuleScope, Deny, 0, 0)
	}
	if e.role(in) != roleDatabase {
		return false
	}
	env := strings.ToLower(e.view.label(in, "env"))
	if env == "" || strings.HasPrefix(env, "prod") || covering["workload"] != in.Workload {
		return d.bind(RuleScope, Deny, 0, 0)
	}
	return false
}

// covering is the selector by which the policy covers an act's target: for a
// runbook with a scope its own, else that of the workload. nil: it does not.
func (e *Engine) covering(a *Act, in *Instance) policy.Selector {
	if w := e.state.Works[a.Work]; w != nil && w.Plan.Runbook != "" {
		for _, rb := range e.view.policy.Runbooks {
			if rb.Name != w.Plan.Runbook || len(rb.Scope) == 0 {
				continue
			}
			for _, s := range rb.Scope {
				if e.view.matches(s, in) {
					return s
				}
			}
			return nil
		}
	}
	if w, ok := e.view.Policy(in.ID); ok {
		return w.Selector
	}
	return nil
}

const roleDatabase = "database"

func (e *Engine) role(in *Instance) string {
	if in.Role != "" {
		return in.Role
	}
	return e.view.workloads[in.Workload].Role
}

// inScope: a runbook without a scope asks about every volume; the guard says
// which it may touch.
func (e *Engine) inScope(scope []policy.Selector, in *Instance) bool {
	return len(scope) == 0 || slices.ContainsFunc(scope, func(s policy.Selector) bool { return e.view.matches(s, in) })
}

// byTrust: what needs a person's word is not done until there are approvals.
func (e *Engine) byTrust(d *Decision) bool {
	if slices.Contains(e.view.policy.Guard.Approval, string(d.Verb)) {
		return d.bind(RuleTrust, Ask, 0, 0)
	}
	return false
}

// byActor: acts that collide wait for each other, also for one of unknown
// outcome until observation settles it.
func (e *Engine) byActor(d *Decision, a *Act) bool {
	for _, other := range e.state.index.acts[subject(a.Target.ID)] {
		if collides(a, other) {
			d.By = other.Target.ID
			return d.bind(RuleActor, Defer, 1, 1)
		}
	}
	return false
}
