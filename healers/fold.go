package healers

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// fold takes one record in. It trusts nothing: a record that does not fit
// changes less, and never panics.
func (s *state) fold(r *Record) {
	if r.Seq <= s.Seq {
		return
	}
	s.Seq, s.At = r.Seq, max(s.At, r.At)
	if s.At-s.Swept >= sweepEvery {
		s.sweep()
	}
	switch {
	case r.Kind == RecordPolicy:
		s.Policy = r.Text
		for k, f := range s.Findings { // each by itself: the order does not matter
			if f.Told != "" && f.Told != tellName {
				f.Told = "" // another policy may have it healed
				s.Findings[k] = f
			}
		}
	case r.Kind == RecordFinding && r.Finding != nil:
		k := keyOf(r.Finding.Kind, r.Finding.Target.ID, r.Finding.Runbook)
		if r.Finding.Ended {
			delete(s.Findings, k)
		} else {
			s.Findings[k] = openFinding{Finding: *r.Finding, Seq: r.Seq}
		}
		s.index.finding(r.Finding)
	case r.Kind == RecordDecision && r.Decision != nil:
		if w := s.Works[r.Work]; w != nil {
			w.Decision = r.Decision
		}
	case r.Kind == RecordWork && r.Change != nil:
		s.foldChange(r)
	case r.Kind == RecordScale && r.Scale != nil:
		s.foldScale(r)
	case r.Kind == RecordIntent && r.Act != nil:
		s.foldIntent(r)
	case r.Kind == RecordOutcome && r.Done != nil:
		if a := s.Acts[r.Done.ID]; a != nil {
			if r.Done.Result == ResultUnknown && a.holds() {
				a.Unknown = true
				return
			}
			s.settle(a, r.Done.Result)
		}
	case r.Kind == RecordState:
		var note stateNote
		if json.Unmarshal(r.State, &note) != nil {
			return
		}
		if note.Settled != nil {
			if a := s.Acts[note.Settled.ID]; a != nil {
				s.settle(a, note.Settled.Result)
			}
		}
		if note.Woke {
			s.Ramp = ramp{1, r.At}
		}
	case r.Kind == RecordCommand && r.Command != nil && r.Text == "": // not refused
		switch r.Command.Verb {
		case CommandPause:
			s.Paused = true
		case CommandKill:
			s.Killed = true
		case CommandResume, CommandRevive:
			if s.Paused || s.Killed {
				s.Ramp = ramp{1, r.At}
			}
			s.Paused = false
			s.Killed = s.Killed && r.Command.Verb != CommandRevive
			clear(s.Broken)
		}
	}
}

// stateNote is what a RecordState carries: how an act of unknown outcome was
// settled by observation, an outcome that came too late to count, or that the engine
// goes on after its own end.
type stateNote struct {
	Settled *Done `json:"settled,omitempty"`
	Late    *Done `json:"late,omitempty"`
	// Woke: the engine was started again.
	Woke bool `json:"woke,omitempty"`
}

func (s *state) foldChange(r *Record) {
	c := r.Change
	w := s.Works[r.Work]
	if c.Plan != nil {
		if w != nil {
			s.index.end(w)
		}
		w = &Work{ID: r.Work, Seq: r.Seq, Plan: c.Plan}
		s.Works[r.Work] = w
		s.index.work(w)
		s.LastWork = max(s.LastWork, r.Work)
	}
	if w == nil {
		return
	}
	index := max(c.Index, 0)
	if index != w.Index || c.State == WorkUndoing && w.State != WorkUndoing {
		w.Result, w.Acted, w.Decision = "", sut.Target{}, nil
	}
	w.Index, w.State, w.Deadline, w.Ends, w.Reason = index, c.State, c.Deadline, c.Ends, c.Reason
	if w.State != WorkAsking && w.State != WorkTelling {
		w.Said = false
	}
	if w.State == WorkDeferred {
		w.Result = "" // what was cancelled is asked for anew
	}
	if !w.State.ended() {
		return
	}
	delete(s.Works, w.ID)
	s.index.end(w)
	k, name := failureKeyOf(w.Plan), w.Plan.target().ID.Workload()
	switch w.State {
	case WorkDone:
		delete(s.Failures, k)
		s.heal(w, r.At)
		if w.life() {
			if w.Plan.Finding != FindingExited {
				delete(s.Broken, name)
			}
			s.Back[name] = append(fresh(s.Back[name], func(b back) time.Duration { return b.At }, r.At), back{w.Plan.target().ID, r.At})
		}
	case WorkFailed, WorkEscalated:
		if !w.acts() {
			return // a message that did not get through is nobody's failure to heal
		}
		if w.life() && w.Began && w.Plan.Finding != FindingExited {
			id := w.Plan.target().ID
			row := fresh(s.Broken[name], func(b back) time.Duration { return b.At }, r.At)
			s.Broken[name] = append(slices.DeleteFunc(slices.Clone(row), func(b back) bool { return b.ID == id }), back{id, r.At})
		}
		if s.Ramp.lasts(r.At) && w.heavy() {
			s.Ramp = ramp{1, r.At}
		}
		f := s.Failures[k]
		f.Count, f.Last = f.Count+1, r.At
		f.Retry = retryOf(w.Plan.Healer).Next(f.Retry, r.At, r.At)
		s.Failures[k] = f
	case WorkDropped, WorkAsking, WorkDeferred, WorkActing, WorkVerifying, WorkUndoing, WorkTelling:
	}
}

const (
	// rampOver is a bound beyond which there is none any more, and rampFor the time
	// after which one that nothing moved is over too.
	rampOver = 32
	rampFor  = 10 * time.Minute
	// keptHealed bounds the history of one thing.
	keptHealed = policy.MostRecurrences
)

// heal takes in that a work helped.
func (s *state) heal(w *Work, at time.Duration) {
	if !w.acts() || !w.Began {
		return
	}
	switch next := (ramp{2 * s.Ramp.Limit, at}); {
	case !w.heavy():
	case !s.Ramp.lasts(at), next.Limit >= rampOver:
		s.Ramp = ramp{}
	default:
		s.Ramp = next
	}
	if !w.hides() {
		return
	}
	key := recurrenceKey(w.Plan)
	s.Healed[key] = append(s.Healed[key], healed{at, w.Why})
	if n := len(s.Healed[key]) - keptHealed; n > 0 {
		s.Healed[key] = slices.Clone(s.Healed[key][n:])
	}
}

func (s *state) foldIntent(r *Record) {
	a := &openAct{Act: *r.Act, Seq: r.Seq, From: r.From}
	if old := s.Acts[a.ID]; old != nil {
		s.index.remove(old)
	}
	s.Acts[a.ID] = a
	s.index.put(a)
	s.LastAct = max(s.LastAct, a.ID)
	w := s.Works[r.Work]
	if w != nil {
		if k := keyOf(w.Plan.Finding, w.Plan.target().ID, w.Plan.Runbook); a.Verb.tells() && !w.acts() {
			if f, ok := s.Findings[k]; ok {
				f.Told = w.Plan.Healer
				s.Findings[k] = f
			}
		}
		w.Told = w.Told || a.Verb == VerbPage && w.State != WorkAsking
		if a.Verb.tells() && !w.tells() {
			w.Said = true
			return // a message about the work is not a step of it
		}
		if !w.Began && w.heavy() {
			s.index.heavy++
		}
		w.Began, w.Said = true, false
		w.Flight = append(w.Flight, a.ID)
		if f, ok := s.Findings[keyOf(w.Plan.Finding, w.Plan.target().ID, w.Plan.Runbook)]; ok && w.Why == "" {
			w.Why = f.Detail
		}
		w.Result, w.Acted, w.Members = "", a.Target, r.Members
		if w.State != WorkUndoing {
			w.State, w.Deadline = WorkActing, 0
		}
	}
	if a.Verb.counted() {
		keys := []string{rateAll, rateKey(a.Verb, slot(a.Verb, a.Target.ID))}
		if w != nil && w.Plan.Runbook != "" {
			keys = append(keys, rateRunbook+w.Plan.Runbook)
		}
		for _, k := range keys {
			s.Rates[k] = append(fresh(s.Rates[k], func(t time.Duration) time.Duration { return t }, r.At), r.At)
		}
	}
	if a.Verb.life() && (w == nil || w.Plan.Finding != FindingExited) {
		s.Ended[a.Target.ID.Workload()] = r.At
	}
	if a.Verb == verbRestart {
		since := r.At
		var config backoff.Config
		if w != nil {
			if f, ok := s.Findings[keyOf(w.Plan.Finding, a.Target.ID, "")]; ok {
				since = f.Since
			}
			config = w.Plan.Backoff
		}
		e := s.Restarts[a.Target.ID]
		a.Was = e
		s.Restarts[a.Target.ID] = config.Next(e, max(since, e.Last), r.At)
	}
}

// settle ends an act for good.
func (s *state) settle(a *openAct, result Result) {
	delete(s.Acts, a.ID)
	s.index.remove(a)
	switch {
	case a.Verb == verbReplace && (result == ResultOK || result == ResultAlready):
		delete(s.Restarts, a.Target.ID) // the instance is gone: its history with it
	case a.Verb == verbRestart && result == ResultCancelled:
		s.Restarts[a.Target.ID] = a.Was
	case a.Verb == verbScale && result == ResultOK:
		s.foldScaled(a, s.At)
	}
	w := s.Works[a.Work]
	if w == nil || !slices.Contains(w.Flight, a.ID) {
		return
	}
	w.Flight = slices.DeleteFunc(w.Flight, func(id ActID) bool { return id == a.ID })
	w.Result = result
	if result == ResultCancelled && w.Index == 0 && len(w.Done) == 0 && w.State != WorkUndoing {
		s.index.unbegin(w)
		return
	}
	if !a.Verb.tells() {
		w.Done = append(slices.Clip(w.Done), string(a.Verb)+": "+string(result))
	}
}
