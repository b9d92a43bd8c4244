package healers

func (e *Engine) passed(w *Work) bool {
	if w.Plan.Steps[w.Index].Last || w.Index+1 >= len(w.Plan.Steps) {
		return e.finish(w, true, "")
	}
	return e.change(w, WorkChange{Index: w.Index + 1, State: WorkActing})
}

func (e *Engine) failed(w *Work, reason string) bool {
	s := &w.Plan.Steps[w.Index]
	switch {
	case s.Undo != nil:
		return e.change(w, WorkChange{Index: w.Index, State: WorkUndoing, Reason: reason})
	case s.Optional && w.Index+1 < len(w.Plan.Steps):
		return e.change(w, WorkChange{Index: w.Index + 1, State: WorkActing, Reason: reason})
	default:
		return e.finish(w, false, reason)
	}
}

// finish ends a work, through a message where people are to be told. A work that
// has paged did not heal by itself, whatever its steps did.
func (e *Engine) finish(w *Work, well bool, reason string) bool {
	count := e.state.Failures[failureKeyOf(w.Plan)].Count + 1
	ends, message := WorkDone, w.Plan.Tell
	switch {
	case w.Told:
		ends, message = WorkEscalated, false
	case !well && w.life() && w.Plan.Finding != FindingExited && e.breaks(w) == abortAfter:
		ends, message = WorkEscalated, true
		reason += "; it is the second in a row: the rest is held"
	case !well && count%pageAfter(w.Plan.Healer) == 0:
		ends, message = WorkEscalated, true
	case !well:
		ends, message = WorkFailed, false
	}
	if message {
		return e.change(w, WorkChange{Index: w.Index, State: WorkTelling, Reason: reason, Ends: ends})
	}
	return e.change(w, WorkChange{Index: w.Index, State: ends, Reason: reason})
}

// breaks is how many instances in a row will not have come back when a work fails.
func (e *Engine) breaks(w *Work) int {
	id := w.Plan.target().ID
	n := 1
	for _, b := range e.state.Broken[id.Workload()] {
		if b.ID == id {
			return 0 // it is in the row already
		}
		if b.At+hour > e.view.now {
			n++
		}
	}
	return n
}

// change records that a work moved on. An ended work may free others, and its
// target is looked at again.
func (e *Engine) change(w *Work, c WorkChange) bool {
	ramped := e.state.Ramp.Limit > 0
	e.emit(Record{Kind: RecordWork, Work: w.ID, Cause: w.Seq, Change: &c})
	if c.State == WorkDone && w.hides() {
		e.recurs(w.Plan)
	}
	if c.State.ended() {
		e.touch(w.Plan.target().ID)
		if ramped {
			e.touchWorks() // whoever waits for the ramp may be anywhere
		}
	}
	return true
}
