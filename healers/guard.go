package healers

import (
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// guard is the one function that every act passes, and the only one that makes
// a Grant. The first rule that binds answers, in this order: kill switch and
// pause, scope, trust, one actor per target, blindness, minimum of available
// instances, rates, back-off, stagger. Messages to people touch no system: only
// the kill switch stops them.
//
// w is nil for an act that was granted and recorded before the engine died: what
// that act itself has used up (its target, budget, rate, back-off, stagger) is
// not asked for a second time.
func (e *Engine) guard(w *Work, a *Act) (Decision, Grant) {
	d := Decision{Healer: a.Healer, Verb: a.Verb, Target: a.Target}
	bound := false
	switch again := w == nil; {
	case e.bySwitch(&d), a.Verb.tells():
		bound = d.Rule != RuleNone
	case e.byScope(&d, a), e.byTrust(&d):
		bound = true
	case !again && e.byActor(&d, a), e.byBlindness(&d):
		bound = true
	case again:
	case e.byBudget(&d), e.byRate(&d), e.byBackoff(&d, w), e.byStagger(&d, w):
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
	for _, other := range e.acts() {
		if collides(a, other) {
			d.By = other.Target.ID
			return d.bind(RuleActor, Defer, 1, 1)
		}
	}
	return false
}

// byBlindness: who cannot see holds still. When some live instances of a workload
// are unready and none is known to be ready, what they share is down, and new
// instances would only be more of them. One that has just come, of which nobody
// knows yet, speaks for neither. Once one is ready, the others have as long as
// ever to be so too.
func (e *Engine) byBlindness(d *Decision) bool {
	if e.view.lost != "" {
		return d.bind(RuleBlind, Defer, 0, 0)
	}
	if d.Verb == verbReplace {
		unready, running := e.unready(d.Target.ID.Workload())
		since, ready := e.readySince(d.Target.ID.Workload())
		if !ready && running >= 2 {
			return d.bind(RuleBlind, Defer, unready, running)
		}
		if p, ok := e.view.Policy(d.Target.ID); ok && ready && since+p.ReplaceAfter > e.view.now {
			d.Until = since + p.ReplaceAfter
			return d.bind(RuleBlind, Defer, unready, running)
		}
	}
	return false
}

// byBudget keeps a minimum of instances available over every kind of act that
// takes one away. One that serves nobody costs nothing, with one exception: when
// most of a workload turned unready though they live, a shared dependency is
// suspected, and no more are taken out of rotation than leave the minimum in it.
func (e *Engine) byBudget(d *Decision) bool {
	id := d.Target.ID
	if !d.Verb.life() && d.Verb != verbRotateOut {
		return false
	}
	least := e.floor(id)
	if e.mayServe(id) {
		if have := e.left(id, e.available); have < least {
			return d.bind(RuleBudget, Defer, have, least)
		}
		return false
	}
	unready, running := e.unready(id.Workload())
	if d.Verb == verbRotateOut && e.view.Has(FindingNotReady, id) && !e.view.Has(FindingNotLive, id) &&
		unready >= 2 && 2*unready > running {
		if have := e.left(id, e.inRotation); have < least {
			return d.bind(RuleBudget, Defer, have, least)
		}
	}
	return false
}

// The rates where the policy does not say.
const (
	defaultPerHour       = 60
	defaultPerTargetHour = 10
)

// byRate bounds the acts of one verb on one target, then all of them, within an
// hour.
func (e *Engine) byRate(d *Decision) bool {
	if !d.Verb.counted() {
		return false
	}
	g := e.view.policy.Guard
	return e.rate(d, rateKey(d.Verb, d.Target.ID), g.MaxPerTargetPerHour, defaultPerTargetHour) ||
		e.rate(d, rateAll, g.MaxActionsPerHour, defaultPerHour)
}

func (e *Engine) rate(d *Decision, key string, limit, unset int) bool {
	if limit <= 0 {
		limit = unset
	}
	done := fresh(e.state.Rates[key], func(t time.Duration) time.Duration { return t }, e.view.now)
	if len(done) < limit {
		return false
	}
	d.Until = done[len(done)-limit] + hour
	return d.bind(RuleRate, Defer, int64(len(done)), int64(limit))
}

// byBackoff: kubelet's for restarts, counted from the end of the incarnation;
// for every healer a delay that grows with the works that did not help.
func (e *Engine) byBackoff(d *Decision, w *Work) bool {
	if !w.Began {
		if wait, waits := e.retry(w, d.Verb); waits {
			d.Until = wait.Until
			return d.bind(RuleBack, Defer, wait.Have, wait.Limit)
		}
	}
	if d.Verb != verbRestart {
		return false
	}
	last := e.state.Restarts[d.Target.ID]
	ended := e.view.now
	if f, ok := e.state.Findings[keyOf(w.Plan.Finding, d.Target.ID, "")]; ok {
		ended = max(f.Since, last.Last)
	}
	until := w.Plan.Backoff.Until(last, ended)
	if until <= e.view.now {
		return false
	}
	d.Until = until
	return d.bind(RuleBack, Defer, (e.view.now - ended).Milliseconds(), (until - ended).Milliseconds())
}

// retry tells whether a work that would begin now comes too soon after one of
// the same healer on the same target that did not help.
func (e *Engine) retry(w *Work, v Verb) (Decision, bool) {
	f, failed := e.state.Failures[failureKeyOf(w.Plan)]
	until := retryOf(w.Plan.Healer).Until(f.Retry, f.Last)
	if w.Began || !failed || until <= e.view.now {
		return Decision{}, false
	}
	d := Decision{Healer: w.Plan.Healer, Verb: v, Target: w.Plan.target(), Until: until}
	d.bind(RuleBack, Defer, (e.view.now - f.Last).Milliseconds(), (until - f.Last).Milliseconds())
	return d, true
}

// byStagger lets only some of a workload be away at once: from the act that
// ends a life until the next one is ready, and has been for the soak time.
func (e *Engine) byStagger(d *Decision, w *Work) bool {
	if !d.Verb.life() {
		return false
	}
	name := d.Target.ID.Workload()
	p, ok := e.view.Policy(d.Target.ID)
	if !ok {
		return false
	}
	var away int64
	for _, id := range e.works() {
		other := e.state.Works[id]
		if other != w && other.Began && other.life() && other.Plan.target().ID.Workload() == name {
			away++
			if d.By == "" {
				d.By = other.Plan.target().ID
			}
		}
	}
	for _, b := range e.state.Back[name] {
		if b.ID != d.Target.ID && b.At+p.Restart.Soak > e.view.now {
			away++
			if d.By == "" {
				d.By, d.Until = b.ID, b.At+p.Restart.Soak
			}
		}
	}
	if limit := atOnce(p.Restart.AtOnce, e.view.Desired(name)); away >= limit {
		return d.bind(RuleStag, Defer, away, limit)
	}
	d.By, d.Until = "", 0
	return false
}
