package healers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// ward is a system of one workload, w0, and what others declared about it.
type ward struct {
	desired, instances, ready int
	untold                    bool         // the platform does not say how many are desired
	budgets                   []sut.Budget // each holds for every instance
	nodes                     []string     // of the instances, in turn
	own                       func(p *policy.Workload)
}

func (w ward) engine() *healers.Engine {
	p := loose(1, nil)
	p.Workloads[0].MinAvailable = "0"
	if w.own != nil {
		w.own(&p.Workloads[0])
	}
	in := healers.Input{Policy: p, Trial: true, System: sut.Delta{
		Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: w.desired}}, Budgets: w.budgets,
	}}
	if w.untold {
		in.System.Workloads = nil
	}
	names := []string{"nobody's"} // which nobody has declared
	for _, b := range w.budgets {
		names = append(names, b.Name, b.Name) // a list may say it twice
	}
	for i := range w.instances {
		one := sut.Instance{
			Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: fmt.Sprint(i)}, Workload: "w0",
			Phase: sut.PhaseRunning, Rotation: sut.Yes, Budgets: names,
		}
		if len(w.nodes) > 0 {
			one.Node = w.nodes[i%len(w.nodes)]
		}
		said := probe.Failure
		if i < w.ready {
			said = probe.Success
		}
		in.System.Instances = append(in.System.Instances, one)
		in.Probes = append(in.Probes, probe.Change{Target: one.Target, Role: probe.Readiness, Result: said, Since: time.Millisecond})
	}
	e := healers.New(1, healers.Checkpoint{})
	e.Step(&in)
	return e
}

func declared(minAvailable, maxUnavailable string) []sut.Budget {
	return []sut.Budget{{Name: "pdb", MinAvailable: minAvailable, MaxUnavailable: maxUnavailable}}
}

// TestBudgetsAreThoseOfPolicyV1 has the numbers of the disruption controller: healthy
// is what is ready, desired what must be.
func TestBudgetsAreThoseOfPolicyV1(t *testing.T) {
	for _, row := range []struct {
		name             string
		w                ward
		healthy, desired int64
	}{
		{"minAvailable 3, none ready", ward{desired: 4, instances: 4, ready: 0, budgets: declared("3", "")}, 0, 3},
		{"minAvailable 3, three ready", ward{desired: 4, instances: 4, ready: 3, budgets: declared("3", "")}, 3, 3},
		{"minAvailable 3, four ready", ward{desired: 4, instances: 4, ready: 4, budgets: declared("3", "")}, 4, 3},
		{"maxUnavailable 2 of 7", ward{desired: 7, instances: 7, ready: 7, budgets: declared("", "2")}, 7, 5},
		{"maxUnavailable 2 of 5", ward{desired: 5, instances: 5, ready: 5, budgets: declared("", "2")}, 5, 3},
		{"maxUnavailable 30 % of 7, rounded up to 3", ward{desired: 7, instances: 7, ready: 7, budgets: declared("", "30%")}, 7, 4},
		{"maxUnavailable 30 % of 3, rounded up to 1", ward{desired: 3, instances: 3, ready: 3, budgets: declared("", "30%")}, 3, 2},
		{"minAvailable 50 % of 7, rounded up to 4", ward{desired: 7, instances: 7, ready: 7, budgets: declared("50%", "")}, 7, 4},
		{"of what is to be there, not of what is", ward{desired: 7, instances: 5, ready: 5, budgets: declared("", "2")}, 5, 5},
		{"of none where none are asked for", ward{desired: 0, instances: 3, ready: 3, budgets: declared("", "1")}, 3, 0},
		{"a share of none", ward{desired: 0, instances: 3, ready: 3, budgets: declared("50%", "")}, 3, 0},
		{"of as many as there are where nobody says how many", ward{untold: true, instances: 4, ready: 4, budgets: declared("", "25%")}, 4, 3},
		{"unreadable: nothing may go", ward{desired: 3, instances: 3, ready: 3, budgets: declared("many", "")}, 3, 3},
	} {
		all := healers.Budgets(row.w.engine(), "w0/0")
		if len(all) != 2 || all[1].Name != "budget:pdb" || all[1].Healthy != row.healthy || all[1].Desired != row.desired {
			t.Errorf("%s: %+v, want %d healthy of %d", row.name, all, row.healthy, row.desired)
		}
	}
}

// TestLedger: one ledger over every kind of act, and every budget that applies.
func TestLedger(t *testing.T) {
	id := func(n int) sut.Target { return sut.Target{ID: sut.InstanceID("w0", n), Incarnation: fmt.Sprint(n)} }
	two := append(declared("", "1"), sut.Budget{Name: "other", MinAvailable: "3"})
	lenient := declared("3", "")
	lenient[0].UnhealthyEviction = "AlwaysAllow"
	for _, row := range []struct {
		name   string
		w      ward
		verb   healers.Verb
		target sut.Target
		effect healers.Effect
		have   int64
		limit  int64
		by     sut.ID
	}{
		{"a restart within the budget", ward{desired: 4, instances: 4, ready: 4, budgets: declared("3", "")}, "restart", id(0), healers.Allow, 0, 0, ""},
		{"a restart beyond it", ward{desired: 3, instances: 3, ready: 3, budgets: declared("3", "")}, "restart", id(0), healers.Defer, 2, 3, "budget:pdb"},
		{"an eviction beyond it", ward{desired: 3, instances: 3, ready: 3, budgets: declared("3", "")}, "evict", id(0), healers.Defer, 2, 3, "budget:pdb"},
		{"of two budgets both must allow", ward{desired: 3, instances: 3, ready: 3, budgets: two}, "evict", id(0), healers.Defer, 2, 3, "budget:other"},
		{"the policy's own is one of them", ward{desired: 3, instances: 3, ready: 3, own: func(p *policy.Workload) { p.MinAvailable = "3" }}, "replace", id(0), healers.Defer, 2, 3, "w0"},
		{"one that serves nobody is started again at no cost", ward{desired: 3, instances: 3, ready: 2, budgets: declared("3", "")}, "restart", id(2), healers.Allow, 0, 0, ""},
		{"one that is not ready is not evicted while too few are", ward{desired: 3, instances: 3, ready: 2, budgets: declared("3", "")}, "evict", id(2), healers.Defer, 2, 3, "budget:pdb"},
		{
			"and where the policy's own always allows it",
			ward{desired: 3, instances: 3, ready: 2, own: func(p *policy.Workload) { p.MinAvailable, p.UnhealthyEviction = "3", "AlwaysAllow" }},
			"evict", id(2), healers.Allow, 0, 0, "",
		},
		{
			"and not where it does not",
			ward{desired: 3, instances: 3, ready: 2, own: func(p *policy.Workload) { p.MinAvailable = "3" }},
			"evict", id(2), healers.Defer, 2, 3, "w0",
		},
		{"but where the budget always allows it", ward{desired: 3, instances: 3, ready: 2, budgets: lenient}, "evict", id(2), healers.Allow, 0, 0, ""},
		{"and while enough are", ward{desired: 4, instances: 4, ready: 3, budgets: declared("3", "")}, "evict", id(3), healers.Allow, 0, 0, ""},
		{
			"a reboot takes all of a node at once",
			ward{desired: 4, instances: 4, ready: 4, nodes: []string{"a", "b"}, budgets: declared("3", "")},
			"reboot",
			sut.Target{ID: sut.NodeID("a")},
			healers.Defer, 2, 3, "budget:pdb",
		},
		{
			"and may where others are left",
			ward{desired: 4, instances: 4, ready: 4, nodes: []string{"a", "b"}, budgets: declared("2", "")},
			"reboot",
			sut.Target{ID: sut.NodeID("a")},
			healers.Allow, 0, 0, "",
		},
		// Of a workload that is to have none policy/v1 allows nothing, but of a plain number.
		{"of none that are asked for none may go", ward{desired: 0, instances: 2, ready: 2, budgets: declared("", "1")}, "evict", id(0), healers.Defer, 1, 0, "budget:pdb"},
		{"nor one that is not ready", ward{desired: 0, instances: 2, ready: 1, budgets: declared("50%", "")}, "evict", id(1), healers.Defer, 1, 0, "budget:pdb"},
		{"a plain number is of what is there", ward{desired: 0, instances: 2, ready: 2, budgets: declared("1", "")}, "evict", id(0), healers.Allow, 0, 0, ""},
	} {
		d := healers.AskedOfBudget(row.w.engine(), healers.Act{Verb: row.verb, Target: row.target})
		if d.Effect != row.effect || d.Have != row.have || d.Limit != row.limit || d.By != row.by {
			t.Errorf("%s: %+v, want %v with %d of %d by %q", row.name, d, row.effect, row.have, row.limit, row.by)
		}
	}
}

// TestScaleDownIsCharged: which instances go is the platform's choice, so the worst is
// assumed; what is asked for is of the replicas that are to be left.
func TestScaleDownIsCharged(t *testing.T) {
	for _, row := range []struct {
		name        string
		w           ward
		args        string
		effect      healers.Effect
		have, limit int64
	}{
		{"within minAvailable", ward{desired: 5, instances: 5, ready: 5, budgets: declared("3", "")}, `{"replicas":3}`, healers.Allow, 0, 0},
		{"beyond it", ward{desired: 5, instances: 5, ready: 5, budgets: declared("4", "")}, `{"replicas":3}`, healers.Defer, 3, 4},
		{"maxUnavailable is of those that are to be left", ward{desired: 5, instances: 5, ready: 5, budgets: declared("", "1")}, `{"replicas":3}`, healers.Allow, 0, 0},
		{"and so is a percentage, rounded up", ward{desired: 5, instances: 5, ready: 5, budgets: declared("80%", "")}, `{"replicas":3}`, healers.Allow, 0, 0},
		{"those that are ready may be the ones that go", ward{desired: 5, instances: 5, ready: 3, budgets: declared("2", "")}, `{"replicas":3}`, healers.Defer, 1, 2},
		{"the policy's own budget holds too", ward{desired: 5, instances: 5, ready: 5, own: func(p *policy.Workload) { p.MinAvailable = "4" }}, `{"replicas":3}`, healers.Defer, 3, 4},
		{"a scale-up takes nothing", ward{desired: 3, instances: 3, ready: 3, budgets: declared("3", "")}, `{"replicas":9}`, healers.Allow, 0, 0},
		{"to none: a part of none is kept", ward{desired: 3, instances: 3, ready: 3, budgets: declared("50%", "")}, `{"replicas":0}`, healers.Allow, 0, 0},
		{"and all but some of none", ward{desired: 3, instances: 3, ready: 2, budgets: declared("", "1")}, `{"replicas":0}`, healers.Allow, 0, 0},
		{"also where none is ready", ward{desired: 3, instances: 3, budgets: declared("", "1")}, `{"replicas":0}`, healers.Allow, 0, 0},
		{"and what was asked for before", ward{desired: 0, instances: 3, ready: 3, budgets: declared("", "1")}, `{"replicas":0}`, healers.Allow, 0, 0},
		{"and not a plain number", ward{desired: 3, instances: 3, ready: 3, budgets: declared("1", "")}, `{"replicas":0}`, healers.Defer, 0, 1},
		{"nor the policy's own", ward{desired: 3, instances: 3, ready: 3, own: func(p *policy.Workload) { p.MinAvailable = "1" }}, `{"replicas":0}`, healers.Defer, 0, 1},
		{"what says no number is held to a part of none", ward{desired: 3, instances: 3, ready: 3, budgets: declared("", "1")}, `{}`, healers.Defer, 2, 0},
		{"no number is none", ward{desired: 3, instances: 3, ready: 3, budgets: declared("1", "")}, `{}`, healers.Defer, 0, 1},
		{"nor is what cannot be read", ward{desired: 3, instances: 3, ready: 3, budgets: declared("1", "")}, `{"replicas":"x"}`, healers.Defer, 0, 1},
	} {
		d := healers.AskedOfBudget(row.w.engine(), healers.Act{Verb: "scale", Target: sut.Target{ID: "w0"}, Args: []byte(row.args)})
		if d.Effect != row.effect || d.Have != row.have || d.Limit != row.limit {
			t.Errorf("%s: %+v, want %v with %d of %d", row.name, d, row.effect, row.have, row.limit)
		}
	}
}

// TestWhatIsUnderWayIsCharged: a drain is a row of evictions, a rolling upgrade one of
// replacements; each is charged while those before it are not back.
func TestWhatIsUnderWayIsCharged(t *testing.T) {
	at := func(n int) sut.Target { return sut.Target{ID: sut.InstanceID("w0", n), Incarnation: fmt.Sprint(n)} }
	for _, verb := range []healers.Verb{"evict", "replace", "restart", "rotateOut"} {
		e := ward{desired: 4, instances: 4, ready: 4, budgets: declared("2", "")}.engine()
		var first healers.ActID
		for n := range 2 {
			a := healers.Act{Verb: verb, Target: at(n)}
			if d := healers.AskedOfBudget(e, a); d.Effect != healers.Allow {
				t.Errorf("%s %d: %+v", verb, n, d)
			}
			if id := healers.Begin(e, a); n == 0 {
				first = id
			}
		}
		next := healers.Act{Verb: verb, Target: at(2)}
		if d := healers.AskedOfBudget(e, next); d.Effect != healers.Defer || d.Have != 1 || d.Limit != 2 {
			t.Errorf("a third %s: %+v, want that it waits with 1 of 2", verb, d)
		}
		if healers.End(e, first, healers.ResultFailed); healers.AskedOfBudget(e, next).Effect != healers.Allow {
			t.Errorf("a third %s is still held back when the first has come to nothing", verb)
		}
	}
	e := ward{desired: 5, instances: 5, ready: 5, budgets: declared("", "1")}.engine()
	healers.Begin(e, healers.Act{Verb: "scale", Target: sut.Target{ID: "w0"}, Args: []byte(`{"replicas":3}`)})
	if d := healers.AskedOfBudget(e, healers.Act{Verb: "evict", Target: at(0)}); d.Effect != healers.Allow {
		t.Errorf("one of three that stay: %+v", d)
	}
	healers.Begin(e, healers.Act{Verb: "evict", Target: at(0)})
	if d := healers.AskedOfBudget(e, healers.Act{Verb: "evict", Target: at(1)}); d.Effect != healers.Defer || d.Have != 1 || d.Limit != 2 {
		t.Errorf("two of three that stay: %+v", d)
	}
	e = ward{desired: 2, instances: 2, ready: 2, budgets: declared("", "1")}.engine()
	healers.Begin(e, healers.Act{Verb: "scale", Target: sut.Target{ID: "w0"}, Args: []byte(`{"replicas":0}`)})
	if d := healers.AskedOfBudget(e, healers.Act{Verb: "evict", Target: at(0)}); d.Effect != healers.Defer {
		t.Errorf("one of those that are scaled away all: %+v", d)
	}
}
