package healers

import (
	"math"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// advanceAll takes every open work on that was touched or is due.
func (e *Engine) advanceAll() {
	touched := e.touched
	e.touched, e.spare = e.spare, touched
	defer clear(touched)
	for name := range touched { // each by itself: the order does not matter
		delete(e.turns, name)
	}
	for _, id := range e.works() {
		w := e.state.Works[id]
		if w == nil {
			continue
		}
		_, asked := touched[w.Plan.target().ID.Workload()]
		if asked || e.due(w) {
			e.advance(w)
		}
	}
}

func (e *Engine) due(w *Work) bool {
	switch {
	case w.State == WorkVerifying:
		return w.Deadline > 0 && w.Deadline <= e.view.now
	case w.Decision != nil && w.Decision.Until > 0:
		return w.Decision.Until <= e.view.now && e.rounds == 0
	default:
		return false
	}
}

// advance takes one work as far as it goes now. Each turn records something or
// stops, and reads the state alone, so that a work goes on from any record. One that
// recorded nothing ends it, so that a damaged history cannot make it turn for ever.
func (e *Engine) advance(w *Work) {
	for w.State != "" && e.state.Works[w.ID] == w {
		if before := e.state.Seq; !e.turn(w) || e.state.Seq == before {
			return
		}
	}
}

// turn does one thing and tells whether there may be more.
func (e *Engine) turn(w *Work) bool {
	switch w.State {
	case WorkTelling:
		return e.tell(w)
	case WorkVerifying:
		if w.Index >= len(w.Plan.Steps) {
			return e.step(w)
		}
		return e.verify(w)
	case WorkUndoing:
		switch {
		case len(w.Flight) > 0:
			return false
		case w.Result != "" || w.Index >= len(w.Plan.Steps) || w.Plan.Steps[w.Index].Undo == nil:
			return e.finish(w, false, "undone: "+string(w.Result))
		default:
			return e.try(w, w.Plan.Steps[w.Index].Undo)
		}
	case WorkAsking, WorkDeferred, WorkActing:
		switch {
		case len(w.Flight) > 0:
			return false
		case w.Result != "" && w.Index < len(w.Plan.Steps):
			return e.judge(w)
		default:
			return e.step(w)
		}
	case WorkDone, WorkFailed, WorkEscalated, WorkDropped:
		return false
	}
	return false
}

// step tries the present step.
func (e *Engine) step(w *Work) bool {
	if !w.Began {
		f, open := e.state.Findings[keyOf(w.Plan.Finding, w.Plan.target().ID, w.Plan.Runbook)]
		if open && f.Kind == FindingAsked && e.view.now-f.Since >= day {
			e.end(f.Kind, f.Target.ID, f.Runbook) // nobody expects it any more
			open = false
		}
		if !open || f.Target != w.Plan.target() || f.Kind == FindingSize && !w.scalesTo(f.Replicas) {
			return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the finding is over"})
		}
	}
	if w.Plan.Finding == FindingVolumeFull && e.view.runbook(w.Plan.Runbook) == nil {
		return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the policy has the runbook no more"})
	}
	if w.Index >= len(w.Plan.Steps) {
		return e.finish(w, w.Began, "no step is left")
	}
	s := &w.Plan.Steps[w.Index]
	if d, waits := e.retry(w, s.Verb); waits { // before If, so that a plan none of whose steps applies cannot spin
		return e.wait(w, d)
	}
	if _, there := e.view.incarnation(s.Target.ID); !there && !s.Verb.tells() {
		return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the target is gone"})
	}
	if !w.Began && s.Verb.rotates() && e.holds(s.Verify, e.scope(s.Target, w)) {
		return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "it is so already"})
	}
	if !e.holds(s.If, e.scope(s.Target, w)) {
		return e.change(w, WorkChange{Index: w.Index + 1, State: WorkActing, Reason: "passed over"})
	}
	return e.try(w, s)
}

// try asks the guard for the act of a step and issues it, or waits.
func (e *Engine) try(w *Work, s *PlanStep) bool {
	a := e.act(w, s)
	d, grant := e.guard(w, a)
	e.decided(w, d)
	switch d.Effect {
	case Allow:
		e.issue(w, a, grant)
	case Ask:
		if w.State != WorkAsking {
			e.change(w, WorkChange{Index: w.Index, State: WorkAsking})
		}
		if !w.Said { // until there are approvals a person can only do it by hand
			e.message(w, VerbPage, "approval needed: "+string(a.Verb)+" "+string(a.Target.ID)+" for "+string(w.Plan.Finding))
		}
	case Defer, Deny:
		if w.State != WorkUndoing {
			return e.wait(w, d)
		}
	}
	return false
}

func (e *Engine) wait(w *Work, d Decision) bool {
	e.decided(w, d)
	if w.State != WorkDeferred {
		e.change(w, WorkChange{Index: w.Index, State: WorkDeferred})
	}
	return false
}

// act is the act of a step, now.
func (e *Engine) act(w *Work, s *PlanStep) *Act {
	a := &Act{
		ID: e.state.LastAct + 1, Work: w.ID, Healer: w.Plan.Healer, Verb: s.Verb, Target: s.Target, Args: s.Args,
		Deadline: e.view.now + s.Verb.deadline(s.Args), Repeatable: s.Verb.repeatable(),
	}
	if a.Target.Incarnation == "" {
		a.Target.Incarnation, _ = e.view.incarnation(a.Target.ID)
	}
	if s.Verb.tells() {
		a.Args = e.compose(w, s)
	}
	return a
}

func (e *Engine) issue(w *Work, a *Act, g Grant) {
	began := w.Began
	r := Record{Kind: RecordIntent, Work: w.ID, Cause: w.Seq, Act: a}
	if a.Verb == verbReplace {
		r.Members = slices.Clone(e.view.Members(a.Target.ID.Workload()))
	}
	if a.Verb == verbScale {
		r.From = int32(min(e.view.Desired(string(a.Target.ID)), math.MaxInt32))
	}
	e.emit(r)
	if t := e.turns[w.Plan.target().ID.Workload()]; t != nil && w.life() && !began && w.Began {
		t.began(e, w)
	}
	e.out.Acts = append(e.out.Acts, *a)
	e.out.grants = append(e.out.grants, g)
	e.touched[a.Target.ID.Workload()] = struct{}{}
}

// decided records the guard's answer when it is not the one of before. The
// values compared may move without it being another answer.
func (e *Engine) decided(w *Work, d Decision) {
	if old := w.Decision; old != nil && old.Rule == d.Rule && old.Effect == d.Effect && old.Until == d.Until &&
		old.By == d.By && old.Verb == d.Verb && old.Target == d.Target {
		return
	}
	if queued := e.turns[w.Plan.target().ID.Workload()]; queued != nil && w.life() {
		queued.decided(e, w, d.Rule)
	}
	if old := w.Decision; w.life() && (old == nil || old.Rule == RuleStag) && d.Rule != RuleStag && d.Effect != Allow {
		e.touched[w.Plan.target().ID.Workload()] = struct{}{} // those that let it go first
	}
	e.emit(Record{Kind: RecordDecision, Work: w.ID, Cause: w.Seq, Decision: &d})
}

// judge looks at how the act of the present step ended.
func (e *Engine) judge(w *Work) bool {
	s := &w.Plan.Steps[w.Index]
	switch w.Result {
	case ResultOK, ResultAlready:
	case ResultUnknown:
		if s.Verify == "" {
			return e.failed(w, "nobody knows how "+string(s.Verb)+" ended")
		}
	case ResultRefused, ResultFailed, ResultCancelled:
		if seen, ok := e.shows(&Act{Verb: s.Verb, Target: w.Acted, Args: s.Args}); ok && seen == ResultOK && w.Result != ResultRefused {
			break // it says that it failed, and is seen to be done: what is seen counts
		}
		if scope := e.scope(w.Acted, w); (scope.Changed || scope.Gone) && w.Acted.ID.Kind() == sut.KindInstance {
			return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the incarnation is over"})
		}
		if w.Result == ResultCancelled {
			return e.change(w, WorkChange{Index: w.Index, State: WorkDeferred, Reason: "it was not begun"})
		}
		return e.failed(w, string(s.Verb)+" was "+string(w.Result))
	}
	if e.holds(s.Verify, e.scope(w.Acted, w)) {
		return e.passed(w)
	}
	if w.Result == ResultAlready && w.Acted.ID.Kind() == sut.KindVolume {
		// Nothing was done to it, so there is nothing to wait for.
		return e.failed(w, string(s.Verb)+" had nothing to do")
	}
	return e.change(w, WorkChange{Index: w.Index, State: WorkVerifying, Deadline: e.view.now + s.Within})
}

// verify looks whether what the step was for has come true.
func (e *Engine) verify(w *Work) bool {
	s := &w.Plan.Steps[w.Index]
	scope := e.scope(w.Acted, w)
	switch {
	case e.holds(s.Verify, scope):
		return e.passed(w)
	case scope.Gone && s.Verb != verbReplace:
		return e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the target is gone"})
	case e.relapsed(w):
		return e.failed(w, "it happened again")
	case e.view.now >= w.Deadline:
		return e.failed(w, string(s.Verb)+" did not help within "+seconds(s.Within))
	default:
		return false
	}
}

// relapsed: what the work was for is there again, on a later incarnation.
func (e *Engine) relapsed(w *Work) bool {
	f, open := e.state.Findings[keyOf(w.Plan.Finding, w.Acted.ID, w.Plan.Runbook)]
	if w.Plan.Finding == FindingNotReady {
		return false // who has just been made is not ready at first, and has until the deadline
	}
	return open && w.Acted.ID.Kind() == sut.KindInstance && f.Target.Incarnation != w.Acted.Incarnation
}
