package breaker

import (
	"math/bits"
	"slices"
	"time"
)

// recovery is what a breaker needs on its way back: trials, then the ramp.
type recovery struct {
	delay  time.Duration // it was open for, without jitter
	leases []lease       // of the trials that are out, the first to expire first
	passed int           // trials
	retry  time.Duration // when the gate may let one through
	share  uint64        // of a call, that the ramp still owes
}

// lease is a trial's leave to keep others waiting, until a time.
type lease struct {
	serial uint32
	until  time.Duration
}

// lease takes one, and gives its serial number, 0 if there is none to have.
func (c *Core) lease(now, raw time.Duration) uint32 {
	s, r := c.set.Value(), c.recovery
	if s.probeOnly || len(r.leases) >= s.trials {
		return 0
	}
	if c.extra != nil && c.extra.gate != nil { // last: leave to try is not to be wasted
		if wait := c.extra.gate.Take(raw); wait > 0 {
			r.retry = add(now, wait)
			return 0
		}
	}
	c.serial = c.serial%(1<<31-1) + 1
	r.leases = append(r.leases, lease{serial: c.serial, until: add(now, or(s.trialTimeout, r.delay))})
	return c.serial
}

// full: no call can be a trial until one of those out ends.
func (c *Core) full() bool {
	s := c.set.Value()
	return s.probeOnly || len(c.recovery.leases) >= s.trials
}

// end returns a lease, if it is still out.
func (r *recovery) end(serial uint32) bool {
	i := slices.IndexFunc(r.leases, func(l lease) bool { return l.serial == serial })
	if i < 0 {
		return false
	}
	r.leases = slices.Delete(r.leases, i, i+1)
	return true
}

// tried counts the result of a trial.
func (c *Core) tried(now time.Duration, o Outcome) {
	if o != OK {
		c.open(now, TrialFailed)
		return
	}
	c.recovery.passed++
	if c.recovery.passed >= c.set.Value().successes {
		c.shut(now, TrialsPassed)
	}
}

func (r *recovery) wait(c *Core, now time.Duration) time.Duration {
	switch {
	case len(r.leases) > 0 && c.full():
		return r.leases[0].until - now
	case c.full():
		return r.delay
	case now < r.retry: // else their difference may be too long for a duration
		return r.retry - now
	}
	return 0
}

// whole is a call, for the ramp, which counts in parts of one.
const whole = 1 << 32

// admit tells whether the ramp lets this call through. Each call adds its share, and what
// has come to a whole one is let through, so that of any calls in a row as many pass as
// the share says, to within one. The first passes.
func (r *recovery) admit(c *Core, now time.Duration) bool {
	s := c.set.Value()
	from := uint64(times(whole, s.rampFrom))
	high, low := bits.Mul64(whole-from, uint64(now-c.since))
	rest, _ := bits.Div64(high, low, uint64(s.rampOver)) // now is before the ramp's end
	r.share += from + rest
	if r.share < whole {
		return false
	}
	r.share -= whole
	return true
}
