package healers

import (
	"encoding/json"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// outcome takes in how an act ended. One that comes too late, or twice, is
// recorded and changes nothing; one of an act that was never issued is no news.
func (e *Engine) outcome(d Done) {
	if d.ID == 0 || d.ID > e.state.LastAct {
		return
	}
	switch d.Result {
	case ResultOK, ResultAlready, ResultRefused, ResultFailed, ResultCancelled, ResultUnknown:
	default:
		d.Result = ResultUnknown
	}
	a := e.state.Acts[d.ID]
	if a == nil || a.Unknown {
		e.note(stateNote{Late: &d}, 0, 0)
		return
	}
	e.close(a, d)
}

func (e *Engine) close(a *openAct, d Done) {
	e.emit(Record{Kind: RecordOutcome, Work: a.Work, Cause: a.Seq, Done: &d})
	e.sized(&a.Act, d.Result)
	e.touch(a.Target.ID)
	if d.Result == ResultCancelled && e.state.Ramp.Limit > 0 {
		e.touchWorks() // it has left its place of the ramp
	}
}

func (e *Engine) note(n stateNote, w WorkID, cause uint64) {
	b, err := json.Marshal(n)
	if err != nil {
		return // not possible: plain data
	}
	e.emit(Record{Kind: RecordState, Work: w, Cause: cause, State: b})
}

// overdue gives acts up whose deadline has passed: nobody knows how they ended.
func (e *Engine) overdue() {
	for _, a := range e.acts() {
		if !a.Unknown && a.Deadline <= e.view.now {
			e.close(a, Done{ID: a.ID, Result: ResultUnknown, Detail: "no outcome by its deadline"})
		}
	}
}

// settleUnknown looks at the system for what became of acts of unknown outcome.
func (e *Engine) settleUnknown() {
	for _, a := range e.acts() {
		if !a.Unknown {
			continue
		}
		if result, ok := e.observe(a); ok {
			e.stale(a.Target.ID)
			e.note(stateNote{Settled: &Done{ID: a.ID, Result: result, Detail: "as observed"}}, a.Work, a.Seq)
			e.sized(&a.Act, result)
			e.touch(a.Target.ID)
			continue
		}
		if w := e.state.Works[a.Work]; w != nil && !w.Told && e.half(a) && e.view.now >= a.Deadline+halfFor {
			e.message(w, VerbPage, fmt.Sprintf("%s of %s is half done: %d instances of %s are there and %d are to be; take the old one away by hand",
				a.Verb, a.Target.ID, len(e.view.owned(a.Target.ID.Workload())), a.Target.ID.Workload(), e.view.Desired(a.Target.ID.Workload())))
		}
	}
}

// observe tells what the system shows of an act: that it is done, or, long
// enough after its deadline, that it is not. A replacement of which the new
// instance has come and the old one has not gone stays open: to do it again
// would leave two.
func (e *Engine) observe(a *openAct) (Result, bool) {
	if e.view.lost != "" {
		return "", false
	}
	if done, ok := e.shows(&a.Act); ok {
		return done, true
	}
	if e.view.now < a.Deadline+settleFor {
		return "", false
	}
	if e.half(a) {
		return "", false
	}
	if to, scales := a.scaledTo(); scales && e.view.Desired(string(a.Target.ID)) == to {
		return ResultOK, true // the platform knows what is asked for, and is slow to follow
	}
	return ResultFailed, true
}

// half: of a replacement the new instance has come, and the old one has not gone.
func (e *Engine) half(a *openAct) bool {
	name := a.Target.ID.Workload()
	return a.Verb == verbReplace && e.view.lost == "" && len(e.view.owned(name)) > e.view.Desired(name)
}

// shows tells what the system shows of an act by itself.
func (e *Engine) shows(a *Act) (Result, bool) {
	lives, there := e.view.incarnation(a.Target.ID)
	over := !there || lives != a.Target.Incarnation
	switch {
	case a.Verb == verbScale:
		to, _ := a.scaledTo()
		name := string(a.Target.ID)
		return ResultOK, there && e.view.Desired(name) == to && len(e.view.owned(name)) == to
	case a.Verb == verbReplace && !there, a.Verb == verbRestart && over:
		return ResultOK, true
	case over && a.Target.ID.Kind() == sut.KindInstance:
		return ResultRefused, true
	case a.Verb.rotates() && a.Target.ID.Kind() == sut.KindInstance && e.view.instances[a.Target.ID].Rotation == rotated(a.Verb):
		return ResultOK, true
	default:
		return "", false
	}
}

// rotated is the rotation that a verb is to lead to.
func rotated(v Verb) sut.State {
	if v == verbRotateIn {
		return sut.Yes
	}
	return sut.No
}

// resume deals with the acts that were under way when the engine died: what the
// system shows as done is done; what may be repeated is issued again, as it was
// and by the guard; the rest waits for its deadline and is then observed. A
// message whose time has passed is sent anew.
func (e *Engine) resume() {
	for _, a := range e.acts() {
		if a.Unknown {
			continue
		}
		if result, ok := e.shows(&a.Act); ok && !a.Verb.tells() {
			e.close(a, Done{ID: a.ID, Result: result, Detail: "as observed after a restart of the engine"})
			continue
		}
		late := a.Deadline <= e.view.now
		switch {
		case late && a.Verb.tells():
			e.close(a, Done{ID: a.ID, Result: ResultUnknown, Detail: "the engine was down"})
			again := a.Act
			again.ID, again.Deadline = e.state.LastAct+1, e.view.now+a.Verb.deadline(nil)
			e.repeat(&again, a.Seq, true)
		case !late && a.Repeatable:
			again := a.Act
			e.repeat(&again, a.Seq, false)
		}
	}
}

func (e *Engine) repeat(a *Act, cause uint64, anew bool) {
	d, grant := e.guard(nil, a)
	switch {
	case d.Effect != Allow:
		// It may be half done, or go on by itself: it holds its target until its deadline,
		// and is then observed.
		if open := e.state.Acts[a.ID]; open != nil && a.Verb.tells() {
			e.close(open, Done{ID: a.ID, Result: ResultCancelled, Detail: "not allowed after a restart of the engine: " + string(d.Rule)})
		}
		return
	case anew:
		// Under work 0: the work has what it waited for, or has ended.
		a.Work = 0
		e.emit(Record{Kind: RecordIntent, Cause: cause, Act: a})
	}
	e.out.Acts = append(e.out.Acts, *a)
	e.out.grants = append(e.out.grants, grant)
}
