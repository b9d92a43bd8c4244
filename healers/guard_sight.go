package healers

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// byBlindness: who cannot see holds still: when news of the system stopped, when the
// prober cannot look at most of what it is to look at, and when some live instances of a
// workload are unready and none is known to be ready. What they share is down then, and
// new instances would only be more of them; one that has just come, of which nobody knows
// yet, speaks for neither. Once one is ready, the others have as long as ever to be so too.
// And one that was replaced in vain is not replaced again while there is one too many: the
// new one may have come and the old one stayed, and each try would leave one more.
func byBlindness(e *Engine, d *Decision, _ *Act, w *Work) bool {
	all := e.tallies.all
	switch {
	case e.view.lost != "":
		return d.bind(Defer, 0, 0)
	case all.blind >= 2 && 2*all.blind > all.probed && d.Verb.heavy():
		d.By = Everything
		return d.bind(Defer, all.blind, all.probed)
	case w != nil && w.Plan.Finding == FindingNotLive && d.Verb.life() && !e.failsNow(d.Target.ID):
		// An engine that was started again has not looked yet.
		return d.bind(Defer, 0, 0)
	case d.Verb != verbReplace:
		return false
	}
	name := d.Target.ID.Workload()
	if there, want := len(e.view.owned(name)), e.view.Desired(name); there > want && w != nil && e.state.Failures[failureKeyOf(w.Plan)].Count > 0 {
		return d.bind(Defer, int64(there), int64(want))
	}
	t := e.tallies.workload(name)
	if t.ready == 0 && t.running >= 2 {
		return d.bind(Defer, t.unready, t.running)
	}
	since, ready := e.tallies.readySince[name]
	if p, ok := e.view.Policy(d.Target.ID); ok && ready && since+p.ReplaceAfter > e.view.now {
		d.Until = since + p.ReplaceAfter
		return d.bind(Defer, t.unready, t.running)
	}
	return false
}

// failsNow tells whether the liveness probe of an instance fails by what this engine's
// own prober said.
func (e *Engine) failsNow(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Liveness.Result == probe.Failure
}

// byShared: live instances that fail their liveness probes together are not restarted.
// It would help none of them, take all away, and bring a crowd of newcomers upon what
// they share. The first to fail is held until the others have been asked as often. When
// none has come back within holdFor, one is restarted to see whether that helps.
func byShared(e *Engine, d *Decision, _ *Act, w *Work) bool {
	if !d.Verb.life() || w.Plan.Finding != FindingNotLive {
		return false
	}
	id := d.Target.ID
	name := id.Workload()
	failing := int64(len(e.state.index.notLive))
	if f, open := e.state.Findings[keyOf(FindingShared, sut.ID(name), "")]; open {
		since := f.Since
		for _, other := range e.wide(FindingShared) { // one is tried, and not one of each
			since = max(since, e.state.Ended[string(other.Target.ID)])
		}
		d.By, d.Until = f.Target.ID, since+e.holdFor()
		return d.Until > e.view.now && d.bind(Defer, failing, e.tallies.all.running)
	}
	p, ok := e.view.Policy(id)
	f, open := e.state.Findings[keyOf(FindingNotLive, id, "")]
	if !ok || !open || p.Liveness == nil || e.sharedPercent() >= 100 || e.tallies.all.running < 2 {
		return false
	}
	period := time.Duration(p.Liveness.PeriodSeconds) * time.Second
	answer := time.Duration(p.Liveness.TimeoutSeconds) * time.Second
	until := f.Since + time.Duration(p.Liveness.FailureThreshold)*period + answer + period/4
	if until <= e.view.now {
		return false
	}
	d.Until = until
	return d.bind(Defer, failing, e.tallies.all.running)
}

// byStorm: when too much is unhealthy at once, nothing that runs is ended. What has
// ended is started again: that takes nothing from anybody.
func byStorm(e *Engine, d *Decision, _ *Act, w *Work) bool {
	if !d.Verb.life() || w.Plan.Finding == FindingExited {
		return false
	}
	if len(e.wide(FindingStorm)) == 0 {
		return false
	}
	if e.calm > 0 {
		d.Until = e.calm + e.cooldown()
	}
	d.By = Everything
	return d.bind(Defer, e.tallies.all.unhealthy, e.tallies.all.covered)
}

// byRamp: after a pause, or a restart of the engine, what has piled up is not done at
// once: one work, and twice as many with each that helped.
func byRamp(e *Engine, d *Decision, _ *Act, w *Work) bool {
	r := e.state.Ramp
	if !r.lasts(e.view.now) || w.Began || !d.Verb.heavy() {
		return false
	}
	begun := e.state.index.heavy
	if begun < int64(r.Limit) {
		return false
	}
	d.Until = r.At + rampFor
	return d.bind(Defer, begun, int64(r.Limit))
}
