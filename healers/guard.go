package healers

import (
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// ruling is one rule of the guard. It fills in the decision where it binds.
type ruling struct {
	rule  Rule
	binds func(e *Engine, d *Decision, a *Act, w *Work) bool
	// messages: it holds for messages to people too, which touch no system. always: it is
	// asked again about an act that was granted and recorded before the engine died; of
	// the others that act itself has used up what they ask about.
	messages, always bool
}

// rulings are the rules in the order in which they are asked: one rule, one line.
var rulings = []ruling{
	{RuleKill, byKill, true, true},
	{RulePaused, byPause, false, true},
	{RuleScope, byScope, false, true},
	{RuleTrust, byTrust, false, true},
	{RuleActor, byActor, false, false},
	{RuleBlind, byBlindness, false, true},
	{RuleShared, byShared, false, false},
	{RuleStorm, byStorm, false, false},
	{RuleRamp, byRamp, false, false},
	{RuleBudget, byBudget, false, false},
	{RuleRate, byRate, false, false},
	{RuleBack, byBackoff, false, false},
	{RuleBroken, byBroken, false, false},
	{RuleStag, byStagger, false, false},
}

// guard is the one function that every act passes, and the only one that makes a Grant.
// The first rule that binds answers. w is nil for an act that was granted and recorded
// before the engine died.
func (e *Engine) guard(w *Work, a *Act) (Decision, Grant) {
	d := Decision{Healer: a.Healer, Verb: a.Verb, Target: a.Target}
	e.count()
	for _, r := range rulings {
		if a.Verb.tells() && !r.messages || w == nil && !r.always || r.rule == e.without {
			continue
		}
		if bound := d; r.binds(e, &bound, a, w) {
			bound.Rule = r.rule
			return bound, Grant{}
		}
	}
	d.Effect = Allow
	return d, Grant{act: a}
}

// bind fills in what a rule answers.
func (d *Decision) bind(x Effect, have, limit int64) bool {
	d.Effect, d.Have, d.Limit = x, have, limit
	return true
}

func byKill(e *Engine, d *Decision, _ *Act, _ *Work) bool {
	return e.state.Killed && d.bind(Deny, 0, 0)
}

func byPause(e *Engine, d *Decision, _ *Act, _ *Work) bool {
	return e.state.Paused && d.bind(Defer, 0, 0)
}

// byScope: deny before allow. A database needs its env known, not production,
// and a policy that names its workload, and is never scaled to none.
func byScope(e *Engine, d *Decision, a *Act, _ *Work) bool {
	if a.Target.ID.Kind() != sut.KindWorkload {
		return e.outOfScope(d, a, e.view.instances[a.Target.ID.Instance()])
	}
	name := string(a.Target.ID)
	w, known := e.view.workloads[name]
	if !known {
		return d.bind(Deny, 0, 0)
	}
	// All of a workload is touched, and of one without instances those that would come.
	if e.outOfScope(d, a, &Instance{Instance: sut.Instance{Workload: name, Role: w.Role, Labels: w.Labels}}) {
		return true
	}
	return slices.ContainsFunc(e.view.Members(name), func(id sut.ID) bool { return e.outOfScope(d, a, e.view.instances[id]) })
}

func (e *Engine) outOfScope(d *Decision, a *Act, in *Instance) bool {
	if in == nil {
		return d.bind(Deny, 0, 0)
	}
	for _, s := range e.view.policy.Guard.Never {
		if e.view.matches(s, in) {
			return d.bind(Deny, 0, 0)
		}
	}
	covering := e.covering(a, in)
	if covering == nil {
		return d.bind(Deny, 0, 0)
	}
	if e.role(in) != roleDatabase {
		return false
	}
	if to, scales := a.scaledTo(); scales && to == 0 {
		return d.bind(Deny, 0, 0)
	}
	env := strings.ToLower(e.view.label(in, "env"))
	if env == "" || strings.HasPrefix(env, "prod") || covering["workload"] != in.Workload {
		return d.bind(Deny, 0, 0)
	}
	return false
}

// covering is the selector by which the policy covers an act's target: for a
// runbook with a scope its own, else that of the workload. nil: it does not, or has
// the runbook no more.
func (e *Engine) covering(a *Act, in *Instance) policy.Selector {
	if w := e.state.Works[a.Work]; w != nil && w.Plan.Runbook != "" {
		rb := e.view.runbook(w.Plan.Runbook)
		if rb == nil {
			return nil
		}
		for _, s := range rb.Scope {
			if e.view.matches(s, in) {
				return s
			}
		}
		if len(rb.Scope) > 0 {
			return nil
		}
	}
	if w, ok := e.view.policyOf(in); ok {
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
func byTrust(e *Engine, d *Decision, _ *Act, _ *Work) bool {
	if slices.Contains(e.view.policy.Guard.Approval, string(d.Verb)) {
		return d.bind(Ask, 0, 0)
	}
	return false
}

// byActor: acts that collide wait for each other, also for one of unknown
// outcome until observation settles it. Nobody knows whom a scale-down takes, and so
// nobody of its workload is given users meanwhile.
func byActor(e *Engine, d *Decision, a *Act, _ *Work) bool {
	if workload := a.Target.ID.Workload(); a.Verb == verbRotateIn && e.scaledAway(workload) > 0 {
		d.By = sut.ID(workload)
		return d.bind(Defer, 1, 1)
	}
	for _, other := range e.state.index.acts[subject(a.Target.ID)] {
		if collides(a, other) {
			d.By = other.Target.ID
			return d.bind(Defer, 1, 1)
		}
	}
	return false
}
