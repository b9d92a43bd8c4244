package run

import (
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Signal is what the driver tells the machine besides the time.
type Signal uint8

// The signals.
const (
	Tick    Signal = iota // only time has passed
	Done                  // what the phase waits for has happened
	Failed                // what the phase waits for cannot happen any more
	Stopped               // the run is to end early
)

// Times are how long the phases may last.
type Times struct {
	Baseline time.Duration // exactly, each
	// Baselines is how many there are at most, until one is steady. 0: one.
	Baselines int
	Inject    time.Duration // at most, until every fault is confirmed or given up
	Observe   time.Duration // exactly
	Revert    time.Duration // at most
	Settle    time.Duration // at most
	Audit     time.Duration // at most
}

// Phases is the order of a run: a value that knows where the run is, and a
// function that says where it goes. It has no clock and does nothing.
//
//	setup    done -> baseline
//	baseline in time -> inject; failed (not steady) -> baseline anew; the last -> audit
//	inject   done -> observe; failed or late (nothing to measure) -> revert
//	observe  in time, done -> revert
//	revert   done, failed, late -> settle
//	settle   done, late -> audit
//	audit    done, failed, late -> teardown
//	teardown done, failed -> the end, which is the empty phase
//
// Whoever is stopped goes to revert when something may be broken, else to
// teardown; a revert that follows a stop goes to teardown.
type Phases struct {
	Times Times
	Name  timeline.PhaseName
	Since time.Duration // on the run's clock
	// Unsteady is how many baselines were not steady.
	Unsteady int
	// Stopping: the run ends early.
	Stopping bool
}

// Begin is the first phase.
func Begin(t Times, now time.Duration) Phases {
	return Phases{Times: t, Name: timeline.PhaseSetup, Since: now}
}

// Ended tells whether the run is over.
func (p Phases) Ended() bool { return p.Name == "" }

// Lasts is how long the phase may last; 0: until it is done.
func (p Phases) Lasts() time.Duration {
	switch p.Name {
	case timeline.PhaseBaseline:
		return p.Times.Baseline
	case timeline.PhaseInject:
		return p.Times.Inject
	case timeline.PhaseObserve:
		return p.Times.Observe
	case timeline.PhaseRevert:
		return p.Times.Revert
	case timeline.PhaseSettle:
		return p.Times.Settle
	case timeline.PhaseAudit:
		return p.Times.Audit
	case timeline.PhaseSetup, timeline.PhaseTeardown:
		return 0
	default:
		return 0
	}
}

// Late tells whether the phase's time is over.
func (p Phases) Late(now time.Duration) bool { return p.Lasts() > 0 && now-p.Since >= p.Lasts() }

// After is where the run is after an action of its phase that ended with a signal,
// when the run is to be stopped or is not. first is true once in a run: the first
// time that it is to be stopped.
func (p Phases) After(now time.Duration, s Signal, stop bool) (next Phases, first bool) {
	if !stop || p.Stopping {
		return p.Next(now, s), false
	}
	if next = p.Next(now, Stopped); next.Name == p.Name {
		next = next.Next(now, s) // a phase that ends by itself: what it did counts
	}
	return next, true
}

// Next is where the run is after a signal; the same phase when nothing follows.
func (p Phases) Next(now time.Duration, s Signal) Phases {
	if s == Stopped {
		return p.stop(now)
	}
	ended := s == Done || s == Failed || p.Late(now)
	if !ended {
		return p
	}
	switch p.Name {
	case timeline.PhaseSetup:
		if s == Failed {
			return p.to(timeline.PhaseTeardown, now)
		}
		return p.to(timeline.PhaseBaseline, now)
	case timeline.PhaseBaseline:
		if s != Failed {
			return p.to(timeline.PhaseInject, now)
		}
		if p.Unsteady++; p.Unsteady < p.Times.Baselines {
			return p.to(timeline.PhaseBaseline, now)
		}
		return p.to(timeline.PhaseAudit, now)
	case timeline.PhaseInject:
		if s == Done {
			return p.to(timeline.PhaseObserve, now)
		}
		return p.to(timeline.PhaseRevert, now)
	case timeline.PhaseObserve:
		return p.to(timeline.PhaseRevert, now)
	case timeline.PhaseRevert:
		if p.Stopping {
			return p.to(timeline.PhaseTeardown, now)
		}
		return p.to(timeline.PhaseSettle, now)
	case timeline.PhaseSettle:
		return p.to(timeline.PhaseAudit, now)
	case timeline.PhaseAudit:
		return p.to(timeline.PhaseTeardown, now)
	case timeline.PhaseTeardown:
		return p.to("", now)
	default:
		return p.to("", now)
	}
}

func (p Phases) stop(now time.Duration) Phases {
	if p.Stopping {
		return p
	}
	p.Stopping = true
	switch p.Name {
	case timeline.PhaseInject, timeline.PhaseObserve:
		return p.to(timeline.PhaseRevert, now)
	case timeline.PhaseSetup, timeline.PhaseBaseline, timeline.PhaseSettle, timeline.PhaseAudit:
		return p.to(timeline.PhaseTeardown, now)
	case timeline.PhaseRevert, timeline.PhaseTeardown:
		return p // it ends by itself, and must
	default:
		return p
	}
}

func (p Phases) to(name timeline.PhaseName, now time.Duration) Phases {
	p.Name, p.Since = name, now
	return p
}
