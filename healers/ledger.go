package healers

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// mayServe tells whether an instance may be serving users, for all we know:
// acting on it may then cost them something.
func (e *Engine) mayServe(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Phase == sut.PhaseRunning && in.Rotation != sut.No && e.view.Ready(id) != sut.No
}

// takenAway tells whether an act that takes the instance away is under way, or was done
// and the system has not shown it yet: outcomes and news come by different ways.
func (e *Engine) takenAway(id sut.ID) bool {
	for _, a := range e.state.index.acts[id] {
		if a.Target.ID == id && (a.Verb.life() || a.Verb == verbRotateOut) {
			return true
		}
	}
	in := e.view.instances[id]
	for _, w := range e.state.index.works[id.Workload()] {
		if w.Began && w.takesAway() && in != nil && w.Acted == in.Target {
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
	name    sut.ID // of one that others declared, else of the workload
	own     bool   // it is the policy's
	healthy int64  // how many are available
	desired int64  // how many must be
	rotated int64  // how many users are sent to
	lenient bool   // an instance that is not ready may always be evicted
}

// budgetsOf are the budgets that hold for an instance: the policy's own, which is about
// its workload, and all that others declared. Each must allow an act, and an act is
// charged to all of them at once, since nothing else is decided in between.
//
// What they ask for is computed as policy/v1 does: of maxUnavailable and of percentages
// from the replicas that the workloads concerned are to have, rounded up, both; of
// minAvailable as it is.
func (e *Engine) budgetsOf(id sut.ID) []budget {
	s, ok := e.tallies.counted[id]
	if !ok {
		return nil
	}
	var all []budget
	if p, ok := e.view.Policy(id); ok {
		t := e.tallies.workload(s.workload)
		all = append(all, budget{
			name: sut.ID(s.workload), own: true, healthy: t.available, rotated: t.rotated,
			desired: floorOf(p.MinAvailable, p.MaxUnavailable, e.view.Desired(s.workload)),
			lenient: p.UnhealthyEviction == alwaysAllow,
		})
	}
	slices.Sort(s.budgets)
	for _, name := range s.budgets {
		b, t := e.view.budgets[name], e.tallies.budgets[name]
		expected := 0
		for w := range t.workloads { // a sum: the order does not matter
			expected += e.view.Desired(w)
		}
		if b.MinAvailable == "" && b.MaxUnavailable == "" {
			b.MaxUnavailable = "0" // one that asks for nothing allows nothing
		}
		all = append(all, budget{
			name: sut.ID(name), healthy: t.available, rotated: t.rotated, desired: floorOf(b.MinAvailable, b.MaxUnavailable, expected),
			lenient: b.UnhealthyEviction == alwaysAllow,
		})
	}
	return all
}

// alwaysAllow is the unhealthyPodEvictionPolicy of policy/v1 by which one that is not
// ready may go in any case.
const alwaysAllow = "AlwaysAllow"

// takes are the instances that an act takes from their users: the one it is about, and
// of an act on a node or a zone all that run there.
func (e *Engine) takes(a *Act) []sut.ID {
	switch a.Target.ID.Kind() {
	case sut.KindInstance:
		return []sut.ID{a.Target.ID}
	case sut.KindNode, sut.KindZone:
		var ids []sut.ID
		for id, in := range e.view.instances {
			if sut.NodeID(in.Node) == a.Target.ID || sut.ZoneID(in.Zone) == a.Target.ID {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		return ids
	case sut.KindWorkload, sut.KindLink, sut.KindVolume:
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
	type key struct {
		name sut.ID
		own  bool
	}
	taken := map[key]int64{}
	for _, id := range e.takes(a) {
		serves, all := e.mayServe(id), d.Verb == verbRotateOut && e.mostUnready(id)
		for _, b := range e.budgetsOf(id) {
			left, short := b.healthy, false
			switch {
			case serves:
				k := key{b.name, b.own}
				if e.tallies.counted[id].available {
					taken[k]++
				}
				left -= taken[k]
				short = left < b.desired
			case all:
				if left = b.rotated; e.tallies.counted[id].rotated {
					left--
				}
				short = left < b.desired
			case d.Verb.evicts() && !b.lenient:
				short = left < b.desired || left == 0 && b.desired == 0
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

// floorOf rounds as policy/v1 does: up, for both. What cannot be read forbids.
func floorOf(minAvailable, maxUnavailable string, desired int) int64 {
	switch {
	case minAvailable != "":
		return share(minAvailable, desired, math.Ceil, int64(desired))
	case maxUnavailable != "":
		return max(int64(desired)-share(maxUnavailable, desired, math.Ceil, 0), 0)
	default:
		return max(int64(desired)-1, 0)
	}
}

// atOnce is how many of a workload may be away at once: rounded down, at least one.
func atOnce(s string, desired int) int64 {
	if s == "" {
		s = "25%"
	}
	return max(share(s, desired, math.Floor, 1), 1)
}

// share reads a count ("2") or a share of all ("50%").
func share(s string, all int, round func(float64) float64, unreadable int64) int64 {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return unreadable
	case percent:
		return int64(round(float64(n) * float64(all) / 100))
	default:
		return int64(n)
	}
}
