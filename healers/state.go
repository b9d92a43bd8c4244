package healers

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

// hour is the window of the rates.
const hour = time.Hour

// state is what the engine knows by its own history: the fold of the records.
// Nothing but fold changes it. Maps are only looked into by key, or in an order
// that does not matter.
type state struct {
	Seq      uint64        `json:"seq"`
	At       time.Duration `json:"at"`
	Policy   string        `json:"policy,omitempty"`
	Paused   bool          `json:"paused,omitempty"`
	Killed   bool          `json:"killed,omitempty"`
	LastWork WorkID        `json:"lastWork,omitempty"`
	LastAct  ActID         `json:"lastAct,omitempty"`

	Findings map[findingKey]openFinding `json:"findings"`
	Works    map[WorkID]*Work           `json:"works"`
	Acts     map[ActID]*openAct         `json:"acts"`

	// Restarts is kubelet's back-off by instance, Failures the works that did not
	// work, by healer and target.
	Restarts map[sut.ID]backoff.Entry   `json:"restarts"`
	Failures map[failureKey]failure     `json:"failures"`
	Back     map[string][]back          `json:"back"` // by workload: who is back after a restart, and since when
	Rates    map[string][]time.Duration `json:"rates"`
}

type findingKey string

func keyOf(kind FindingKind, id sut.ID, runbook string) findingKey {
	return findingKey(string(kind) + " " + string(id) + " " + runbook)
}

type openFinding struct {
	Finding
	Seq uint64 `json:"seq"`
}

type failureKey string

func failureKeyOf(p *Plan) failureKey {
	return failureKey(p.Healer + " " + string(p.target().ID) + " " + p.Runbook)
}

type failure struct {
	Count int           `json:"count"`
	Last  time.Duration `json:"last"`
	Retry backoff.Entry `json:"retry"`
}

type back struct {
	ID sut.ID        `json:"id"`
	At time.Duration `json:"at"`
}

// openAct is an act without an outcome, or with one that nobody knows yet.
type openAct struct {
	Act
	Seq uint64 `json:"seq"`
	// Unknown: its outcome is Unknown, and it holds its target until observation
	// settles it.
	Unknown bool `json:"unknown,omitempty"`
}

// Work is a plan on its way.
type Work struct {
	ID    WorkID    `json:"id"`
	Seq   uint64    `json:"seq"` // of the record that began it
	Plan  *Plan     `json:"plan"`
	Index int       `json:"index"`
	State WorkState `json:"state"`
	// Deadline is when the present state is given up; 0: never.
	Deadline time.Duration `json:"deadline,omitempty"`
	// Flight are the acts that have not ended, or whose end is not known.
	Flight []ActID `json:"flight,omitempty"`
	// Began: it has done something. Told: people were paged that it does not work.
	// Said: the message that belongs to the present state was sent.
	Began bool `json:"began,omitempty"`
	Told  bool `json:"told,omitempty"`
	Said  bool `json:"said,omitempty"`
	// Ends and Reason are how a work that is telling will end.
	Ends   WorkState `json:"ends,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// Result and Acted are of the step's last act that ended: none yet where Result
	// is empty.
	Result   Result     `json:"result,omitempty"`
	Acted    sut.Target `json:"acted,omitzero"`
	Decision *Decision  `json:"decision,omitempty"`
	Done     []string   `json:"done,omitempty"`
}

func newState() *state {
	return &state{
		Findings: map[findingKey]openFinding{}, Works: map[WorkID]*Work{}, Acts: map[ActID]*openAct{},
		Restarts: map[sut.ID]backoff.Entry{}, Failures: map[failureKey]failure{},
		Back: map[string][]back{}, Rates: map[string][]time.Duration{},
	}
}

// fold takes one record in. It trusts nothing: a record that does not fit
// changes less, and never panics.
func (s *state) fold(r *Record) {
	if r.Seq <= s.Seq {
		return
	}
	s.Seq, s.At = r.Seq, max(s.At, r.At)
	switch {
	case r.Kind == RecordPolicy:
		s.Policy = r.Text
	case r.Kind == RecordFinding && r.Finding != nil:
		k := keyOf(r.Finding.Kind, r.Finding.Target.ID, r.Finding.Runbook)
		if r.Finding.Ended {
			delete(s.Findings, k)
		} else {
			s.Findings[k] = openFinding{Finding: *r.Finding, Seq: r.Seq}
		}
	case r.Kind == RecordDecision && r.Decision != nil:
		if w := s.Works[r.Work]; w != nil {
			w.Decision = r.Decision
		}
	case r.Kind == RecordWork && r.Change != nil:
		s.foldChange(r)
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
		if json.Unmarshal(r.State, &note) == nil && note.Settled != nil {
			if a := s.Acts[note.Settled.ID]; a != nil {
				s.settle(a, note.Settled.Result)
			}
		}
	case r.Kind == RecordCommand && r.Command != nil && r.Text == "": // not refused
		switch r.Command.Verb {
		case CommandPause:
			s.Paused = true
		case CommandKill:
			s.Killed = true
		case CommandResume:
			s.Paused, s.Killed = false, false
		}
	}
}

// stateNote is what a RecordState carries: how an act of unknown outcome was
// settled by observation, or an outcome that came too late to count.
type stateNote struct {
	Settled *Done `json:"settled,omitempty"`
	Late    *Done `json:"late,omitempty"`
}

func (s *state) foldChange(r *Record) {
	c := r.Change
	w := s.Works[r.Work]
	if c.Plan != nil {
		w = &Work{ID: r.Work, Seq: r.Seq, Plan: c.Plan}
		s.Works[r.Work] = w
		s.LastWork = max(s.LastWork, r.Work)
	}
	if w == nil {
		return
	}
	if c.Index != w.Index || c.State == WorkUndoing && w.State != WorkUndoing {
		w.Result, w.Acted, w.Decision = "", sut.Target{}, nil
	}
	w.Index, w.State, w.Deadline, w.Ends, w.Reason = c.Index, c.State, c.Deadline, c.Ends, c.Reason
	if w.State != WorkAsking && w.State != WorkTelling {
		w.Said = false
	}
	if !w.State.ended() {
		return
	}
	delete(s.Works, w.ID)
	k := failureKeyOf(w.Plan)
	switch w.State {
	case WorkDone:
		delete(s.Failures, k)
		if w.life() {
			name := w.Plan.target().ID.Workload()
			s.Back[name] = append(fresh(s.Back[name], func(b back) time.Duration { return b.At }, r.At), back{w.Plan.target().ID, r.At})
		}
	case WorkFailed, WorkEscalated:
		f := s.Failures[k]
		f.Count, f.Last = f.Count+1, r.At
		f.Retry = retryOf(w.Plan.Healer).Next(f.Retry, r.At, r.At)
		s.Failures[k] = f
	case WorkDropped, WorkAsking, WorkDeferred, WorkActing, WorkVerifying, WorkUndoing, WorkTelling:
	}
}

func (s *state) foldIntent(r *Record) {
	a := &openAct{Act: *r.Act, Seq: r.Seq}
	s.Acts[a.ID] = a
	s.LastAct = max(s.LastAct, a.ID)
	w := s.Works[r.Work]
	if w != nil {
		w.Told = w.Told || a.Verb == VerbPage && w.State != WorkAsking
		if a.Verb.tells() && (w.State == WorkAsking || w.State == WorkTelling) {
			w.Said = true
			return // a message about the work is not a step of it
		}
		w.Began, w.Said = true, false
		w.Flight = append(w.Flight, a.ID)
		w.Result, w.Acted = "", a.Target
		if w.State != WorkUndoing {
			w.State, w.Deadline = WorkActing, 0
		}
	}
	if a.Verb.counted() {
		for _, k := range []string{rateAll, rateKey(a.Verb, a.Target.ID)} {
			s.Rates[k] = append(fresh(s.Rates[k], func(t time.Duration) time.Duration { return t }, r.At), r.At)
		}
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
		s.Restarts[a.Target.ID] = config.Next(e, max(since, e.Last), r.At)
	}
}

// settle ends an act for good.
func (s *state) settle(a *openAct, result Result) {
	delete(s.Acts, a.ID)
	if a.Verb == verbReplace && (result == ResultOK || result == ResultAlready) {
		delete(s.Restarts, a.Target.ID) // the instance is gone: its history with it
	}
	w := s.Works[a.Work]
	if w == nil || !slices.Contains(w.Flight, a.ID) {
		return
	}
	w.Flight = slices.DeleteFunc(w.Flight, func(id ActID) bool { return id == a.ID })
	w.Result = result
	if !a.Verb.tells() {
		w.Done = append(slices.Clip(w.Done), string(a.Verb)+": "+string(result))
	}
}

// fresh drops what is older than an hour; s is in order of time.
func fresh[T any](s []T, at func(T) time.Duration, now time.Duration) []T {
	for len(s) > 0 && now-at(s[0]) >= hour {
		s = s[1:]
	}
	return s
}

const rateAll = "all"

func rateKey(v Verb, id sut.ID) string { return string(v) + " " + string(id) }

func (st WorkState) ended() bool {
	switch st {
	case WorkDone, WorkFailed, WorkEscalated, WorkDropped:
		return true
	case WorkAsking, WorkDeferred, WorkActing, WorkVerifying, WorkUndoing, WorkTelling:
		return false
	}
	return false
}

// life: the work ends a life of its target, so that the stagger counts it.
func (w *Work) life() bool {
	return len(w.Plan.Steps) > 0 && w.Plan.Steps[0].Verb.life()
}

func (p *Plan) target() sut.Target {
	if len(p.Targets) == 0 {
		return sut.Target{}
	}
	return p.Targets[0]
}
