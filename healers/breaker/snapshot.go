package breaker

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Snapshot is a breaker at an instant, for people and metrics.
type Snapshot struct {
	Name   string
	State  State
	Mode   Mode
	For    time.Duration // how long it has been in the state
	Wait   time.Duration // see [Core.Wait]
	Window Tally         // what the window holds, while it is closed
	Trials int           // that are out
	// Openings is how often it opened in a row, which makes the delay longer.
	Openings int
	// Opened is how often it opened since it was made. What forces it open does not count.
	Opened int
	// Counts is zero unless [Config.Count] is set, which Counted tells.
	Counts  Counts
	Counted bool
	// Panics is how often Listen did not return.
	Panics int
}

// Counts are calls since the breaker was made. A call is in one of them: one that was
// admitted, when it is done. A trial whose lease expires is in none until it is done, and
// then stale.
type Counts struct {
	OK, Failure, Slow, Neutral uint64
	Rejected                   uint64
	Stale                      uint64 // done after the state had changed: counted for nothing
}

// Snapshot is where it stands now.
func (c *Core) Snapshot(now time.Duration) Snapshot {
	wait := c.Wait(now) // lets time pass
	s := Snapshot{
		Name: c.name, State: c.phase, Mode: c.mode, For: c.last - c.since, Wait: wait,
		Openings: int(c.openings), Opened: int(c.opened),
	}
	switch c.phase {
	case Closed:
		s.Window = c.tally(c.last)
	case HalfOpen:
		s.Trials = len(c.recovery.leases)
	case Open, ForcedOpen, ForcedClosed:
	}
	if x := c.extra; x != nil {
		s.Panics = x.events.panics
		if x.counts != nil {
			s.Counts, s.Counted = x.counts.sum(), true
		}
	}
	return s
}

// What is counted. The first four are the outcomes, in order.
const (
	countOK uint8 = iota
	countFailure
	countSlow
	countNeutral
	countRejected
	countStale
	countKinds
)

// counts are kept in shards, which do not share a cache line, since every call of every
// core adds to one.
type counts struct {
	shards [8]struct {
		n [countKinds]atomic.Uint64
		_ [128 - 8*countKinds]byte
	}
}

// count adds a call where calls are counted. It needs no lock.
func (c *Core) count(kind uint8) {
	if x := c.extra; x != nil && x.counts != nil && kind < countKinds {
		// Goroutines that run at the same time have different stacks.
		var here byte
		shard := mix(uint64(uintptr(unsafe.Pointer(&here)))>>11) % uint64(len(x.counts.shards))
		x.counts.shards[shard].n[kind].Add(1)
	}
}

func (c *counts) sum() (s Counts) {
	for i := range c.shards {
		n := &c.shards[i].n
		s.OK += n[countOK].Load()
		s.Failure += n[countFailure].Load()
		s.Slow += n[countSlow].Load()
		s.Neutral += n[countNeutral].Load()
		s.Rejected += n[countRejected].Load()
		s.Stale += n[countStale].Load()
	}
	return s
}
