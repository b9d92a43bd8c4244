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
	// Healed are the works that helped, by what was healed: what recurs hides a problem.
	Healed map[string][]healed `json:"healed,omitempty"`
	// Broken are, by workload, the instances that restarts in a row did not bring back,
	// and Ended is when a running one was last ended.
	Broken map[string][]back        `json:"broken,omitempty"`
	Ended  map[string]time.Duration `json:"ended,omitempty"`
	Ramp   ramp                     `json:"ramp,omitzero"`

	index index
}

// ramp bounds what is under way after a pause, or a restart of the engine: one work,
// then twice as many with each that helped.
type ramp struct {
	Limit int           `json:"limit,omitempty"` // 0: no bound
	At    time.Duration `json:"at,omitempty"`    // when it last changed
}

// lasts tells whether the ramp still bounds anything.
func (r ramp) lasts(now time.Duration) bool { return r.Limit > 0 && now-r.At < rampFor }

// healed is one time that something was healed.
type healed struct {
	At     time.Duration `json:"at"`
	Detail string        `json:"detail,omitempty"`
}

type findingKey string

func keyOf(kind FindingKind, id sut.ID, runbook string) findingKey {
	return findingKey(string(kind) + " " + string(id) + " " + runbook)
}

type openFinding struct {
	Finding
	Seq uint64 `json:"seq"`
	// Told is the healer that told people of it, who then is done; "": none.
	Told string `json:"told,omitempty"`
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
	// Why is what the finding said when the work began.
	Why string `json:"why,omitempty"`
}

func newState() *state {
	s := &state{
		Findings: map[findingKey]openFinding{}, Works: map[WorkID]*Work{}, Acts: map[ActID]*openAct{},
		Restarts: map[sut.ID]backoff.Entry{}, Failures: map[failureKey]failure{},
		Back: map[string][]back{}, Rates: map[string][]time.Duration{},
		Healed: map[string][]healed{}, Broken: map[string][]back{}, Ended: map[string]time.Duration{},
	}
	s.reindex()
	return s
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
		s.index.finding(r.Finding)
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
		case CommandResume:
			if s.Paused || s.Killed {
				s.Ramp = ramp{1, r.At}
			}
			s.Paused, s.Killed = false, false
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
	keptHealed = 32
)

// heal takes in that a work helped.
func (s *state) heal(w *Work, at time.Duration) {
	if !w.heavy() || !w.Began {
		return
	}
	switch next := (ramp{2 * s.Ramp.Limit, at}); {
	case !s.Ramp.lasts(at), next.Limit >= rampOver:
		s.Ramp = ramp{}
	default:
		s.Ramp = next
	}
	if w.Plan.Finding == FindingAsked || !w.life() && w.Plan.Runbook == "" {
		return // a person's wish hides nothing, and who is sent users heals nothing
	}
	key := recurrenceKey(w.Plan)
	s.Healed[key] = append(s.Healed[key], healed{at, w.Why})
	if n := len(s.Healed[key]) - keptHealed; n > 0 {
		s.Healed[key] = slices.Clone(s.Healed[key][n:])
	}
}

// recurring is what is counted as the same thing healed again: an instance, but what
// is replaced comes back under another ID, so there it is the workload.
func recurring(p *Plan) sut.ID {
	if p.Steps[0].Verb == verbReplace {
		return sut.ID(p.target().ID.Workload())
	}
	return p.target().ID
}

func recurrenceKey(p *Plan) string {
	return string(p.Finding) + " " + string(recurring(p)) + " " + p.Runbook
}

func (s *state) foldIntent(r *Record) {
	a := &openAct{Act: *r.Act, Seq: r.Seq}
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
		if a.Verb.tells() && (w.State == WorkAsking || w.State == WorkTelling) {
			w.Said = true
			return // a message about the work is not a step of it
		}
		w.Began, w.Said = true, false
		w.Flight = append(w.Flight, a.ID)
		if f, ok := s.Findings[keyOf(w.Plan.Finding, w.Plan.target().ID, w.Plan.Runbook)]; ok && w.Why == "" {
			w.Why = f.Detail
		}
		w.Result, w.Acted = "", a.Target
		if w.State != WorkUndoing {
			w.State, w.Deadline = WorkActing, 0
		}
	}
	if a.Verb.counted() {
		keys := []string{rateAll, rateKey(a.Verb, a.Target.ID)}
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
		s.Restarts[a.Target.ID] = config.Next(e, max(since, e.Last), r.At)
	}
}

// settle ends an act for good.
func (s *state) settle(a *openAct, result Result) {
	delete(s.Acts, a.ID)
	s.index.remove(a)
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

const (
	rateAll     = "all"
	rateRunbook = "runbook "
)

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

// acts: the work does more than tell people.
func (w *Work) acts() bool {
	return slices.ContainsFunc(w.Plan.Steps, func(s PlanStep) bool { return !s.Verb.tells() })
}

// heavy: the work does more than say whom users are sent to.
func (w *Work) heavy() bool {
	return slices.ContainsFunc(w.Plan.Steps, func(s PlanStep) bool { return s.Verb.heavy() })
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
