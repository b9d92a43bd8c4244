package healers

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// available tells whether an instance is known to serve users: it runs, is
// ready, is not out of rotation, and no act that takes it away is under way.
func (e *Engine) available(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Phase == sut.PhaseRunning && in.Rotation != sut.No && e.view.Ready(id) == sut.Yes && !e.takenAway(id)
}

// mayServe tells whether an instance may be serving users, for all we know:
// acting on it may then cost them something.
func (e *Engine) mayServe(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Phase == sut.PhaseRunning && in.Rotation != sut.No && e.view.Ready(id) != sut.No
}

func (e *Engine) takenAway(id sut.ID) bool {
	for _, a := range e.state.Acts {
		if a.Target.ID == id && (a.Verb.life() || a.Verb == verbRotateOut) {
			return true
		}
	}
	return false
}

// left counts the instances of a workload besides id that are counted by ok.
func (e *Engine) left(id sut.ID, ok func(sut.ID) bool) int64 {
	var n int64
	for _, other := range e.view.Members(id.Workload()) {
		if other != id && ok(other) {
			n++
		}
	}
	return n
}

// inRotation: users are sent there, and it is not being taken out.
func (e *Engine) inRotation(id sut.ID) bool {
	in := e.view.instances[id]
	return in != nil && in.Phase == sut.PhaseRunning && in.Rotation == sut.Yes && !e.takenAway(id)
}

// unready counts the running instances of a workload, and those of them that are
// known not to be ready though they live: what a shared dependency makes of them.
func (e *Engine) unready(workload string) (unready, running int64) {
	for _, id := range e.view.Members(workload) {
		in := e.view.instances[id]
		if in.Phase != sut.PhaseRunning {
			continue
		}
		running++
		if e.view.Has(FindingNotReady, id) && !e.view.Has(FindingNotLive, id) {
			unready++
		}
	}
	return unready, running
}

// readySince is when the first of a workload's ready instances became so; 0: nobody
// knows when. false: none is known to be ready.
func (e *Engine) readySince(workload string) (since time.Duration, ready bool) {
	for _, id := range e.view.Members(workload) {
		if e.view.Ready(id) != sut.Yes {
			continue
		}
		if in := e.view.instances[id]; !ready || in.Readiness.Since < since {
			since = in.Readiness.Since
		}
		ready = true
	}
	return since, ready
}

// floor is the least number of instances of a workload that must stay available:
// the strictest of the policy's budget and of those that others declared.
func (e *Engine) floor(id sut.ID) int64 {
	in := e.view.instances[id.Instance()]
	if in == nil {
		return 0
	}
	desired := e.view.Desired(in.Workload)
	var least int64
	if w, ok := e.view.Policy(id); ok {
		least = floorOf(w.MinAvailable, w.MaxUnavailable, desired)
	}
	for _, b := range e.view.budgets { // a maximum: the order does not matter
		if e.view.matches(b.Selector, in) {
			least = max(least, floorOf(b.MinAvailable, b.MaxUnavailable, desired))
		}
	}
	return least
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
