package breaker

import (
	"math/bits"
	"time"
)

// Tally is what a window holds. Calls are counted for shares alone.
type Tally struct {
	Calls, Failed, Slow uint64
}

// reaches tells exactly whether n of all is at least the share r, and never where r is
// not set.
func reaches(n, all uint64, r Ratio) bool {
	if r.zero() {
		return false
	}
	high1, low1 := bits.Mul64(n, uint64(r.Den))
	high2, low2 := bits.Mul64(all, uint64(r.Num))
	return high1 > high2 || high1 == high2 && low1 >= low2
}

// failures are the times of the last of them, as many as open a breaker: nothing else is
// needed to say exactly whether they are close enough. The ring is made at the first.
type failures struct {
	times []time.Duration
	next  uint32 // the oldest, once there are enough
	n     uint32
}

// add tells whether limit failures, this one with them, lie within a time.
func (f *failures) add(now time.Duration, limit int, within time.Duration) bool {
	if f.times == nil {
		f.times = make([]time.Duration, limit)
	}
	f.times[f.next] = now
	f.next = (f.next + 1) % uint32(limit)
	f.n = min(f.n+1, uint32(limit))
	return f.n == uint32(limit) && now-f.times[f.next] <= within
}

// sum is how many are still within a time.
func (f *failures) sum(now, within time.Duration) (n uint64) {
	for i := range f.n {
		if now-f.times[i] <= within {
			n++
		}
	}
	return n
}

func (f *failures) clear() { f.next, f.n = 0, 0 }

// record counts a call of a closed breaker, and tells whether that opens it.
func (c *Core) record(now time.Duration, failed, slow bool) bool {
	s := c.set.Value()
	switch {
	case s.rated():
		return c.rate.record(now, c.gen, &s, failed, slow)
	case s.consecutive > 0:
		c.streak++
		if !failed {
			c.streak = 0
		}
		return c.streak >= uint32(s.consecutive)
	default:
		return failed && c.ring.add(now, s.failures, s.within)
	}
}

// tally is what the window holds now.
func (c *Core) tally(now time.Duration) Tally {
	s := c.set.Value()
	switch {
	case s.rated():
		return c.rate.sum(now, c.gen, &s)
	case s.consecutive > 0:
		return Tally{Failed: uint64(c.streak)}
	default:
		return Tally{Failed: c.ring.sum(now, s.within)}
	}
}

func (c *Core) emptyWindow() {
	c.streak = 0
	c.ring.clear()
	if c.rate != nil {
		c.rate.clear()
	}
}
