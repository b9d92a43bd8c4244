package breaker

import (
	"context"
	"math"
	"time"
	"unique"
)

// Core is a breaker without a clock and without a lock: every method takes the time, from
// any origin, as a monotonic clock has it. It is for simulators, and for one goroutine at
// a time; others use [Breaker], which is made of it.
//
// A time before one that it has seen is the latest that it has seen: the clock was set
// back, and it counts on from there.
type Core struct {
	set   unique.Handle[settings]
	extra *extra // nil where the Config asks for nothing of it
	name  string
	seed  uint64

	phase   State
	mode    Mode
	ramping bool
	quiet   bool   // closed, a success counts for nothing
	gen     uint32 // changes with the phase; what was given in an earlier one is stale
	serial  uint32 // of leases

	openings uint32 // in a row: the exponent of the delay
	opened   uint32 // in all: the index of the jitter
	streak   uint32 // failures in a row, where they are counted

	last  time.Duration // the latest time seen
	skew  time.Duration // what to add to times since the clock was set back
	since time.Duration // of the phase
	until time.Duration // open: end of the delay; closed and ramping: end of the ramp

	ring     failures
	rate     *rate     // nil but for shares
	recovery *recovery // nil until it first opens
}

// extra is what few breakers have.
type extra struct {
	gate     Gate
	classify func(context.Context, error) Outcome
	counts   *counts
	events   events
}

// Ticket is leave to call, by a [Core]. The zero Ticket is none.
type Ticket struct {
	at    uint64 // the generation, and below it what a word or a trial has there
	start time.Duration
}

func (t Ticket) gen() uint32 { return uint32(t.at >> 32) }

// lease is the number of a trial's, and 0 for other calls.
func (t Ticket) lease() uint32 {
	if t.at&trial == 0 {
		return 0
	}
	return uint32(t.at &^ trial)
}

// NewCore refuses a config with all that is wrong with it. Events are kept for
// [Core.Events] if Listen is set, which the Core itself never calls.
func NewCore(config Config, now time.Duration) (*Core, error) {
	c := &Core{}
	if err := c.begin(&config, now); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Core) begin(config *Config, now time.Duration) error {
	if err := config.Validate(); err != nil {
		return err
	}
	s := config.filled()
	c.set, c.name, c.seed = unique.Make(s), config.Name, config.Seed
	if c.seed == 0 {
		c.seed = randomSeed()
	}
	if s.rated() {
		c.rate = newRate(&s)
	}
	if config.Gate != nil || config.Count || config.Listen != nil || config.Classify != nil {
		c.extra = &extra{gate: config.Gate, classify: config.Classify, events: events{listen: config.Listen}}
		if config.Count {
			c.extra.counts = &counts{}
		}
	}
	c.quiet = c.rate == nil && s.consecutive == 0 && !config.Count
	c.last, c.since, c.gen, c.mode = now, now, 1, config.Mode
	c.phase = Closed
	switch config.Mode {
	case ForceOpen:
		c.phase = ForcedOpen
	case ForceClosed:
		c.phase = ForcedClosed
	case Automatic, MetricsOnly:
	}
	if c.rate != nil {
		c.rate.grant(c.gen, &s, Tally{})
	}
	return nil
}

// Allow gives leave to call, or not.
func (c *Core) Allow(now time.Duration) (Ticket, bool) {
	raw := now
	now = c.advance(now)
	ticket, ok := Ticket{at: uint64(c.gen)<<32 | heed, start: raw}, c.mode == MetricsOnly
	switch c.phase {
	case Closed:
		ok = ok || !c.ramping || c.recovery.admit(c, now)
	case HalfOpen:
		if lease := c.lease(now, raw); lease != 0 {
			ticket.at, ok = uint64(c.gen)<<32|trial|uint64(lease), true
		}
	case ForcedClosed:
		ok = true
	case Open, ForcedOpen:
	}
	if !ok {
		c.count(countRejected)
		return Ticket{}, false
	}
	return ticket, true
}

// Done says how the call of a ticket ended. It counts for nothing if the state has changed
// since, or the ticket's trial has expired or was done before.
func (c *Core) Done(now time.Duration, t Ticket, o Outcome) {
	raw := now
	now = c.advance(now)
	lease := t.lease()
	if t.gen() != c.gen || lease != 0 && !c.recovery.end(lease) {
		c.count(countStale)
		return
	}
	if o == 0 || o > Neutral {
		o = Failure
	}
	slow := o == Slow
	if o != Neutral {
		s := c.set.Value()
		if s.slowAfter > 0 && (lease != 0 || c.phase == Closed && !s.slowRate.zero()) && raw-t.start >= s.slowAfter {
			slow = true
			if o == OK {
				o = Slow
			}
		}
	}
	c.count(countOK + uint8(o-OK))
	switch {
	case o == Neutral:
	case lease != 0:
		c.tried(now, o)
	case c.phase == Closed:
		if c.record(now, o == Failure, slow) {
			c.open(now, Tripped)
		}
	}
}

// advance does what time alone does, at the times when it was due, however late that is
// noticed, and gives the time to go by.
func (c *Core) advance(now time.Duration) time.Duration {
	if now+c.skew < c.last {
		c.skew = c.last - now
	}
	now += c.skew
	c.last = now
	for {
		next, ok := c.Next()
		if !ok || now < next {
			return now
		}
		switch c.phase {
		case Open:
			c.enter(HalfOpen, DelayOver, next)
		case HalfOpen:
			c.open(next, TrialExpired)
		case Closed, ForcedOpen, ForcedClosed:
			c.ramping = false
		}
	}
}

// Tick lets time pass. Nothing depends on it but when events are known: what was due is
// done, as of when it was due, before anything else.
func (c *Core) Tick(now time.Duration) { c.advance(now) }

// Next is when it changes by itself, if it will: an open delay, a lease or a ramp ends.
func (c *Core) Next() (time.Duration, bool) {
	switch {
	case c.phase == Open || c.ramping:
		return c.until, true
	case c.phase == HalfOpen && len(c.recovery.leases) > 0:
		return c.recovery.leases[0].until, true
	}
	return 0, false
}

// State is where it stands.
func (c *Core) State(now time.Duration) State {
	c.advance(now)
	return c.phase
}

// Wait is how long to wait before it is worth asking again; 0 is now. For a trial that is
// out it is the rest of its lease, though it may end at any time. Where nobody knows, as
// when it is forced open, it is the open delay.
func (c *Core) Wait(now time.Duration) time.Duration {
	now = c.advance(now)
	if c.mode == MetricsOnly {
		return 0
	}
	switch {
	case c.phase == ForcedOpen:
		return c.set.Value().openFor
	case c.phase == HalfOpen:
		return c.recovery.wait(c, now)
	case c.phase == Open || c.ramping:
		return c.until - now
	}
	return 0
}

// open opens it, as of now.
func (c *Core) open(now time.Duration, why Reason) {
	s := c.set.Value()
	if c.phase == Closed && now-c.since >= s.resetAfter {
		c.openings = 0
	}
	delay := s.delay(c.openings)
	c.openings += min(1, math.MaxUint32-c.openings)
	c.opened++
	if c.recovery == nil {
		c.recovery = &recovery{}
	}
	c.recovery.delay = delay
	c.until = add(now, add(s.jittered(delay, mix(c.seed+uint64(c.opened))), s.offset))
	c.enter(Open, why, now)
}

// shut closes it, as of now. A ramp is for what had no calls.
func (c *Core) shut(now time.Duration, why Reason) {
	s := c.set.Value()
	ramp := s.rampOver > 0 && c.phase != ForcedClosed
	c.enter(Closed, why, now)
	if ramp {
		if c.recovery == nil { // it was forced open, and never of itself
			c.recovery = &recovery{}
		}
		c.ramping, c.until, c.recovery.share = true, add(now, s.rampOver), whole-1
	}
	if c.rate != nil {
		c.rate.grant(c.gen, &s, Tally{})
	}
}

// enter begins a phase, with nothing left of the one before but the exponent.
func (c *Core) enter(to State, why Reason, now time.Duration) {
	e := Event{From: c.phase, To: to, Why: why, At: now}
	if to == Open {
		e.OpenFor = c.until - now
		if c.phase == Closed {
			e.Window = c.tally(now)
		}
	}
	c.phase, c.since, c.ramping = to, now, false
	c.gen++
	c.emptyWindow()
	if c.recovery != nil {
		c.recovery.leases, c.recovery.passed, c.recovery.retry = c.recovery.leases[:0], 0, math.MinInt64
	}
	c.tell(e)
}
