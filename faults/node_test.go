package faults_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func TestPlanNodes(t *testing.T) {
	for name, c := range map[string]struct {
		target  faults.Selector
		percent int
		want    []sut.ID
	}{
		"where an instance of a workload runs": {target: faults.Selector{Workload: "orders"}, want: []sut.ID{"node:@orders/2"}},
		"where named instances run":            {target: faults.Selector{Instances: []sut.ID{"orders/0", "orders/2"}}, percent: 100, want: []sut.ID{"node:@orders/0", "node:@orders/2"}},
		"where one of a zone runs":             {target: faults.Selector{Workload: "orders", Zone: "b"}, want: []sut.ID{"node:@orders/1"}},
		"named":                                {target: faults.Selector{Node: "worker-1"}, want: []sut.ID{"node:worker-1"}},
		"of a zone, one":                       {target: faults.Selector{Zone: "a"}, want: []sut.ID{"node:@zone=a/0"}},
		"of a zone, two":                       {target: faults.Selector{Zone: "a", Count: 2}, want: []sut.ID{"node:@zone=a/0", "node:@zone=a/1"}},
		"that runs one and spares others": {
			target: faults.Selector{Workload: "orders", Zone: "a", Spare: []string{"wide", "store", "wide"}},
			want:   []sut.ID{"node:@workload=orders,zone=a,spare=store+wide/0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := faults.Plan([]faults.Spec{{Fault: "node-stop", Target: c.target, MaxPercent: c.percent}}, 7, snapshot())
			if err != nil {
				t.Fatal(err)
			}
			var got []sut.ID
			for _, i := range s.Items {
				got = append(got, i.Target)
				if i.Target.Kind() != sut.KindNode {
					t.Errorf("%s is a %s", i.Target, i.Target.Kind())
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("targets %v, want %v", got, c.want)
			}
		})
	}
}

func TestPlanRefusesNodes(t *testing.T) {
	for want, target := range map[string]faults.Selector{
		`target.workload: drain breaks nodes: name a workload that runs on them, a zone, or a node`:                     {},
		`target.workload: no target: the system has no workload "ordrs"`:                                                {Workload: "ordrs"},
		`target.spare: no target: the system has no workload "stor"`:                                                    {Workload: "orders", Spare: []string{"stor"}},
		`target.spare: orders is what the node must run, and must not`:                                                  {Workload: "orders", Spare: []string{"orders"}},
		`target.spare: instances that are named decide on the node: give workload and spare, or instances`:              {Instances: []sut.ID{"orders/0"}, Spare: []string{"store"}},
		`target.node: a node that is named is hit outright: give nothing beside it`:                                     {Node: "a", Count: 1},
		`target.node: "@orders/1" is no name of a node`:                                                                 {Node: "@orders/1"},
		`target.percent: how many nodes there are is not known before: give a count`:                                    {Zone: "a", Percent: 0.5},
		`target: scope is too wide: 2 of 3 matching instances, at most 50 % (1) may be hit; maxPercent: 100 allows all`: {Workload: "orders", Count: 2},
		`target.to: drain does not break links`:                                                                         {Workload: "orders", To: "store"},
		`target.volume: drain does not break volumes`:                                                                   {Workload: "orders", Volume: "data"},
	} {
		_, err := faults.Plan([]faults.Spec{{Fault: "drain", Target: target}}, 7, snapshot())
		if err == nil || err.Error() != "faults[0]."+want {
			t.Errorf("got  %v\nwant faults[0].%s", err, want)
		}
	}
	for want, target := range map[string]faults.Selector{
		`target.node: kill does not break nodes`:  {Workload: "orders", Node: "a"},
		`target.spare: kill does not break nodes`: {Workload: "orders", Spare: []string{"store"}},
	} {
		_, err := faults.Plan([]faults.Spec{{Fault: "kill", Target: target}}, 7, snapshot())
		if err == nil || err.Error() != "faults[0]."+want {
			t.Errorf("got  %v\nwant faults[0].%s", err, want)
		}
	}
}

// cluster is three workers in two zones and the node of the control plane.
func cluster() *faulttest.Memory {
	m := faulttest.NewMemory([]sut.ID{"orders/0", "orders/1", "orders/2", "store/0", "gateway/0"}, "store/0:data")
	m.Node(faulttest.Control, "a", "gateway/0")
	m.Node("w1", "a", "orders/0", "store/0")
	m.Node("w2", "b", "orders/1")
	m.Node("w3", "b", "orders/2")
	return m
}

func nodeItem(id, fault string, target sut.ID) faults.Item {
	return faults.Item{ID: id, Fault: fault, Target: target}
}

func TestInjectorFindsTheNode(t *testing.T) {
	for name, c := range map[string]struct {
		items []faults.Item
		want  []sut.ID // that are hit, sorted; nil: none
		says  string   // of the failure
	}{
		"of an instance":          {items: []faults.Item{nodeItem("1", "node-stop", "node:@orders/1")}, want: []sut.ID{"node:w2"}},
		"named":                   {items: []faults.Item{nodeItem("1", "node-freeze", "node:w3")}, want: []sut.ID{"node:w3"}},
		"drained":                 {items: []faults.Item{nodeItem("1", "drain", "node:@orders/2")}, want: []sut.ID{"node:w3"}},
		"never the control plane": {items: []faults.Item{nodeItem("1", "node-stop", "node:@zone=a/0")}, want: []sut.ID{"node:w1"}},
		"two of a zone": {
			items: []faults.Item{nodeItem("1", "node-stop", "node:@zone=b/0"), nodeItem("2", "node-stop", "node:@zone=b/1")},
			want:  []sut.ID{"node:w2", "node:w3"},
		},
		"that spares":         {items: []faults.Item{nodeItem("1", "node-stop", "node:@workload=orders,zone=a,spare=gateway/0")}, want: []sut.ID{"node:w1"}},
		"none that spares":    {items: []faults.Item{nodeItem("1", "node-stop", "node:@workload=orders,zone=a,spare=store/0")}, says: "0 nodes match workload=orders,zone=a,spare=store"},
		"of the control only": {items: []faults.Item{nodeItem("1", "node-stop", "node:@gateway/0")}, says: "it runs the control plane"},
		"that there is not":   {items: []faults.Item{nodeItem("1", "node-stop", "node:w9")}, says: "node:w9 is not there"},
		"of nobody":           {items: []faults.Item{nodeItem("1", "node-stop", "node:@orders/9")}, says: "orders/9 is not there"},
		"that another has": {
			items: []faults.Item{nodeItem("1", "node-stop", "node:@orders/0"), {ID: "2", Fault: "node-stop", Target: "node:w1", At: time.Second}},
			want:  []sut.ID{"node:w1"}, says: "fault 1 breaks the same target",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := play(t, cluster(), c.items...)
				after(10 * time.Second)
				var hit []sut.ID
				said := ""
				for _, e := range p.events {
					switch {
					case strings.HasSuffix(string(e.State), "active"):
						hit = append(hit, e.Target.ID)
					case string(e.State) == "failed":
						said = e.Proof
					}
				}
				slices.Sort(hit)
				if !slices.Equal(hit, c.want) {
					t.Errorf("hit %v, want %v: %s", hit, c.want, said)
				}
				if c.says == "" && said != "" || !strings.Contains(said, c.says) {
					t.Errorf("failed with %q, want %q", said, c.says)
				}
				p.clean(t)
			})
		})
	}
}

func TestInjectorKeepsTheNodeItFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, cluster(), nodeItem("1", "node-stop", "node:@orders/1"))
		after(5 * time.Second)
		p.memory.Remove("orders/1") // its pod was evicted: the node is down all the same
		after(5 * time.Second)
		if got := p.memory.Broken(); !slices.Equal(got, []string{"node-stop node:w2"}) {
			t.Errorf("broken: %v", got)
		}
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 active@0s", "1 reverted@10s")
	})
}

func TestPodKillIsOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("pod-kill", "orders/1", time.Second, 0))
		after(10 * time.Second)
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s")
		if proof := p.events[1].Proof; !strings.Contains(proof, "is gone from the system") {
			t.Errorf("proof %q", proof)
		}
	})
}

func TestPodKillNeedsAWitness(t *testing.T) {
	def, _ := faults.Lookup("pod-kill")
	f, err := def.New(json.RawMessage(`{"grace":"30s"}`))
	if err != nil {
		t.Fatal(err)
	}
	m := memory()
	target := m.Snapshot().Instances[0].Target
	i, err := f.Inject(t.Context(), faults.Env{Harm: m.Offer, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := i.Active(t.Context()); err != nil || e.Observed || !strings.Contains(e.Proof, "nobody watches") {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := def.New(json.RawMessage(`{"grace":"31s"}`)); !errors.Is(err, faults.ErrArgs) {
		t.Errorf("a grace of 31s: %v", err)
	}
}

func TestLacking(t *testing.T) {
	plan := func(items ...faults.Item) faults.Schedule { return faults.Schedule{Items: items} }
	for name, c := range map[string]struct {
		plan  faults.Schedule
		lacks sut.ID // empty: nothing
	}{
		"nothing":                   {plan: plan(nodeItem("1", "hang", "orders/0"), nodeItem("2", "placebo", "orders/0"))},
		"a node that is found":      {plan: plan(nodeItem("1", "node-stop", "node:@orders/0"))},
		"the control plane":         {plan: plan(nodeItem("1", "node-stop", "node:@gateway/0")), lacks: sut.NodeID(faulttest.Control)},
		"a node that is not there":  {plan: plan(nodeItem("1", "hang", "orders/0"), nodeItem("2", "drain", "node:w9")), lacks: "node:w9"},
		"what matches nothing":      {plan: plan(nodeItem("1", "drain", "node:@zone=z/0")), lacks: "node:@zone=z/0"},
		"a verb of something else":  {plan: plan(nodeItem("1", "partition", "orders/0")), lacks: "orders/0"},
		"whatever nobody registers": {plan: plan(nodeItem("1", "boil", "orders/0"))},
	} {
		t.Run(name, func(t *testing.T) {
			err := faults.Lacking(t.Context(), cluster(), c.plan)
			missing, ok := errors.AsType[*sut.Missing](err)
			if ok != (c.lacks != "") || ok && missing.Target != c.lacks || !ok && err != nil {
				t.Errorf("got %v, want that %q is missing", err, c.lacks)
			}
		})
	}
	if err := faults.Lacking(t.Context(), blind{cluster()}, plan()); err == nil || !strings.Contains(err.Error(), "connection lost") {
		t.Errorf("a system that cannot be watched: %v", err)
	}
}

func TestScheduleIsAsPatientAsItsSlowestFault(t *testing.T) {
	quick := faults.Schedule{Items: []faults.Item{{Fault: "kill"}}}
	slow := faults.Schedule{Items: []faults.Item{{Fault: "kill"}, {Fault: "drain"}, {Fault: "node-stop"}}}
	if got := quick.ConfirmWithin(time.Second); got != time.Second {
		t.Errorf("kill: %s", got)
	}
	if c, r := slow.ConfirmWithin(time.Second), slow.RevertWithin(time.Second); c < 30*time.Second || r < time.Minute {
		t.Errorf("a drain is confirmed within %s, a node is back within %s", c, r)
	}
}
