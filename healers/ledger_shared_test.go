package healers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// TestANodeIsChargedToEveryBudgetOrToNone: what runs on a node belongs to two workloads,
// each with a budget of its own, of which one is short.
func TestANodeIsChargedToEveryBudgetOrToNone(t *testing.T) {
	p := loose(2, nil)
	in := healers.Input{Policy: p, Trial: true, System: sut.Delta{
		Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: 3}, {Name: "w1", Desired: 2}},
		Budgets: []sut.Budget{{Name: "w0", MinAvailable: "2"}, {Name: "w1", MinAvailable: "2"}},
	}}
	for _, one := range []struct{ id, node sut.ID }{{"w0/0", "n"}, {"w0/1", "m"}, {"w0/2", "m"}, {"w1/0", "n"}, {"w1/1", "m"}} {
		i := sut.Instance{
			Target: sut.Target{ID: one.id, Incarnation: "1"}, Workload: one.id.Workload(), Node: string(one.node), Zone: "z",
			Phase: sut.PhaseRunning, Rotation: sut.Yes, Budgets: []string{one.id.Workload()},
		}
		in.System.Instances = append(in.System.Instances, i)
		in.Probes = append(in.Probes, says(probe.Readiness, probe.Success, i).Probes...)
	}
	e := healers.New(1, healers.Checkpoint{})
	e.Step(&in)
	healthy := func() [2]int64 {
		return [2]int64{healers.Budgets(e, "w0/1")[1].Healthy, healers.Budgets(e, "w1/1")[1].Healthy}
	}
	node, other := healers.Act{Verb: "reboot", Target: sut.Target{ID: "node:n"}}, healers.Act{Verb: "evict", Target: sut.Target{ID: "w0/1", Incarnation: "1"}}

	if d := healers.AskedOfBudget(e, node); d.Effect != healers.Defer || d.By != "budget:w1" || d.Have != 1 || d.Limit != 2 {
		t.Errorf("a node whose w1 is short: %+v", d)
	}
	if d := healers.AskedOfBudget(e, other); d.Effect != healers.Allow || healthy() != [2]int64{3, 2} {
		t.Errorf("the refusal took of w0: %+v with %v healthy", d, healthy())
	}

	e.Step(&healers.Input{System: sut.Delta{Rev: 2, Budgets: []sut.Budget{{Name: "w1", MinAvailable: "1"}}}})
	if d := healers.AskedOfBudget(e, node); d.Effect != healers.Allow {
		t.Errorf("a node whose budgets all allow it: %+v", d)
	}
	id := healers.Begin(e, node)
	if healthy() != [2]int64{2, 1} {
		t.Errorf("%v healthy while the node is down, want 2 and 1", healthy())
	}
	if d := healers.AskedOfBudget(e, other); d.Effect != healers.Defer || d.By != "budget:w0" || d.Have != 1 || d.Limit != 2 {
		t.Errorf("another of w0 while the node is down: %+v", d)
	}
	if healers.End(e, id, healers.ResultOK); healthy() != [2]int64{3, 2} {
		t.Errorf("%v healthy when it is back, want 3 and 2", healthy())
	}

	// One that moved to another node is no longer taken with the first; a zone takes all.
	moved := in.System.Instances[0]
	moved.Node = "m"
	e.Step(&healers.Input{System: sut.Delta{Rev: 3, Instances: []sut.Instance{moved}, Gone: []sut.ID{"w1/0"}}})
	if healers.Begin(e, node); healthy() != [2]int64{3, 1} {
		t.Errorf("%v healthy, and nothing is on the node", healthy())
	}
	zone := healers.Act{Verb: "shift", Target: sut.Target{ID: "zone:z"}}
	if d := healers.AskedOfBudget(e, zone); d.Effect != healers.Defer || d.Have != 1 || d.Limit != 2 {
		t.Errorf("a zone with all of w0: %+v", d)
	}
	if healers.Begin(e, zone); healthy() != [2]int64{} {
		t.Errorf("%v healthy in a zone that users are shifted from", healthy())
	}
}

// TestABudgetMayBeCalledAsAWorkload, and one that goes leaves the other.
func TestABudgetMayBeCalledAsAWorkload(t *testing.T) {
	start := func() *healers.Engine {
		e := healers.New(1, healers.Checkpoint{})
		e.Step(&healers.Input{Policy: loose(1, nil), Trial: true, System: sut.Delta{
			Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: 7}}, Budgets: []sut.Budget{{Name: "w0", MaxUnavailable: "1"}},
			Instances: []sut.Instance{{Target: sut.Target{ID: "w0/0", Incarnation: "1"}, Workload: "w0", Phase: sut.PhaseRunning, Budgets: []string{"w0"}}},
		}})
		return e
	}
	e := start()
	e.Step(&healers.Input{System: sut.Delta{Rev: 2, Gone: []sut.ID{"budget:w0"}}})
	if n, all := e.View().Desired("w0"), healers.Budgets(e, "w0/0"); n != 7 || len(all) != 1 {
		t.Errorf("the budget went: %d desired, want 7; budgets %+v, want the policy's", n, all)
	}
	e = start()
	e.Step(&healers.Input{System: sut.Delta{Rev: 2, Gone: []sut.ID{"w0"}}})
	if n, all := e.View().Desired("w0"), healers.Budgets(e, "w0/0"); n != 1 || len(all) != 2 || all[1].Name != "budget:w0" {
		t.Errorf("the workload went: %d desired, want 1; budgets %+v, want both", n, all)
	}
}

// TestABudgetOverTwoWorkloads asks for its share of what both are to have.
func TestABudgetOverTwoWorkloads(t *testing.T) {
	e := healers.New(1, healers.Checkpoint{})
	in := healers.Input{Policy: loose(2, nil), Trial: true, System: sut.Delta{
		Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: 4}, {Name: "w1", Desired: 0}},
		Budgets: []sut.Budget{{Name: "web", MaxUnavailable: "30%"}},
	}}
	for _, id := range []sut.ID{"w0/0", "w1/0"} {
		in.System.Instances = append(in.System.Instances, sut.Instance{
			Target: sut.Target{ID: id, Incarnation: "1"}, Workload: id.Workload(), Phase: sut.PhaseRunning, Budgets: []string{"web"},
		})
	}
	e.Step(&in)
	for _, row := range []struct {
		w1   int // is to have so many
		want int64
	}{{0, 2}, {3, 4}, {6, 7}} {
		e.Step(&healers.Input{System: sut.Delta{Rev: 2, Workloads: []sut.Workload{{Name: "w1", Desired: row.w1}}}})
		if got := healers.Budgets(e, "w0/0")[1].Desired; got != row.want {
			t.Errorf("with 4 and %d: %d must stay, want %d", row.w1, got, row.want)
		}
	}
}

// TestABudgetOverTwoWorkloadsIsAskedAgain when what it asks for, or has, is another on
// the side of the other workload.
func TestABudgetOverTwoWorkloadsIsAskedAgain(t *testing.T) {
	in := func(w string, n int, budgets ...string) sut.Instance {
		return sut.Instance{
			Target: sut.Target{ID: sut.InstanceID(w, n), Incarnation: "1"}, Workload: w, Phase: sut.PhaseRunning, Rotation: sut.Yes, Budgets: budgets,
		}
	}
	all := []sut.Instance{in("w0", 0, "web"), in("w0", 1, "web"), in("w1", 0, "web"), in("w1", 1, "web")}
	for _, row := range []struct {
		name string
		lift healers.Input
	}{
		{"another is back", says(probe.Readiness, probe.Success, all[3])},
		{"fewer are asked for", healers.Input{System: sut.Delta{Rev: 2, Workloads: []sut.Workload{{Name: "w1", Desired: 1}}}}},
		{"nobody says any more how many are, and there are fewer", healers.Input{System: sut.Delta{Rev: 2, Gone: []sut.ID{"w1", "w1/1"}}}},
		{"it no longer holds for the others", delta(in("w1", 0), in("w1", 1))},
		{"it asks for less", healers.Input{System: sut.Delta{Rev: 2, Budgets: []sut.Budget{{Name: "web", MaxUnavailable: "2"}}}}},
		{"it goes", healers.Input{System: sut.Delta{Rev: 2, Gone: []sut.ID{"budget:web"}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := healers.New(1, healers.Checkpoint{})
			var records []healers.Record
			step := func(i healers.Input) (acts []healers.Act) {
				o := e.Step(&i)
				records = append(records, o.Records...)
				return slices.Clone(o.Acts)
			}
			first := says(probe.Readiness, probe.Success, all[0], all[1], all[2])
			first.Policy, first.Trial = loose(2, nil), true
			first.System = sut.Delta{
				Reset: true, Rev: 1, Instances: all, Workloads: []sut.Workload{{Name: "w0", Desired: 2}, {Name: "w1", Desired: 2}},
				Budgets: []sut.Budget{{Name: "web", MaxUnavailable: "1"}},
			}
			step(first)
			if acts := step(at(time.Second, says(probe.Liveness, probe.Failure, all[0]))); len(acts) > 0 {
				t.Fatalf("beyond the budget it did %v:\n%s", acts, lines(records))
			}
			acts := step(at(2*time.Second, row.lift))
			if !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "restart" && a.Target.ID == "w0/0" }) {
				t.Errorf("it did %v:\n%s", acts, lines(records))
			}
		})
	}
}
