package healers

import "time"

// The rates where the policy does not say.
const (
	defaultPerHour        = 60
	defaultPerTargetHour  = 10
	defaultPerRunbookHour = 20
)

// byRate bounds the acts of one runbook, those of one verb on one target, and then all
// of them, within an hour.
func byRate(e *Engine, d *Decision, _ *Act, w *Work) bool {
	if !d.Verb.counted() {
		return false
	}
	g := e.view.policy.Guard
	own, slots := slot(d.Verb, d.Target.ID), 1
	if own != d.Target.ID {
		slots = max(e.view.Desired(string(own)), 1)
	}
	return w.Plan.Runbook != "" && e.rate(d, rateRunbook+w.Plan.Runbook, or(g.MaxPerRunbookPerHour, defaultPerRunbookHour)) ||
		e.rate(d, rateKey(d.Verb, own), slots*or(g.MaxPerTargetPerHour, defaultPerTargetHour)) ||
		e.rate(d, rateAll, or(g.MaxActionsPerHour, defaultPerHour))
}

func or(limit, unset int) int {
	if limit <= 0 {
		return unset
	}
	return limit
}

func (e *Engine) rate(d *Decision, key string, limit int) bool {
	done := fresh(e.state.Rates[key], func(t time.Duration) time.Duration { return t }, e.view.now)
	if len(done) < limit {
		return false
	}
	d.Until = done[len(done)-limit] + hour
	return d.bind(Defer, int64(len(done)), int64(limit))
}

// byBackoff: kubelet's for restarts, counted from the end of the incarnation;
// for every healer a delay that grows with the works that did not help.
func byBackoff(e *Engine, d *Decision, _ *Act, w *Work) bool {
	if !w.Began {
		if wait, waits := e.retry(w, d.Verb); waits {
			d.Until = wait.Until
			return d.bind(Defer, wait.Have, wait.Limit)
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
	return d.bind(Defer, (e.view.now - ended).Milliseconds(), (until - ended).Milliseconds())
}

// retry tells whether a work that would begin now comes too soon after one of
// the same healer on the same target that did not help.
func (e *Engine) retry(w *Work, v Verb) (Decision, bool) {
	f, failed := e.state.Failures[failureKeyOf(w.Plan)]
	until := retryOf(w.Plan.Healer).Until(f.Retry, f.Last)
	if w.Began || !failed || until <= e.view.now {
		return Decision{}, false
	}
	d := Decision{Healer: w.Plan.Healer, Verb: v, Target: w.Plan.target(), Rule: RuleBack, Until: until}
	d.bind(Defer, (e.view.now - f.Last).Milliseconds(), (until - f.Last).Milliseconds())
	return d, true
}

// abortAfter is how many instances in a row that a restart did not bring back end a row
// of restarts.
const abortAfter = 2

// byBroken ends a row of restarts of what runs: after a second one that did not come
// back the next would only make it worse. One that has ended is started again all the
// same, and one that was tried is tried again, with its own back-off. A person's resume begins afresh, and so does an hour.
func byBroken(e *Engine, d *Decision, _ *Act, w *Work) bool {
	name := d.Target.ID.Workload()
	if !d.Verb.life() || w.Began || w.Plan.Finding == FindingExited {
		return false
	}
	var others []back // oldest first
	for _, b := range e.state.Broken[name] {
		if b.ID != d.Target.ID && b.At+hour > e.view.now {
			others = append(others, b)
		}
	}
	n := len(others)
	if n < abortAfter {
		return false
	}
	d.By, d.Until = others[n-1].ID, others[n-abortAfter].At+hour
	return d.bind(Defer, int64(n), abortAfter)
}
