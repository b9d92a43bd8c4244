package healers

import (
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// standing is what one instance counts for. Counts are kept up as instances change, so
// that a question of the guard costs nothing that grows with the fleet.
type standing struct {
	workload string
	desired  int      // of the workload
	budgets  []string // those that others declared and that hold for it
	covered  bool     // by the policy
	running  bool
	// ready is known, notReady too; unready is that although it lives, and rotated is that
	// users are sent to it.
	ready, notReady, unready, rotated bool
	// available is known to serve users: it runs, is ready, is not out of rotation, and
	// no act that takes it away is under way.
	available bool
	// unhealthy: something is open about it that healing is for.
	unhealthy bool
	// probed are its probes, and blind those that the prober itself could not carry out.
	probed, blind int64
}

// tally is the sum over some instances.
type tally struct {
	instances, running, ready, notReady, unready, rotated, available int64
	covered, unhealthy, probed, blind                                int64
	workloads                                                        map[string]int64 // of the instances, by name
}

func (t *tally) add(s *standing, n int64) {
	count := func(what bool, into *int64) {
		if what {
			*into += n
		}
	}
	t.instances += n
	count(s.running, &t.running)
	count(s.ready, &t.ready)
	count(s.notReady, &t.notReady)
	count(s.unready, &t.unready)
	count(s.rotated, &t.rotated)
	count(s.available, &t.available)
	count(s.covered, &t.covered)
	count(s.unhealthy, &t.unhealthy)
	t.probed += n * s.probed
	t.blind += n * s.blind
	if t.workloads != nil {
		if t.workloads[s.workload] += n; t.workloads[s.workload] == 0 {
			delete(t.workloads, s.workload)
		}
	}
}

// tallies are the sums that the guard asks for. They are derived: nothing of them is
// durable.
type tallies struct {
	stale     map[sut.ID]struct{} // instances to count anew
	counted   map[sut.ID]standing
	workloads map[string]*tally
	budgets   map[string]*tally
	all       tally
	// readySince is since when a workload has had a ready instance.
	readySince map[string]time.Duration
}

func newTallies() tallies {
	return tallies{
		stale: map[sut.ID]struct{}{}, counted: map[sut.ID]standing{},
		workloads: map[string]*tally{}, budgets: map[string]*tally{}, readySince: map[string]time.Duration{},
	}
}

// count brings the sums up to date with what changed.
func (e *Engine) count() {
	t := &e.tallies
	if len(t.stale) == 0 {
		return
	}
	// All first and the sums after: between the two a sum would be of no moment.
	touched := map[string]struct{}{}
	for id := range t.stale { // sums: the order does not matter
		old, was := t.counted[id]
		if was {
			t.add(&old, -1)
			touched[old.workload] = struct{}{}
			delete(t.counted, id)
		}
		s, is := e.standing(id)
		if is {
			t.counted[id] = s
			t.add(&s, 1)
			touched[s.workload] = struct{}{}
		}
		// A budget may be about others too.
		if old.available != s.available || old.desired != s.desired || !slices.Equal(old.budgets, s.budgets) {
			e.askAll(old.budgets)
			e.askAll(s.budgets)
		}
	}
	clear(t.stale)
	for w := range touched { // each by itself: the order does not matter
		switch _, known := t.readySince[w]; {
		case t.workload(w).ready == 0 && known:
			delete(t.readySince, w)
		case t.workload(w).ready > 0 && !known:
			t.readySince[w] = e.view.now
		}
	}
}

// askAll has the works of all workloads that budgets are about asked again.
func (e *Engine) askAll(budgets []string) {
	for _, b := range budgets {
		if sum := e.tallies.budgets[b]; sum != nil {
			for w := range sum.workloads { // into a set: the order does not matter
				e.touched[w] = struct{}{}
			}
		}
	}
}

func (t *tallies) add(s *standing, n int64) {
	t.all.add(s, n)
	sum := t.workloads[s.workload]
	if sum == nil {
		sum = &tally{}
		t.workloads[s.workload] = sum
	}
	if sum.add(s, n); sum.instances == 0 {
		delete(t.workloads, s.workload)
	}
	for _, b := range s.budgets {
		sum := t.budgets[b]
		if sum == nil {
			sum = &tally{workloads: map[string]int64{}}
			t.budgets[b] = sum
		}
		if sum.add(s, n); sum.instances == 0 {
			delete(t.budgets, b)
		}
	}
}

// workload is the sum over a workload's instances.
func (t *tallies) workload(name string) tally {
	if sum := t.workloads[name]; sum != nil {
		return *sum
	}
	return tally{}
}

// standing is what an instance counts for now; false: it is not there.
func (e *Engine) standing(id sut.ID) (standing, bool) {
	in := e.view.instances[id]
	if in == nil {
		return standing{}, false
	}
	p, covered := e.view.Policy(id)
	s := standing{workload: in.Workload, desired: e.view.Desired(in.Workload), covered: covered, running: in.Phase == sut.PhaseRunning}
	for _, name := range in.Budgets {
		if _, declared := e.view.budgets[name]; declared && !slices.Contains(s.budgets, name) {
			s.budgets = append(s.budgets, name)
		}
	}
	ready := e.view.Ready(id)
	s.ready = s.running && ready == sut.Yes
	s.notReady = s.running && e.view.Has(FindingNotReady, id)
	s.unready = s.notReady && !e.view.Has(FindingNotLive, id)
	taken := e.takenAway(id)
	s.rotated = s.running && in.Rotation == sut.Yes && !taken
	s.available = s.ready && in.Rotation != sut.No && !taken
	ended := e.view.Has(FindingExited, id)
	if ended && covered {
		if rule, ok := p.Restart.On(in.LastExit); ok && rule.Do == policy.DoNever {
			ended = false // as it should be
		}
	}
	s.unhealthy = covered && (ended || e.view.Has(FindingNotLive, id) || e.view.Has(FindingNotReady, id))
	if covered && s.running {
		for _, x := range []struct {
			asked bool
			said  Probe
		}{{p.Liveness != nil, in.Liveness}, {p.Readiness != nil, in.Readiness}} {
			if x.asked {
				s.probed++
			}
			if x.asked && x.said.blind() {
				s.blind++
			}
		}
	}
	return s, true
}

// blind: the prober said that it could not look, which is not the silence of the
// beginning.
func (p Probe) blind() bool { return p.Result == probe.Unknown && p.Since > 0 }
