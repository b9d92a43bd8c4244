package healers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// TestNonsense: whatever comes in, at whatever time, the engine does not panic and keeps
// its promises (see witness), and its state is the fold of its records, however often it
// is made anew of them.
func TestNonsense(t *testing.T) {
	for range rounds() {
		rapid.Check(t, func(t *rapid.T) {
			r := &randomRun{T: t}
			if err := r.run(); err != nil {
				t.Fatalf("%v\n%s", err, lines(r.records))
			}
			r.explained()
		})
	}
}

// TestTheWitnessSees: without one rule of the guard, TestNonsense would fail by what that
// rule is for.
func TestTheWitnessSees(t *testing.T) {
	for rule, want := range map[healers.Rule]string{
		healers.RuleKill: "the engine is stopped", healers.RulePaused: "the engine is paused", healers.RuleScope: "out of scope",
		healers.RuleTrust: "nobody has approved", healers.RuleActor: "the same, is open", healers.RuleBlind: "nobody sees",
	} {
		t.Run(string(rule), func(t *testing.T) {
			blind := rapid.Custom(func(t *rapid.T) error {
				r := &randomRun{T: t, without: rule}
				return r.run()
			})
			for seed := range 1000 {
				if err := blind.Example(seed); err != nil && strings.Contains(err.Error(), want) {
					return
				}
			}
			t.Errorf("nobody said %q", want)
		})
	}
}

// rounds is how often a property is checked as often as rapid is told to: more at night.
func rounds() int {
	if os.Getenv("REBOUND_NIGHTLY") != "" {
		return 30
	}
	return 3
}

// randomRun is an engine, and all that it was told and has said.
type randomRun struct {
	*rapid.T
	engine  *healers.Engine
	witness *witness
	policy  *policy.Policy
	booted  bool // the engine knows the policy
	now     time.Duration
	records []healers.Record
	saved   healers.Checkpoint
	without healers.Rule // of the guard; "": it is whole
}

// run takes an engine through nonsense, until the witness objects.
func (r *randomRun) run() error {
	r.engine, r.witness, r.policy = r.made(healers.Checkpoint{}), newWitness(), anyPolicy(r.T)
	for range rapid.IntRange(1, 60).Draw(r.T, "steps") {
		if err := r.step(); err != nil {
			return err
		}
		if sometimes(r.T, 8, "save") {
			r.saved = r.engine.Checkpoint()
		}
		if sometimes(r.T, 8, "rebuild") {
			r.rebuild(sometimes(r.T, 2, "killed"))
		}
	}
	return nil
}

func (r *randomRun) made(from healers.Checkpoint) *healers.Engine {
	e := healers.New(1, from)
	healers.Without(e, r.without)
	return e
}

func (r *randomRun) step() error {
	in := nonsense(r.T, r.now, r.witness)
	if !r.booted || sometimes(r.T, 8, "policy") {
		if r.booted {
			r.policy = anyPolicy(r.T)
		}
		in.Policy, in.Trial, r.booted = r.policy, !sometimes(r.T, 8, "trial"), true
	}
	o := r.engine.Step(in)
	r.records = append(r.records, o.Records...)
	r.witness.hear(in)
	r.now = anyTime(r.T, r.now)
	return r.witness.check(o, r.engine)
}

// rebuild makes the engine anew, of a checkpoint and the records after it and of the
// records alone, and compares it with the one that went on. killed: it takes its place.
func (r *randomRun) rebuild(killed bool) {
	records := overTheWire(r.T, r.records)
	want := r.engine.Checkpoint()
	var again *healers.Engine
	for _, from := range []healers.Checkpoint{r.saved, {}} {
		again = r.made(from)
		for range 2 { // what comes twice changes nothing
			for _, record := range records {
				if record.Seq > from.Seq {
					again.Apply(record)
				}
			}
		}
		if got := again.Checkpoint(); got.Seq != want.Seq || !bytes.Equal(got.State, want.State) {
			r.Fatalf("the state is not the fold of the records after %d:\n%s\n%s", from.Seq, want.State, got.State)
		}
	}
	if killed {
		r.engine, r.booted = again, false
		r.witness.reborn()
	}
}

// kept looks at what the engine knows by its history: people are obeyed, no act is
// lost, and whatever waits for a time is woken at it.
func (w *witness) kept(o *healers.Output, e *healers.Engine) error {
	var state struct {
		Paused, Killed bool
		Acts           map[healers.ActID]struct {
			Deadline time.Duration
			Unknown  bool
		}
		Works map[healers.WorkID]struct {
			State    healers.WorkState
			Deadline time.Duration
			Decision *healers.Decision
		}
	}
	if err := json.Unmarshal(e.Checkpoint().State, &state); err != nil {
		return err
	}
	if state.Paused != w.paused || state.Killed != w.killed {
		return fmt.Errorf("paused %v, killed %v; people said %v and %v", state.Paused, state.Killed, w.paused, w.killed)
	}
	if a, b := slices.Sorted(maps.Keys(state.Acts)), slices.Sorted(maps.Keys(w.open)); !slices.Equal(a, b) {
		return fmt.Errorf("the open acts are %v, and it says %v", b, a)
	}
	now := e.View().Now()
	if o.Next != 0 && o.Next <= now {
		return fmt.Errorf("wants to be stepped at %v, and it is %v", o.Next, now)
	}
	if w.policy == nil || !w.seen {
		return nil
	}
	var due []time.Duration
	for _, a := range state.Acts {
		if !a.Unknown {
			due = append(due, a.Deadline)
		}
	}
	for _, x := range state.Works {
		switch d := x.Decision; {
		case x.State == healers.WorkVerifying:
			due = append(due, x.Deadline)
		case d != nil && d.Effect == healers.Defer && d.Until > now:
			due = append(due, d.Until)
		}
	}
	for _, at := range due {
		if o.Next == 0 || o.Next > max(at, now+time.Millisecond) {
			return fmt.Errorf("something waits until %v, and it wants to be stepped at %v", at, o.Next)
		}
	}
	return nil
}

func overTheWire(t *rapid.T, records []healers.Record) (read []healers.Record) {
	b, err := json.Marshal(records)
	if err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// TestRandomOutages: whatever befalls the shop, and however acts end or do not,
// at no time is an instance that serves taken away so that fewer than the
// minimum are left, and in the end, when nothing new happens, all serve.
func TestRandomOutages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := shopPolicy()
		p.Guard.MaxActionsPerHour, p.Guard.MaxPerTargetPerHour = 1000, 1000
		m := shop()
		s := healerstest.NewShell(1, p, m)
		odd := rapid.SampledFrom([]healers.Result{"", "", "", "", "lost", healers.ResultFailed, healers.ResultUnknown})
		const calm = time.Minute
		m.Answer = func(a healers.Act) healers.Result {
			if s.Now() > calm {
				return ""
			}
			return odd.Draw(t, "answer")
		}
		m.Takes = func(a healers.Act) time.Duration {
			if taken := a.Verb == "restart" || a.Verb == "replace" || a.Verb == "rotateOut"; taken && a.Target.ID.Workload() == "orders" {
				if err := keepsMinimum(s.Engine().View(), a); err != nil {
					t.Fatalf("%v\n%s", err, healerstest.Tell(s))
				}
			}
			if s.Now() > calm {
				return 0
			}
			return time.Duration(rapid.Int64Range(1, int64(25*time.Second)).Draw(t, "takes"))
		}
		for range rapid.IntRange(1, 8).Draw(t, "outages") {
			id := sut.InstanceID("orders", rapid.IntRange(0, 3).Draw(t, "instance"))
			do := rapid.SampledFrom([]func(sut.ID){m.Crash, m.Hang, m.Wedge, m.Wedge, m.Cut, m.Mend, func(sut.ID) { s.Kill() }}).Draw(t, "outage")
			s.At(time.Duration(rapid.Int64Range(0, int64(50*time.Second)).Draw(t, "at")), func() { do(id) })
		}
		s.At(calm, func() {
			for i := range 10 {
				m.Mend(sut.InstanceID("orders", i))
			}
		})
		s.Run(30 * time.Minute)
		if got := m.Serving("orders"); len(got) < 3 {
			t.Fatalf("%v serve in the end\n%s", got, healerstest.Tell(s))
		}
	})
}

// keepsMinimum is the budget, computed once more from what the engine sees.
func keepsMinimum(v *healers.View, a healers.Act) error {
	serves := func(id sut.ID) bool {
		in, ok := v.Instance(id)
		return ok && in.Phase == sut.PhaseRunning && in.Rotation == sut.Yes && v.Ready(id) == sut.Yes
	}
	if !serves(a.Target.ID) {
		return nil
	}
	left := 0
	for _, id := range v.Members("orders") {
		if id != a.Target.ID && serves(id) {
			left++
		}
	}
	if left < 2 {
		return fmt.Errorf("%s of %s, which serves, leaves %d", a.Verb, a.Target.ID, left)
	}
	return nil
}
