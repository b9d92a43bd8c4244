package healers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
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
			r := &randomRun{T: t, engine: healers.New(1, healers.Checkpoint{}), witness: newWitness(), policy: anyPolicy(t)}
			for range rapid.IntRange(1, 60).Draw(t, "steps") {
				r.step()
				if sometimes(t, 8, "save") {
					r.saved = r.engine.Checkpoint()
				}
				if sometimes(t, 8, "rebuild") {
					r.rebuild(sometimes(t, 2, "killed"))
				}
			}
			r.explained()
		})
	}
}

// rounds is how often the nights check what every change is checked against once.
func rounds() int {
	if os.Getenv("REBOUND_NIGHTLY") != "" {
		return 50
	}
	return 1
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
}

func (r *randomRun) step() {
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
	if err := r.witness.check(o, r.engine); err != nil {
		r.Fatalf("%v\n%s", err, lines(r.records))
	}
	r.now = anyTime(r.T, r.now)
}

// rebuild makes the engine anew, of a checkpoint and the records after it and of the
// records alone, and compares it with the one that went on. killed: it takes its place.
func (r *randomRun) rebuild(killed bool) {
	records := overTheWire(r.T, r.records)
	want := r.engine.Checkpoint()
	var again *healers.Engine
	for _, from := range []healers.Checkpoint{r.saved, {}} {
		again = healers.New(1, from)
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

// explained asks for why of what was refused last.
func (r *randomRun) explained() {
	for i := len(r.records) - 1; i >= 0; i-- {
		d := r.records[i].Decision
		if d == nil || d.Effect == healers.Allow {
			continue
		}
		e := healers.Explain(d.Target.ID, slices.Values(r.records))
		if text := healers.Text(r.records[i]); e.Omitted == 0 && !strings.Contains(e.Text(), text) {
			r.Fatalf("%q is not said in:\n%s", text, e.Text())
		}
		return
	}
}

// explains tells what a refusal leaves unsaid.
func explains(r *healers.Record) error {
	d, text := r.Decision, healers.Text(*r)
	if (d.Effect == healers.Allow) != (d.Rule == healers.RuleNone) {
		return fmt.Errorf("%q by rule %q", text, d.Rule)
	}
	if d.Effect == healers.Allow {
		return nil
	}
	what, why, ok := strings.Cut(text, ": ")
	if !ok || why == "" || !strings.HasPrefix(what, string(d.Verb)+" "+string(d.Target.ID)) {
		return fmt.Errorf("%q does not say what, or why", text)
	}
	if d.Until != 0 && (d.Until <= r.At || !strings.Contains(what, " for ")) {
		return fmt.Errorf("%q, until %v at %v", text, d.Until, r.At)
	}
	var words []string // that it must have
	counts := []string{strconv.FormatInt(d.Have, 10), strconv.FormatInt(d.Limit, 10)}
	switch d.Rule {
	case healers.RuleBudget, healers.RuleRate, healers.RuleRamp, healers.RuleStorm, healers.RuleShared:
		words = counts
	case healers.RuleStag:
		words = append(words, string(d.By))
		if d.Have >= d.Limit {
			words = append(words, counts...)
		}
	case healers.RuleBroken:
		words = append(words, counts[0], string(d.By))
	case healers.RuleActor:
		words = append(words, string(d.By))
	case healers.RuleBlind:
		if d.Limit > 0 && d.Until == 0 {
			words = counts
		}
	case healers.RuleBack:
		for _, ms := range []int64{d.Have, d.Limit} {
			words = append(words, (time.Duration(ms) * time.Millisecond).Round(100*time.Millisecond).String())
		}
	case healers.RuleKill, healers.RulePaused, healers.RuleScope, healers.RuleTrust:
	default:
		return fmt.Errorf("%q by a rule that nobody knows, %q", text, d.Rule)
	}
	said := strings.FieldsFunc(why, func(c rune) bool { return strings.ContainsRune(" (),", c) })
	for _, word := range words {
		if word == "" || !slices.Contains(said, word) {
			return fmt.Errorf("%q does not say %q of %+v", text, word, *d)
		}
	}
	if d.Have < 0 || d.Limit < 0 {
		return fmt.Errorf("%q: fewer than none", text)
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
