package healers

import "slices"

// takePolicy takes in a policy: one that is new here waits for a person, unless it is on
// trial.
func (e *Engine) takePolicy(in *Input) {
	if in.Policy == nil {
		return
	}
	e.view.policy = in.Policy
	clear(e.scalers)
	name := in.Policy.Name + " " + in.Policy.Digest
	if in.Trial {
		name += " (on trial)" // what was tried is not known yet elsewhere
	}
	if name != e.state.Policy {
		e.emit(Record{Kind: RecordPolicy, Text: name})
		if !in.Trial {
			e.stop(Command{Verb: CommandKill, By: "the engine", Text: "the policy is new: look at what it would do, and revive the engine"})
		}
		e.replan()
	}
	for i := range in.Policy.Runbooks {
		e.condition(Expr(in.Policy.Runbooks[i].Trigger))
		for _, s := range in.Policy.Runbooks[i].Steps {
			e.condition(Expr(s.If))
			e.condition(Expr(s.Until))
		}
	}
	e.forgetRunbooks()
	e.forgetScaling()
	e.view.all(e.touch)
	e.touchWorks()
}

// command takes in what a person says. The record has a copy: it outlives the Input.
func (e *Engine) command(c Command) {
	switch c.Verb {
	case CommandKill, CommandPause:
		e.stop(c)
	case CommandResume, CommandRevive:
		if c.Verb == CommandResume && e.state.Killed {
			e.emit(Record{Kind: RecordCommand, Command: &c, Text: "the kill switch is engaged; who engaged it may have had more reason than a pause has: revive lifts it"})
			return
		}
		e.emit(Record{Kind: RecordCommand, Command: &c})
		e.view.all(e.touch)
		e.touchWorks()
	case CommandRestart, CommandWithdraw:
		if !e.view.seen {
			e.emit(Record{Kind: RecordCommand, Command: &c, Text: "the system was not seen yet; say it again when it was"})
			return
		}
		members := slices.Clone(e.view.Members(string(c.Target)))
		if len(members) == 0 {
			e.emit(Record{Kind: RecordCommand, Command: &c, Text: "there is no workload " + string(c.Target)})
			return
		}
		e.emit(Record{Kind: RecordCommand, Command: &c})
		for _, id := range members {
			if c.Verb == CommandRestart {
				e.begin(Finding{Kind: FindingAsked, Target: e.view.instances[id].Target, Since: e.view.now, Detail: c.By})
			} else {
				e.end(FindingAsked, id, "")
			}
			e.touch(id)
		}
	default:
		e.emit(Record{Kind: RecordCommand, Command: &c, Text: "it is not known"})
	}
}

// stop takes in that people want no acts: those that were not begun yet are not begun
// any more.
func (e *Engine) stop(c Command) {
	e.emit(Record{Kind: RecordCommand, Command: &c})
	for _, a := range e.acts() {
		if !a.Unknown && !a.Verb.tells() { // a message touches nothing, and nobody would send it again
			e.out.Cancel = append(e.out.Cancel, a.ID)
		}
	}
	e.view.all(e.touch)
	e.touchWorks()
}

// replan gives up what an earlier policy planned and what has not begun, so that it is
// planned anew.
func (e *Engine) replan() {
	for _, id := range slices.Clone(e.works()) {
		if w := e.state.Works[id]; !w.Began && len(w.Flight) == 0 && w.State != WorkTelling {
			e.change(w, WorkChange{Index: w.Index, State: WorkDropped, Reason: "the policy is new"})
		}
	}
}
