package healerstest

import (
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// errCrashed is what an append returns at which the engine was killed.
var errCrashed = errors.New("the engine was killed during the append")

// Journal keeps records in memory.
type Journal struct {
	Records []healers.Record
	// CrashAt: the append with which there would be more than so many records writes
	// up to there, and kills the engine. Once; 0 with Armed false: never.
	CrashAt int
	Armed   bool
}

// Append adds the records, or as many as there are before the crash.
func (j *Journal) Append(r []healers.Record) error {
	if j.Armed && len(j.Records)+len(r) > j.CrashAt {
		j.Armed = false
		j.Records = append(j.Records, r[:j.CrashAt-len(j.Records)]...)
		return errCrashed
	}
	j.Records = append(j.Records, r...)
	return nil
}

// Step is one step as it was: what went in and what came out, as JSON.
type Step struct {
	Boot    bool // a new engine was made of the journal before it
	Input   []byte
	Output  []byte // records, acts and next
	Records []byte // records alone
}

// Shell is the loop around an engine in virtual time: collect, Step, append,
// act. Everything due at one instant goes into one step.
type Shell struct {
	Seed    uint64
	Policy  *policy.Policy
	Model   *Model
	Journal Journal
	// Resets gives the engine a full list at every step in place of changes.
	Resets bool
	// Down is how long the engine is away after it was killed.
	Down  time.Duration
	Steps []Step
	// Made, where it is set, is given every engine before its first step.
	Made func(e *healers.Engine)

	engine *healers.Engine
	life   int // of the engine
	boot   bool
	done   []healers.Done
	said   []healers.Command
	now    time.Duration
	wake   time.Duration
	events events
	seq    int
}

// NewShell makes a shell whose engine starts at once.
func NewShell(seed uint64, p *policy.Policy, m *Model) *Shell {
	s := &Shell{Seed: seed, Policy: p, Model: m, Down: 200 * time.Millisecond}
	m.shell = s
	s.At(0, s.start)
	return s
}

// Now is the virtual time.
func (s *Shell) Now() time.Duration { return s.now }

// Engine is the one that lives; nil while it is down.
func (s *Shell) Engine() *healers.Engine { return s.engine }

// At does something at a time.
func (s *Shell) At(at time.Duration, do func()) {
	s.seq++
	heap.Push(&s.events, event{max(at, s.now), s.seq, do})
}

// After does something after a while.
func (s *Shell) After(d time.Duration, do func()) { s.At(s.now+d, do) }

// Run drives the engine until a time.
func (s *Shell) Run(until time.Duration) {
	for {
		at := until + 1
		if len(s.events) > 0 {
			at = s.events[0].at
		}
		if s.engine != nil && s.wake > 0 {
			at = min(at, s.wake)
		}
		if at > until {
			s.now = until
			return
		}
		s.now = max(s.now, at)
		for len(s.events) > 0 && s.events[0].at <= s.now {
			e, _ := heap.Pop(&s.events).(event)
			e.do()
		}
		if s.engine != nil {
			s.step()
		}
	}
}

// Say gives the engine a command of a person.
func (s *Shell) Say(c healers.Command) { s.said = append(s.said, c) }

// Kill ends the engine now, as kill -9 does; it is back after Down.
func (s *Shell) Kill() {
	s.engine = nil
	s.life++
	s.After(s.Down, s.start)
}

// start makes an engine of the journal.
func (s *Shell) start() {
	s.engine, s.boot, s.done = healers.New(s.Seed, healers.Checkpoint{}), true, nil
	for _, r := range s.Journal.Records {
		s.engine.Apply(r)
	}
	if s.Made != nil {
		s.Made(s.engine)
	}
}

func (s *Shell) step() {
	in := &healers.Input{Now: s.now, Done: s.done, Commands: s.said}
	in.System, in.Probes = s.Model.news(s.boot || s.Resets, s.boot)
	in.Metrics, s.Model.samples = s.Model.samples, nil
	if s.boot {
		in.Policy, in.Trial = s.Policy, true
	}
	step := Step{Boot: s.boot, Input: encode(in)}
	s.boot, s.done, s.said = false, nil, nil
	out := s.engine.Step(in)
	step.Records, step.Output = encode(out.Records), encode(out)
	s.Steps = append(s.Steps, step)
	s.wake = out.Next
	if err := s.Journal.Append(out.Records); err != nil {
		s.Kill()
		return
	}
	life := s.life
	for i, a := range out.Acts {
		if !out.Grant(i).Allows(a) {
			panic(fmt.Sprintf("act %d has no grant", a.ID))
		}
		s.Model.do(a, func(r healers.Result) {
			if life == s.life { // else the one who waits for it is dead
				s.done = append(s.done, healers.Done{ID: a.ID, Result: r})
			}
		})
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

// events is a heap by time, then by order of arrival.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) {
	if v, ok := x.(event); ok {
		*e = append(*e, v)
	}
}

// Pop implements heap.Interface.
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
