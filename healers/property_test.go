package healers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

var results = []healers.Result{
	healers.ResultOK, healers.ResultAlready, healers.ResultRefused, healers.ResultFailed, healers.ResultCancelled,
	healers.ResultUnknown, "", "nonsense",
}

// nonsense is an input that need not fit anything that was said before.
func nonsense(t *rapid.T, now time.Duration) *healers.Input {
	in := &healers.Input{Now: now}
	ids := []sut.ID{"orders/0", "orders/1", "orders/2", "gateway/0", "store/0", "secret/0"}
	id := rapid.SampledFrom(ids)
	life := rapid.SampledFrom([]string{"a", "b", "c"})
	instance := func(id sut.ID) sut.Instance {
		return sut.Instance{
			Target: sut.Target{ID: id, Incarnation: life.Draw(t, "life")}, Workload: id.Workload(),
			Phase:    rapid.SampledFrom([]sut.Phase{sut.PhaseRunning, sut.PhaseExited, sut.PhasePending}).Draw(t, "phase"),
			Rotation: rapid.SampledFrom([]sut.State{sut.Yes, sut.No, sut.Unknown}).Draw(t, "rotation"),
			Labels:   map[string]string{"env": "production"},
			Role:     map[bool]string{true: "database"}[id == "store/0"],
			Node:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "node"),
			Budgets:  rapid.SampledFrom([][]string{nil, {"orders"}, {"orders", "orders", "nobody's"}}).Draw(t, "budgets"),
		}
	}
	if rapid.Bool().Draw(t, "delta") {
		in.System = sut.Delta{Rev: 1, Reset: rapid.IntRange(0, 9).Draw(t, "reset") == 0}
		for range rapid.IntRange(0, 3).Draw(t, "instances") {
			in.System.Instances = append(in.System.Instances, instance(id.Draw(t, "id")))
		}
		switch rapid.IntRange(0, 8).Draw(t, "more") {
		case 0:
			in.System.Gone = []sut.ID{id.Draw(t, "gone")}
		case 1:
			in.System.Volumes = []sut.Volume{{ID: "orders/0:data", Size: 10, Used: rapid.Int64Range(0, 20).Draw(t, "used")}}
		case 2:
			in.System.Lost = "gone dark"
		case 3:
			in.System.Budgets = []sut.Budget{{Name: "orders", MinAvailable: rapid.SampledFrom([]string{"", "1", "50%", "many"}).Draw(t, "minAvailable")}}
		case 4:
			in.System.Gone = []sut.ID{sut.BudgetID("orders")}
		case 5:
			in.System.Workloads = []sut.Workload{{Name: "orders", Desired: rapid.IntRange(0, 3).Draw(t, "desired")}}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "probes") {
		in.Probes = append(in.Probes, probe.Change{
			Target: sut.Target{ID: id.Draw(t, "id"), Incarnation: life.Draw(t, "life")},
			Role:   rapid.SampledFrom([]probe.Role{probe.Liveness, probe.Readiness, probe.Startup, "odd"}).Draw(t, "role"),
			Result: probe.Result(rapid.IntRange(0, 3).Draw(t, "result")), Since: now,
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "done") {
		in.Done = append(in.Done, healers.Done{
			ID: healers.ActID(rapid.IntRange(0, 30).Draw(t, "act")), Result: rapid.SampledFrom(results).Draw(t, "result"),
		})
	}
	return in
}

// TestNonsense: whatever comes in, the engine does not panic, acts within its
// scope and with a grant, and its state is the fold of its records.
func TestNonsense(t *testing.T) {
	p := shopPolicy()
	p.Guard.Never = []policy.Selector{{"workload": "secret"}}
	rapid.Check(t, func(t *rapid.T) {
		e := healers.New(1, healers.Checkpoint{})
		var (
			records []healers.Record
			now     time.Duration
		)
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			in := nonsense(t, now)
			if i == 0 {
				in.Policy, in.Trial = p, true
				in.System.Reset = true
			}
			o := e.Step(in)
			for i, a := range o.Acts {
				tells := a.Verb == healers.VerbPage || a.Verb == healers.VerbNotify // which touches no system
				if a.Target.ID.Workload() != "orders" && !tells {
					t.Fatalf("%s %s is out of scope", a.Verb, a.Target)
				}
				if !o.Grant(i).Allows(a) || (healers.Grant{}).Allows(a) {
					t.Fatalf("the grant of %s is wrong", a.Verb)
				}
			}
			if o.Next != 0 && o.Next <= now {
				t.Fatalf("wants to be stepped at %v, and it is %v", o.Next, now)
			}
			if len(o.Records) > 100 {
				t.Fatalf("%d records in one step", len(o.Records))
			}
			for _, r := range o.Records {
				if healers.Text(r) == "" {
					t.Fatalf("no text for %+v", r)
				}
			}
			records = append(records, o.Records...)
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "wait"))
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				again := healers.New(1, healers.Checkpoint{})
				for _, r := range overTheWire(t, records) {
					again.Apply(r)
				}
				if a, b := e.Checkpoint(), again.Checkpoint(); !bytes.Equal(a.State, b.State) {
					t.Fatalf("the state is not the fold of the records:\n%s\n%s", a.State, b.State)
				}
				e = again
				e.Step(&healers.Input{Now: now, Policy: p, Trial: true})
			}
		}
	})
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
