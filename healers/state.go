package healers

import (
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
	// Scaled is, by workload, how it was scaled.
	Scaled map[string]*scaled `json:"scaled,omitempty"`
	// Swept is when what no question is about any more was last forgotten.
	Swept time.Duration `json:"swept,omitempty"`

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

// failureKeyOf is what counts as the same attempt again. An instance that takes another's
// place has an ID of its own, so there it is the workload.
func failureKeyOf(p *Plan) failureKey {
	return failureKey(p.Healer + " " + string(recurring(p)) + " " + p.Runbook)
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
	// Was is the back-off before a restart, which counts again if it is never begun.
	Was backoff.Entry `json:"was,omitzero"`
	// From is how many instances there were, of an act that scales.
	From int32 `json:"from,omitempty"`
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
	Result Result     `json:"result,omitempty"`
	Acted  sut.Target `json:"acted,omitzero"`
	// Members are those of the workload when it was to be replaced: who else comes is new.
	Members  []sut.ID  `json:"members,omitempty"`
	Decision *Decision `json:"decision,omitempty"`
	Done     []string  `json:"done,omitempty"`
	// Why is what the finding said when the work began.
	Why string `json:"why,omitempty"`
}

func newState() *state {
	s := &state{
		Findings: map[findingKey]openFinding{}, Works: map[WorkID]*Work{}, Acts: map[ActID]*openAct{},
		Restarts: map[sut.ID]backoff.Entry{}, Failures: map[failureKey]failure{},
		Back: map[string][]back{}, Rates: map[string][]time.Duration{},
		Healed: map[string][]healed{}, Broken: map[string][]back{}, Ended: map[string]time.Duration{},
		Scaled: map[string]*scaled{},
	}
	s.reindex()
	return s
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
