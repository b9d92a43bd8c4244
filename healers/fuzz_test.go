package healers_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
)

// played are runs that fuzzing begins with.
func played() (runs []*healerstest.Shell) {
	for _, row := range scenarios() {
		if len(runs) < 6 {
			runs = append(runs, row.sc.Play(1, nil))
		}
	}
	return runs
}

// inLines writes each value as a line of JSON.
func inLines[T any](f *testing.F, values []T) []byte {
	f.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if err := json.NewEncoder(&b).Encode(v); err != nil {
			f.Fatal(err)
		}
	}
	return b.Bytes()
}

// recordsOf reads records until there is none.
func recordsOf(data []byte) (records []healers.Record) {
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		var r healers.Record
		if d.Decode(&r) != nil {
			return records
		}
		records = append(records, r)
	}
}

// FuzzRestore: whatever is in a checkpoint, and on record after it, an engine can be made
// of it, can be kept and made again, and does nothing that it may not.
func FuzzRestore(f *testing.F) {
	for _, s := range played() {
		c, n := s.Engine().Checkpoint(), len(s.Journal.Records)/2
		f.Add([]byte(c.State), c.Seq, []byte{})
		f.Add([]byte{}, uint64(0), inLines(f, s.Journal.Records))
		half := healers.New(1, healers.Checkpoint{})
		for _, r := range s.Journal.Records[:n] {
			half.Apply(r)
		}
		f.Add([]byte(half.Checkpoint().State), uint64(n), inLines(f, s.Journal.Records[n:]))
	}
	for _, damaged := range []string{
		`{"findings":null,"works":null,"acts":null,"restarts":null,"failures":null,"back":null,"rates":null,"healed":null,"broken":null,"ended":null,"scaled":null}`,
		`{"scaled":{"orders":null}}`,
		`{"works":{"1":null,"2":{},"3":{"plan":{}},"4":{"plan":{"steps":[{"verb":"restart"}],"targets":[{"id":"orders/1"}]},"index":-1,"state":"acting","result":"ok"}}}`,
		`{"works":{"1":{"plan":{"healer":"rotate","steps":[]},"state":"verifying"},"2":{"plan":{},"index":7,"state":"undoing"},"3":{"plan":{},"state":"telling","ends":"telling"}}}`,
		`{"lastAct":2,"acts":{"1":null,"2":{"verb":"rotateOut","target":{"id":"orders/1:data","incarnation":"11"},"unknown":true}}}`,
		`{"lastAct":2,"acts":{"2":{"verb":"replace","target":{"id":"orders/1","incarnation":"11"},"repeatable":true,"deadline":99000000000}}}`,
		`{"findings":{"x":{"kind":"recurring","target":{"id":"orders/1"}}},"at":9223372036854775807,"lastAct":18446744073709551615,"lastWork":18446744073709551615}`,
		`{"seq":18446744073709551615,"works":{"1":{"plan":{"finding":"exited"},"began":true,"state":"acting"}}}`,
	} {
		f.Add([]byte(damaged), uint64(1), []byte(`{"seq":9,"kind":"work","work":4,"change":{"plan":{},"index":-3,"state":"verifying"}}`))
	}
	f.Fuzz(func(t *testing.T, state []byte, seq uint64, records []byte) {
		e := healers.New(1, healers.Checkpoint{Seq: seq, State: state})
		for _, r := range recordsOf(records) {
			e.Apply(r)
		}
		goesOn(t, e)
	})
}

// TestNonsenseOnRecord is FuzzRestore with records that are ones.
func TestNonsenseOnRecord(t *testing.T) {
	for range rounds() {
		rapid.Check(t, func(t *rapid.T) {
			e := healers.New(1, healers.Checkpoint{})
			for seq := range rapid.Uint64Range(0, 60).Draw(t, "records") {
				e.Apply(anyRecord(t, seq+1))
			}
			goesOn(t, e)
		})
	}
}

// goesOn takes an engine of any history through an outage, within its scope.
func goesOn(t rapid.TB, e *healers.Engine) {
	c := e.Checkpoint()
	if again := healers.New(1, c).Checkpoint(); len(c.State) == 0 || !bytes.Equal(again.State, c.State) {
		t.Fatalf("kept as\n%s\nit comes back as\n%s", c.State, again.State)
	}
	w := newWitness()
	var said struct{ Paused, Killed bool }
	if err := json.Unmarshal(c.State, &said); err != nil {
		t.Fatal(err)
	}
	w.paused, w.killed = said.Paused, said.Killed
	_, now := e.Last()
	all := sut.Delta{Rev: 1, Reset: true, Instances: []sut.Instance{order(0), order(1, exited), order(2, out)}}
	all.Volumes = []sut.Volume{{ID: "orders/1:data", Used: 95, Size: 100}}
	for _, in := range []healers.Input{
		{Now: now, Policy: shopPolicy(), Trial: true, System: all},
		at(now+time.Second, done(healers.ResultOK, 1, 2, 3)),
		at(now+time.Minute, delta(order(1, reborn), order(2, exited))),
		at(now+2*time.Minute, say(healers.CommandResume)),
		at(now+time.Hour, healers.Input{}),
	} {
		w.hear(&in)
		o := e.Step(&in)
		for i, a := range o.Acts {
			if !o.Grant(i).Allows(a) {
				t.Fatalf("%s %s has no grant", a.Verb, a.Target)
			}
			if tells(a.Verb) {
				continue
			}
			if err := w.covered(&a, w.instances[a.Target.ID.Instance()]); err != nil || w.killed || w.paused {
				t.Fatalf("%s %s, killed %v, paused %v: %v", a.Verb, a.Target, w.killed, w.paused, err)
			}
		}
	}
}

// FuzzRecorded: whatever is on a tape, and on record beside it, the same is decided
// each time.
func FuzzRecorded(f *testing.F) {
	for _, s := range played() {
		var tape []byte
		for _, step := range s.Steps {
			tape = append(append(tape, step.Input...), '\n')
		}
		f.Add(tape, inLines(f, s.Journal.Records))
		f.Add(tape[:len(tape)/2], []byte{})
	}
	f.Fuzz(func(t *testing.T, tape, records []byte) {
		kept := recordsOf(records)
		steps, n, err := healerstest.Recorded(1, bytes.NewReader(tape), kept)
		again, m, other := healerstest.Recorded(1, bytes.NewReader(tape), kept)
		if steps != again || n != m || (err == nil) != (other == nil) || err != nil && err.Error() != other.Error() {
			t.Fatalf("%d steps and %d records, %v; then %d and %d, %v", steps, n, err, again, m, other)
		}
	})
}
