package breaker

import "time"

// Probe reports what somebody's own probe found. While it is half-open that is the result
// of a trial; at all other times it counts for nothing. It tells whether it counted.
func (c *Core) Probe(now time.Duration, o Outcome) bool {
	now = c.advance(now)
	if c.phase != HalfOpen || o == Neutral {
		return false
	}
	c.tried(now, o)
	return true
}

// Trip opens it, unless it is open or forced, and tells whether it did.
func (c *Core) Trip(now time.Duration) bool {
	now = c.advance(now)
	if c.phase != Closed && c.phase != HalfOpen {
		return false
	}
	c.open(now, ByHand)
	return true
}

// Reset closes it, with an empty window and no history, unless it is forced, and tells
// whether it did. What was closed is closed anew, without an event; a ramp goes on.
func (c *Core) Reset(now time.Duration) bool {
	now = c.advance(now)
	switch c.phase {
	case Closed:
		c.gen++
		c.emptyWindow()
		if s := c.set.Value(); c.rate != nil {
			c.rate.grant(c.gen, &s, Tally{})
		}
	case Open, HalfOpen:
		c.shut(now, ByHand)
	case ForcedOpen, ForcedClosed:
		return false
	}
	c.openings = 0
	return true
}

// Force sets the mode. Between [Automatic] and [MetricsOnly] the state stays; from a
// forced one it comes back closed.
func (c *Core) Force(now time.Duration, m Mode) {
	now = c.advance(now)
	if m == c.mode || m > MetricsOnly {
		return
	}
	c.mode = m
	switch {
	case m == ForceOpen:
		c.enter(ForcedOpen, Forced, now)
	case m == ForceClosed:
		c.enter(ForcedClosed, Forced, now)
	case c.phase == ForcedOpen || c.phase == ForcedClosed:
		c.openings = 0
		c.shut(now, Forced)
	default:
		c.tell(Event{From: c.phase, To: c.phase, Why: Forced, At: now})
	}
}
