package healers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

const (
	// together is the time within which failures of liveness probes are taken for one
	// event, or one and a half of the longest period, if that is more.
	together = 15 * time.Second
	// stormLeast is how many must be unhealthy for a storm: in a small system most are
	// soon half of all.
	stormLeast = 4
	// The shares and times where the policy does not say.
	defaultShare    = 50
	defaultHoldFor  = 2 * time.Minute
	defaultCooldown = time.Minute
	defaultRecurs   = 5
)

// sense looks at everything together: what no finding of one instance shows.
func (e *Engine) sense() {
	e.senseBlind()
	e.senseShared()
	e.senseStorm()
	e.senseRecurring()
}

// sensible is when time alone will end something that sense has begun.
func (e *Engine) sensible() time.Duration {
	var next time.Duration
	sooner := func(at time.Duration) {
		if at > e.view.now && (next == 0 || at < next) {
			next = at
		}
	}
	for _, f := range e.state.index.wide { // a minimum: the order does not matter
		switch f.Kind {
		case FindingStorm:
			if e.calm > 0 {
				sooner(e.calm + e.cooldown())
			}
		case FindingRecurring:
			if h := e.state.Healed[f.Runbook]; len(h) > 0 {
				sooner(h[len(h)-1].At + e.recurrence().Within)
			}
		case FindingExited, FindingNotLive, FindingNotReady, FindingReady, FindingVolumeFull, FindingAsked, FindingShared, FindingBlind, FindingSize:
		}
	}
	return next
}

func everything() sut.Target { return sut.Target{ID: Everything} }

// senseBlind: the prober itself cannot look.
func (e *Engine) senseBlind() {
	t := e.tallies.all
	if t.blind == 0 {
		if len(e.state.index.wide) > 0 {
			e.end(FindingBlind, Everything, "")
		}
		return
	}
	e.beginWide(Finding{Kind: FindingBlind, Target: everything(), Since: e.view.now, Detail: fmt.Sprintf("%d of %d probes", t.blind, t.probed)})
}

// senseShared: live instances that fail their liveness probes together are victims of
// what they share. It is over when none of the workload fails any more, or when a
// restart has helped.
func (e *Engine) senseShared() {
	failing := e.state.index.notLive
	for _, f := range e.wide(FindingShared) {
		w := string(f.Target.ID)
		fails := false
		for id := range failing {
			fails = fails || id.Workload() == w
		}
		if !fails || e.restartHelped(w, f.Since) {
			e.end(FindingShared, f.Target.ID, "")
		}
	}
	if len(failing) < 2 {
		return
	}
	var newest time.Duration
	for _, since := range failing {
		newest = max(newest, since)
	}
	within := e.together()
	count := map[string]int64{}
	for id, since := range failing { // sums: the order does not matter
		if in := e.view.instances[id]; in != nil && newest-since <= within {
			count[in.Workload]++
		}
	}
	var victims, live int64
	for w, n := range count {
		victims += n
		live += e.tallies.workload(w).running
	}
	if victims < 2 || victims*100 <= int64(e.sharedPercent())*live {
		return
	}
	for _, w := range slices.Sorted(maps.Keys(count)) {
		if e.restartHelped(w, newest) {
			continue
		}
		e.beginWide(Finding{
			Kind: FindingShared, Target: sut.Target{ID: sut.ID(w)}, Since: e.view.now,
			Detail: fmt.Sprintf("%d of %d live instances of what is concerned fail their liveness probes together", victims, live),
		})
	}
}

// restartHelped tells whether an instance of a workload came back from a restart since
// a time, and its liveness probe succeeds: then it is not what they share. That it is
// ready says nothing: its readiness probe may ask for less.
func (e *Engine) restartHelped(workload string, since time.Duration) bool {
	for _, b := range e.state.Back[workload] {
		if in := e.view.instances[b.ID]; in != nil && b.At > since && in.Liveness.Result == probe.Success {
			return true
		}
	}
	return false
}

// together is the time within which failures are one event.
func (e *Engine) together() time.Duration {
	longest := time.Duration(0)
	for i := range e.view.policy.Workloads {
		if p := e.view.policy.Workloads[i].Liveness; p != nil {
			longest = max(longest, time.Duration(p.PeriodSeconds)*time.Second)
		}
	}
	return max(together, longest*3/2)
}

// senseStorm: too much is unhealthy at once. It is over when it was less for the
// cooldown.
func (e *Engine) senseStorm() {
	t := e.tallies.all
	if t.unhealthy >= stormLeast && t.unhealthy*100 > int64(cmp.Or(e.view.policy.Guard.Storm.Percent, defaultShare))*t.covered {
		e.calm = 0
		e.beginWide(Finding{Kind: FindingStorm, Target: everything(), Since: e.view.now, Detail: fmt.Sprintf("%d of %d instances are unhealthy", t.unhealthy, t.covered)})
		return
	}
	if len(e.wide(FindingStorm)) == 0 {
		return
	}
	if e.calm == 0 {
		e.calm = max(e.view.now, 1)
	}
	if e.view.now >= e.calm+e.cooldown() {
		e.end(FindingStorm, Everything, "")
	}
}

// senseRecurring: what is healed again and again hides a problem.
func (e *Engine) senseRecurring() {
	r := e.recurrence()
	for _, f := range e.wide(FindingRecurring) {
		h := e.state.Healed[f.Runbook]
		if len(h) == 0 || h[len(h)-1].At+r.Within <= e.view.now {
			e.end(FindingRecurring, f.Target.ID, f.Runbook)
		}
	}
}

// recurs looks whether what a work has just healed was healed too often.
func (e *Engine) recurs(p *Plan) {
	r, key := e.recurrence(), recurrenceKey(p)
	h := e.within(key, r.Within)
	n := len(h)
	if p.Healer == rotateName { // who was out because it was restarted does not flap
		n -= len(e.within(healedBy(restartName, recurring(p), ""), r.Within))
	}
	if n < r.Count {
		return
	}
	var history []string
	for _, x := range h[max(len(h)-r.Count, 0):] {
		history = append(history, seconds(e.view.now-x.At)+" ago"+behind(x.Detail))
	}
	text := fmt.Sprintf("%s, healed %d times in %s: ", findingWords[p.Finding], len(h), seconds(e.view.now-h[0].At))
	// Its key stands in for a runbook: one target may have several.
	e.beginWide(Finding{
		Kind: FindingRecurring, Target: sut.Target{ID: recurring(p)}, Runbook: key, Since: e.view.now, Detail: text + strings.Join(history, ", "),
	})
}

// within is the later part of a history.
func (e *Engine) within(key string, d time.Duration) []healed {
	h := e.state.Healed[key]
	first := slices.IndexFunc(h, func(x healed) bool { return e.view.now-x.At < d })
	if first < 0 {
		return nil
	}
	return h[first:]
}

// beginWide begins a finding that has no incarnation, once: that its numbers move does
// not make it another.
func (e *Engine) beginWide(f Finding) {
	if _, open := e.state.Findings[keyOf(f.Kind, f.Target.ID, f.Runbook)]; open {
		return
	}
	e.begin(f)
	e.dirty[f.Target.ID] = struct{}{}
}

// wide are the open findings of a kind that is about more than one instance, in order.
func (e *Engine) wide(k FindingKind) []Finding {
	if len(e.state.index.wide) == 0 {
		return nil // as nearly always, at no cost
	}
	var found []Finding
	for _, key := range slices.Sorted(maps.Keys(e.state.index.wide)) {
		if f := e.state.index.wide[key]; f.Kind == k {
			found = append(found, f)
		}
	}
	return found
}

func (e *Engine) sharedPercent() int {
	return cmp.Or(e.view.policy.Guard.Shared.Percent, defaultShare)
}

func (e *Engine) holdFor() time.Duration {
	return cmp.Or(e.view.policy.Guard.Shared.HoldFor, defaultHoldFor)
}

func (e *Engine) cooldown() time.Duration {
	return cmp.Or(e.view.policy.Guard.Storm.Cooldown, defaultCooldown)
}

func (e *Engine) recurrence() policy.Recurrence {
	g := e.view.policy.Guard.Recurrence
	return policy.Recurrence{Count: cmp.Or(max(g.Count, 0), defaultRecurs), Within: cmp.Or(g.Within, hour)}
}
