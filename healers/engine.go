package healers

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/runbook"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Engine is the healing engine: a pure state machine. Its durable state changes
// by Apply alone; all else can be rebuilt from a full list of the system. It is
// not safe for concurrent use.
type Engine struct {
	seed  uint64 // of choices by hash; no healer draws any yet
	state *state
	view  *View
	epoch uint64
	// restored: there may be acts in flight that nobody carries out any more. Over
	// once the system was seen.
	restored bool

	// What is derived, and rebuilt after a restart.
	dirty      map[sut.ID]struct{}      // targets to look at
	touched    map[string]struct{}      // workloads whose works are asked again
	spare      map[string]struct{}      // the other touched, empty between rounds
	wanted     map[sut.ID]time.Duration // when a healer will want something
	conditions map[Expr]*runbook.Condition
	scalers    map[*policy.Scaling]*scaler.Scaler
	tallies    tallies
	turns      map[string]*turns // by workload: whose turn it is
	calm       time.Duration     // since when a storm's threshold is not exceeded; 0: it is
	order      []WorkID          // scratch
	targets    []sut.ID          // scratch
	rounds     int
	born       time.Duration // of the first step; below 0: there was none
	without    Rule          // a rule that is left out, in tests of what it is for

	out Output
}

// New makes an engine of a checkpoint; the zero Checkpoint is an empty history.
// Records after it are given to Apply, in order, before the first Step. A
// checkpoint that cannot be read counts as empty: the journal checks what it
// loads.
func New(seed uint64, c Checkpoint) *Engine {
	e := &Engine{
		seed: seed, state: load(c.State), view: newView(), restored: true,
		dirty: map[sut.ID]struct{}{}, touched: map[string]struct{}{}, spare: map[string]struct{}{},
		wanted: map[sut.ID]time.Duration{}, conditions: map[Expr]*runbook.Condition{}, scalers: map[*policy.Scaling]*scaler.Scaler{}, tallies: newTallies(),
		turns: map[string]*turns{}, born: -1,
	}
	e.state.Seq = max(e.state.Seq, c.Seq)
	e.view.findings = e.state.Findings
	for _, expr := range builtinConditions { // compiling costs milliseconds: not in an outage
		e.condition(expr)
	}
	return e
}

// Apply folds one record into the durable state. One that is already in it
// changes nothing.
func (e *Engine) Apply(r Record) { e.state.fold(&r) }

// Checkpoint is the fold of all records so far.
func (e *Engine) Checkpoint() Checkpoint {
	b, err := json.Marshal(e.state)
	if err != nil {
		return Checkpoint{} // not possible: the state is plain data
	}
	return Checkpoint{Seq: e.state.Seq, State: b}
}

// Last is the number and the time of the last record: after a restart the
// engine's clock goes on from there.
func (e *Engine) Last() (seq uint64, at time.Duration) { return e.state.Seq, e.state.At }

// View is what the engine sees; it is valid until the next Step.
func (e *Engine) View() *View { return e.view }

// Step takes what is new and says what to record, and then to do. The records
// are already applied. Time never goes back: an earlier now counts as the last.
func (e *Engine) Step(in *Input) *Output {
	e.out.Records, e.out.Acts, e.out.Cancel = e.out.Records[:0], e.out.Acts[:0], e.out.Cancel[:0]
	e.out.grants, e.out.Next = e.out.grants[:0], 0
	e.epoch = max(e.epoch, in.Epoch)
	e.view.now = max(in.Now, e.view.now, e.state.At)
	if e.born < 0 {
		e.born = e.view.now
	}

	e.takePolicy(in)
	for i := range in.Commands {
		e.command(in.Commands[i])
	}
	e.view.apply(&in.System, e.touch)
	e.view.sampled(in.Metrics)
	if !in.Wall.IsZero() {
		e.view.wall = in.Wall
	}
	for i := range in.Probes {
		e.view.probe(&in.Probes[i], e.touch)
	}
	for i := range in.Done {
		e.outcome(in.Done[i])
	}
	if e.view.policy == nil || !e.view.seen || in.Ending {
		return &e.out // it knows nothing to decide on, or nothing to decide by
	}
	if e.restored {
		e.restored = false
		if e.state.LastAct > 0 {
			e.note(stateNote{Woke: true}, 0, 0)
		}
		e.resume()
		e.touchWorks()
	}
	e.overdue()
	e.settleUnknown()
	for id, at := range e.wanted { // into a set: the order does not matter
		if at <= e.view.now {
			e.touch(id)
		}
	}
	e.scale()
	e.decide()
	e.out.Next = e.next()
	return &e.out
}

// decide goes round until nothing changes any more: what one work does may free
// or bind another of the same workload.
func (e *Engine) decide() {
	for e.rounds = 0; e.rounds < maxRounds; e.rounds++ {
		e.targets = e.targets[:0]
		for id := range e.dirty {
			e.targets = append(e.targets, id)
		}
		slices.Sort(e.targets)
		clear(e.dirty)
		for _, id := range e.targets {
			e.find(id)
		}
		e.count()
		e.sense()
		e.advanceAll()
		for _, id := range e.targets {
			e.propose(id)
		}
		if len(e.dirty)+len(e.touched) == 0 {
			return
		}
	}
}

// maxRounds is far beyond what works can need; it is there so that a plan that
// chases its own tail costs a step and not the engine.
const maxRounds = 64

// emit gives a record its place and applies it.
func (e *Engine) emit(r Record) {
	r.Seq, r.At, r.Epoch = e.state.Seq+1, e.view.now, e.epoch
	switch { // what it is about counts for something else now
	case r.Finding != nil:
		e.stale(r.Finding.Target.ID)
	case r.Act != nil:
		e.stale(r.Act.Target.ID)
	case r.Done != nil:
		if a := e.state.Acts[r.Done.ID]; a != nil {
			e.stale(a.Target.ID)
			delete(e.turns, a.Target.ID.Workload())
		}
	case r.Change != nil:
		if w := e.state.Works[r.Work]; w != nil {
			e.stale(w.Plan.target().ID)
			if r.Change.State.ended() {
				delete(e.turns, w.Plan.target().ID.Workload())
			}
		}
	}
	e.state.fold(&r)
	e.out.Records = append(e.out.Records, r)
}

// touch asks for a target to be looked at in this step, and for the works of its
// workload to be asked again.
func (e *Engine) touch(id sut.ID) {
	e.dirty[id] = struct{}{}
	e.touched[id.Workload()] = struct{}{}
	e.stale(id)
	if id.Kind() == sut.KindInstance {
		for _, vol := range e.view.storage[id] {
			e.dirty[vol] = struct{}{}
		}
	}
}

// stale has an instance counted anew before the next question.
func (e *Engine) stale(id sut.ID) {
	if id.Kind() == sut.KindInstance {
		e.tallies.stale[id] = struct{}{}
		return
	}
	for _, in := range e.view.placed[id] { // an act on a node or a zone takes all there
		e.tallies.stale[in] = struct{}{}
	}
}

func (e *Engine) touchWorks() {
	for _, w := range e.state.Works { // into a set: the order does not matter
		e.touch(w.Plan.target().ID)
	}
}

// works are the open works, oldest first. They are few: only what is wrong.
func (e *Engine) works() []WorkID {
	e.order = e.order[:0]
	for id := range e.state.Works {
		e.order = append(e.order, id)
	}
	slices.Sort(e.order)
	return e.order
}

// acts are the open acts, oldest first.
func (e *Engine) acts() []*openAct {
	if len(e.state.Acts) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Values(e.state.Acts), func(a, b *openAct) int { return cmp.Compare(a.ID, b.ID) })
}

// next is the earliest time at which something is due by itself.
func (e *Engine) next() time.Duration {
	var next time.Duration
	due := func(at time.Duration) {
		if at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	for _, a := range e.state.Acts {
		if a.Unknown {
			for _, wait := range []time.Duration{settleFor, halfFor} {
				if at := a.Deadline + wait; at > e.view.now {
					due(at)
				}
			}
			continue
		}
		due(a.Deadline)
	}
	for _, w := range e.state.Works {
		if w.State == WorkVerifying {
			due(w.Deadline)
		}
		if (w.State == WorkDeferred || w.State == WorkUndoing) && w.Decision != nil && w.Decision.Until > e.view.now {
			due(w.Decision.Until)
		}
	}
	for _, at := range e.wanted {
		due(at)
	}
	due(e.sensible())
	due(e.nextScale())
	if next > 0 {
		next = max(next, e.view.now+time.Millisecond)
	}
	return next
}

// condition is a compiled expression; nil for one that cannot be compiled, which
// never holds (the policy's loader has refused it).
func (e *Engine) condition(x Expr) *runbook.Condition {
	c, known := e.conditions[x]
	if !known {
		var err error
		if c, err = runbook.Compile(string(x)); err != nil {
			c = nil
		}
		e.conditions[x] = c
	}
	return c
}

func (e *Engine) holds(x Expr, s *runbook.Scope) bool {
	c := e.condition(x)
	if c == nil {
		return false
	}
	ok, err := c.Holds(s)
	return ok && err == nil
}
