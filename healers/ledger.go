package healers

import (
	"iter"
	"maps"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// mayServe tells whether an instance may be serving users, for all we know:
// acting on it may then cost them something.
func (e *Engine) mayServe(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Phase == sut.PhaseRunning && in.Rotation != sut.No && e.view.Ready(id) != sut.No
}

// takenAway tells whether an act that takes the instance away is under way, on it or on
// all of its node or zone, or was done and the system has not shown it yet: outcomes and
// news come by different ways.
func (e *Engine) takenAway(id sut.ID) bool {
	in := e.view.instances[id]
	if in == nil {
		return false
	}
	for _, at := range [...]sut.ID{id, sut.NodeID(in.Node), sut.ZoneID(in.Zone)} {
		for _, a := range e.state.index.acts[at] {
			if a.Target.ID == at && a.Verb.disrupts() {
				return true
			}
		}
	}
	for _, w := range e.state.index.works[id.Workload()] {
		if w.Began && w.takesAway() && w.Acted == in.Target {
			return true
		}
	}
	return false
}

// takesAway: the work is to end a life of its target, or to send it no users.
func (w *Work) takesAway() bool {
	return w.life() || len(w.Plan.Steps) > 0 && w.Plan.Steps[0].Verb == verbRotateOut
}

// budget is one disruption budget as it stands for an act.
type budget struct {
	name                         sut.ID // of one that others declared, else of the workload
	minAvailable, maxUnavailable string
	expected                     int   // what percentages and maxUnavailable are of
	healthy                      int64 // how many are available
	desired                      int64 // how many must be
	rotated                      int64 // how many users are sent to
	lenient                      bool  // an instance that is not ready may always be evicted
}

// none: the budget is a part of nothing, which allows nothing, as policy/v1 has it. A
// scale-down to nothing is another thing: that there is nothing is what it asks for, and a
// part of that is kept. A plain number holds it back as ever.
func (b *budget) none() bool {
	return b.expected == 0 && (b.minAvailable == "" || isShare(b.minAvailable))
}

// budgetsOf are the budgets that hold for an instance: the policy's own, which is about
// its workload, and all that others declared. Each must allow an act, and an act is
// charged to all of them at once, since nothing else is decided in between.
//
// What they ask for is computed as policy/v1 does: of maxUnavailable and of percentages
// from the replicas that the workloads concerned are to have, rounded up, both; of
// minAvailable as it is. A scale-down is judged by the replicas that are to be left; a is
// the act that is asked about, nil for none.
func (e *Engine) budgetsOf(id sut.ID, a *Act) []budget {
	s, ok := e.tallies.counted[id]
	if !ok {
		return nil
	}
	var all []budget
	if p, ok := e.view.Policy(id); ok {
		b := budget{name: sut.ID(s.workload), minAvailable: p.MinAvailable, maxUnavailable: p.MaxUnavailable, lenient: p.UnhealthyEviction == alwaysAllow}
		if b.minAvailable == "" && b.maxUnavailable == "" {
			b.maxUnavailable = "1" // as a policy says that leaves it out
		}
		all = append(all, e.stand(b, e.tallies.workload(s.workload), a, slices.Values([]string{s.workload})))
	}
	for _, name := range s.budgets {
		d, t := e.view.budgets[name], e.tallies.budgets[name]
		b := budget{name: sut.BudgetID(name), minAvailable: d.MinAvailable, maxUnavailable: d.MaxUnavailable, lenient: d.UnhealthyEviction == alwaysAllow}
		if b.minAvailable == "" && b.maxUnavailable == "" {
			b.maxUnavailable = "0" // one that asks for nothing allows nothing
		}
		all = append(all, e.stand(b, *t, a, maps.Keys(t.workloads)))
	}
	return all
}

// stand fills in how a budget over some workloads stands. They are added up: their order
// does not matter.
func (e *Engine) stand(b budget, t tally, a *Act, workloads iter.Seq[string]) budget {
	b.healthy, b.rotated = t.available, t.rotated
	for w := range workloads {
		b.expected += e.planned(w, a)
		b.healthy -= min(e.scaledAway(w), b.healthy)
	}
	b.desired = floorOf(b.minAvailable, b.maxUnavailable, b.expected)
	return b
}

// alwaysAllow is the unhealthyPodEvictionPolicy of policy/v1 by which one that is not
// ready may go in any case.
const alwaysAllow = "AlwaysAllow"

// takes are the instances that an act takes from their users: the one it is about, of an
// act on a node or a zone all that run there, of a scale-down those that go.
func (e *Engine) takes(a *Act) []sut.ID {
	switch id := a.Target.ID; id.Kind() {
	case sut.KindInstance:
		return []sut.ID{id}
	case sut.KindNode, sut.KindZone:
		return e.view.placed[id]
	case sut.KindWorkload:
		return e.leaving(a)
	case sut.KindLink, sut.KindVolume, sut.KindBudget, sut.KindTraffic:
	}
	return nil
}

// byBudget keeps a minimum of instances available over every kind of act that takes one
// away. One that serves nobody costs nothing to start again, with one exception: when
// most of a workload turned unready though they live, a shared dependency is suspected,
// and no more are taken out of rotation than leave the minimum in it. To evict one that
// is not ready is another thing, for which policy/v1 has its own rule.
func byBudget(e *Engine, d *Decision, a *Act, _ *Work) bool {
	if !d.Verb.disrupts() {
		return false
	}
	taken, empties := map[sut.ID]int64{}, a.empties() // by budget
	for _, id := range e.takes(a) {
		serves, all := e.mayServe(id), d.Verb == verbRotateOut && e.mostUnready(id)
		for _, b := range e.budgetsOf(id, a) {
			left, short := b.healthy, false
			switch {
			case serves:
				if e.tallies.counted[id].available {
					taken[b.name]++
				}
				left -= taken[b.name]
				short = left < b.desired || b.none() && !empties
			case all:
				if left = b.rotated; e.tallies.counted[id].rotated {
					left--
				}
				short = left < b.desired
			case d.Verb.evicts() && !b.lenient:
				short = left < b.desired || !empties && (left == 0 && b.desired == 0 || b.none())
			}
			if short {
				d.By = b.name
				return d.bind(Defer, left, b.desired)
			}
		}
	}
	return false
}

// mostUnready: the instance is unready though it lives, and so are most of its kind.
// One that fails its liveness probe lives too where what it shares is suspected.
func (e *Engine) mostUnready(id sut.ID) bool {
	name := id.Workload()
	t := e.tallies.workload(name)
	_, shared := e.state.Findings[keyOf(FindingShared, sut.ID(name), "")]
	n := t.unready
	if shared {
		n = t.notReady
	}
	return e.view.Has(FindingNotReady, id) && (shared || !e.view.Has(FindingNotLive, id)) && n >= 2 && 2*n > t.running
}
