package healerstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// Scenario is a system, what befalls it, and how one knows that it has healed.
type Scenario struct {
	Policy *policy.Policy
	Model  func() *Model
	Break  func(s *Shell, m *Model)
	Until  time.Duration
	// Healed looks at the model at the end.
	Healed func(m *Model) error
	// Slack is how much longer a run may take whose engine was killed; 0: a minute.
	Slack time.Duration
}

// Play runs a scenario once; set may change the shell before.
func (sc Scenario) Play(seed uint64, set func(*Shell)) *Shell {
	m := sc.Model()
	s := NewShell(seed, sc.Policy, m)
	if set != nil {
		set(s)
	}
	sc.Break(s, m)
	s.Run(sc.Until)
	return s
}

// Prove plays a scenario, and then everything that must not make a difference:
// a second run, a replay of the inputs in a fresh engine, a full list at every
// step. Then it kills the engine after every prefix of its records.
func Prove(t *testing.T, sc Scenario) {
	t.Helper()
	first := sc.Play(1, nil)
	if err := sc.Healed(first.Model); err != nil {
		t.Fatalf("not healed: %v\n%s", err, Tell(first))
	}
	Consistent(t, first)

	if second := sc.Play(1, nil); !slices.EqualFunc(first.Steps, second.Steps, equal) {
		t.Error("two runs differ")
	}
	Replay(t, first)
	rebuilt := sc.Play(1, func(s *Shell) { s.Resets = true })
	if a, b := encode(first.Journal.Records), encode(rebuilt.Journal.Records); !bytes.Equal(a, b) {
		t.Errorf("other decisions with a full list at every step:\n%s\nin place of\n%s", Tell(rebuilt), Tell(first))
	}

	slack := sc.Slack
	if slack == 0 {
		slack = time.Minute
	}
	// Soon, and when every deadline has passed.
	for _, down := range []time.Duration{200 * time.Millisecond, 40 * time.Second} {
		for n := range len(first.Journal.Records) + 1 {
			s := sc.Play(1, func(s *Shell) { s.Down, s.Journal.CrashAt, s.Journal.Armed = down, n, true })
			s.Run(sc.Until + down + slack)
			if err := sc.Healed(s.Model); err != nil {
				t.Fatalf("killed at record %d of %d for %v: not healed: %v\n%s", n, len(first.Journal.Records), down, err, Tell(s))
			}
			Consistent(t, s)
			Replay(t, s)
		}
	}
}

// Consistent checks what holds for every run: each act that reached the system
// is in the records before, no intent has two outcomes, nothing that may not be
// repeated was done twice to one incarnation, and the engine's state is the fold
// of the records.
func Consistent(t *testing.T, s *Shell) {
	t.Helper()
	intents, outcomes := map[healers.ActID]healers.Act{}, map[healers.ActID]int{}
	for i, r := range s.Journal.Records {
		if r.Seq != uint64(i+1) {
			t.Errorf("record %d has number %d", i+1, r.Seq)
		}
		switch {
		case r.Act != nil:
			if _, twice := intents[r.Act.ID]; twice {
				t.Errorf("two intents of act %d", r.Act.ID)
			}
			intents[r.Act.ID] = *r.Act
		case r.Done != nil:
			if outcomes[r.Done.ID]++; outcomes[r.Done.ID] > 1 {
				t.Errorf("two outcomes of act %d", r.Done.ID)
			}
		}
	}
	once := map[string]bool{}
	for _, x := range s.Model.Executed {
		if a, ok := intents[x.ID]; !ok || a.Verb != x.Verb || a.Target != x.Target {
			t.Errorf("act %d (%s %s) is not in the records", x.ID, x.Verb, x.Target)
		}
		key := string(x.Verb) + x.Target.String()
		if x.Target.ID.Kind() == sut.KindWorkload {
			key += fmt.Sprint(x.ID) // it has no incarnation, and each act is of its own
		}
		if !x.Repeatable {
			if once[key] {
				t.Errorf("%s was done twice to %s", x.Verb, x.Target)
			}
			once[key] = true
		}
	}
	if e := s.Engine(); e != nil {
		again := healers.New(s.Seed, healers.Checkpoint{})
		for _, r := range s.Journal.Records {
			again.Apply(r)
		}
		if a, b := e.Checkpoint(), again.Checkpoint(); !bytes.Equal(a.State, b.State) {
			t.Errorf("the state is not the fold of the records:\n%s\n%s", a.State, b.State)
		}
		middle := healers.New(s.Seed, again.Checkpoint())
		if a, b := again.Checkpoint(), middle.Checkpoint(); !bytes.Equal(a.State, b.State) {
			t.Errorf("a checkpoint of a checkpoint differs:\n%s\n%s", a.State, b.State)
		}
	}
}

// Replay gives the inputs of a run, as they were written, to fresh engines and
// expects the same outputs.
func Replay(t *testing.T, s *Shell) {
	t.Helper()
	var (
		e    *healers.Engine
		kept []healers.Record // by the journal
	)
	for i, step := range s.Steps {
		var in healers.Input
		if err := json.Unmarshal(step.Input, &in); err != nil {
			t.Fatalf("read step %d: %v", i, err)
		}
		if step.Boot {
			e, kept = healers.New(s.Seed, healers.Checkpoint{}), keptBefore(s, i)
			for _, r := range kept {
				e.Apply(r)
			}
		}
		if out := encode(e.Step(&in)); !bytes.Equal(out, step.Output) {
			t.Fatalf("replay of step %d differs:\n%s\nin place of\n%s", i, out, step.Output)
		}
	}
}

// keptBefore are the records that the journal held when step i's engine was made.
func keptBefore(s *Shell, i int) []healers.Record {
	var first []healers.Record
	for ; i < len(s.Steps); i++ { // the first record that was made after it tells
		if err := json.Unmarshal(s.Steps[i].Records, &first); err == nil && len(first) > 0 {
			return s.Journal.Records[:min(first[0].Seq-1, uint64(len(s.Journal.Records)))]
		}
	}
	return s.Journal.Records
}

func equal(a, b Step) bool {
	return a.Boot == b.Boot && bytes.Equal(a.Input, b.Input) && bytes.Equal(a.Output, b.Output)
}

// Tell writes the records of a run as lines, for a failed test.
func Tell(s *Shell) string {
	var b bytes.Buffer
	for _, r := range s.Journal.Records {
		fmt.Fprintf(&b, "%9s %4d %-8s %s\n", r.At.Round(time.Millisecond), r.Seq, r.Kind, healers.Text(r))
	}
	return b.String()
}

// Acts are the verbs and targets that reached the system, in order.
func Acts(s *Shell) []string {
	var out []string
	for _, x := range s.Model.Executed {
		out = append(out, string(x.Verb)+" "+string(x.Target.ID))
	}
	return out
}
