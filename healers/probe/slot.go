package probe

import (
	"net"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// watched is an instance that the policy has probes for.
type watched struct {
	tracker Tracker
	hash    uint64     // spreads its looks: of the seed, the instance and life
	dialer  sut.Dialer // what the system offers for this incarnation; nil: ask it
	slots   []slot     // one for each of its probes
	life    int32      // which one of its incarnations seen by this runner, from 1
}

// slot is one probe of an instance's present incarnation, and when it is due next.
type slot struct {
	of      *watched
	look    *look         // under way; nil: none is
	kept    net.Conn      // left open by the last look; nil: none is
	first   time.Duration // since when it is wanted
	counted time.Duration // when an answer last counted
	due     time.Duration
	index   int32 // in the heap; -1: not there
	role    uint8
	wanted  bool
	seen    bool // there was a success
}

func newWatched(a *asked) *watched {
	w := &watched{tracker: Tracker{asked: a}, slots: make([]slot, 0, a.count())}
	for n, p := range a.probes {
		if p != nil {
			w.slots = append(w.slots, slot{of: w, role: uint8(n), index: -1})
		}
	}
	return w
}

func (s *slot) queued() bool { return s.index >= 0 }

func (s *slot) period() time.Duration {
	return seconds(s.of.tracker.asked.probes[s.role].PeriodSeconds)
}

// phase is where in its period a probe is asked, so that replicas are not asked in
// step.
func (s *slot) phase() time.Duration {
	period := s.period()
	phase := time.Duration(s.of.hash % uint64(period))
	if s.role == liveness {
		// Midway between two looks of a readiness probe of the same period: what
		// fails both crosses their thresholds in the same order in every run.
		phase = (phase + period/2) % period
	}
	return phase
}

// begin is when the first look is due.
func (s *slot) begin() time.Duration {
	if s.role == liveness {
		return s.tick(s.first)
	}
	return s.first + time.Duration(s.of.hash%uint64(soon))
}

// eager tells whether the slot is asked more often than its period says. A
// liveness probe never is: sooner answers would only kill sooner.
func (s *slot) eager(at time.Duration) bool {
	return s.impatient() && s.period() > eager && at < s.first+max(s.period(), eagerFor)
}

// impatient: it waits for its first success.
func (s *slot) impatient() bool { return s.role != liveness && !s.seen }

// after is when the next look is due, once one has ended at now. A tick that
// passed while the look was under way is made up for at once, one and not more,
// as by a [time.Ticker]: a time-out as long as the period must not halve the rate.
func (s *slot) after(now time.Duration) time.Duration {
	if s.eager(now) {
		return now + eager
	}
	if s.impatient() {
		// The first tick behind the eager looks is a whole period after the last
		// that counted.
		return max(s.tick(s.counted+s.period()-1), now)
	}
	return max(s.tick(s.due), now)
}

// tick is the first instant after t in the slot's own phase.
func (s *slot) tick(t time.Duration) time.Duration {
	period := s.period()
	behind := (t - s.phase()) % period
	if behind < 0 {
		behind += period
	}
	return t + period - behind
}

// counts tells whether an answer counts for the thresholds: what comes four times
// a second must not fill one that was meant for one each period.
func (s *slot) counts(r Result) bool {
	return r == Success || !s.impatient() || s.due >= s.counted+s.period()
}
