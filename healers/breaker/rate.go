package breaker

import (
	"math"
	"sync/atomic"
	"time"
)

// rate is the window of shares: over the last calls, or over a time.
type rate struct {
	calls     window
	waiting   deferred      // unused over a time
	slowAfter time.Duration // 0 unless every call is timed
}

// window holds calls and forgets the oldest.
type window interface {
	add(now time.Duration, failed, slow bool)
	sum(now time.Duration) Tally
	clear()
}

func newRate(s *settings) *rate {
	r := &rate{calls: &lastTime{width: s.lastTime / buckets}}
	if s.lastCalls > 0 {
		r.calls = &lastCalls{outcomes: make([]uint8, s.lastCalls)}
	}
	if !s.slowRate.zero() {
		r.slowAfter = s.slowAfter
	}
	return r
}

// record counts a call and tells whether a share is reached. Every call may open it: a
// success, too, can be the one that makes the calls enough.
func (r *rate) record(now time.Duration, gen uint32, s *settings, failed, slow bool) bool {
	r.settle(now)
	r.calls.add(now, failed, slow)
	t := r.calls.sum(now)
	r.grant(gen, s, t)
	return t.Calls >= uint64(s.minCalls) &&
		(reaches(t.Failed, t.Calls, s.failureRate) || reaches(t.Slow, t.Calls, s.slowRate))
}

func (r *rate) sum(now time.Duration, gen uint32, s *settings) Tally {
	r.settle(now)
	t := r.calls.sum(now)
	r.grant(gen, s, t)
	return t
}

func (r *rate) clear() {
	r.calls.clear()
	r.waiting.take()
}

// settle counts the successes that were put off. Nothing came between them, so that the
// order of calls is kept.
func (r *rate) settle(now time.Duration) {
	n := r.waiting.take()
	if w, ok := r.calls.(*lastCalls); ok {
		n = min(n, uint32(len(w.outcomes)))
	}
	for range n {
		r.calls.add(now, false, false)
	}
}

// grant allows successes to be put off as long as they cannot open it: all but the one
// that makes the calls enough, and any number after that. Over a time none are, since the
// clock must be read for each.
func (r *rate) grant(gen uint32, s *settings, t Tally) {
	if s.lastCalls == 0 {
		return
	}
	budget := uint32(math.MaxUint32)
	if missing := uint64(s.minCalls) - min(t.Calls, uint64(s.minCalls)); missing > 0 {
		budget = uint32(missing - 1)
	}
	r.waiting.grant(gen, budget)
}

// deferred counts successes without a lock: generation and what is left of a budget, in
// one word, so that no success of an earlier generation gets in.
type deferred struct {
	word    atomic.Uint64
	granted uint32 // guarded by the breaker's lock
}

// put takes one success, unless it must be counted at once.
func (d *deferred) put(gen uint32) bool {
	for {
		w := d.word.Load()
		if uint32(w>>32) != gen || uint32(w) == 0 {
			return false
		}
		if d.word.CompareAndSwap(w, w-1) {
			return true
		}
	}
}

// take ends the grant and gives what was put since.
func (d *deferred) take() uint32 {
	n := d.granted - uint32(d.word.Swap(0))
	d.granted = 0
	return n
}

func (d *deferred) grant(gen, budget uint32) {
	d.granted = budget
	d.word.Store(uint64(gen)<<32 | uint64(budget))
}

// lastCalls is a ring of outcomes.
type lastCalls struct {
	outcomes []uint8
	next     int
	tally    Tally
}

const (
	markFailed = 1 << iota
	markSlow
)

func (w *lastCalls) add(_ time.Duration, failed, slow bool) {
	if w.tally.Calls == uint64(len(w.outcomes)) {
		old := w.outcomes[w.next]
		w.tally.Calls--
		w.tally.Failed -= uint64(old & markFailed)
		w.tally.Slow -= uint64(old & markSlow >> 1)
	}
	var mark uint8
	if failed {
		mark |= markFailed
		w.tally.Failed++
	}
	if slow {
		mark |= markSlow
		w.tally.Slow++
	}
	w.tally.Calls++
	w.outcomes[w.next] = mark
	w.next = (w.next + 1) % len(w.outcomes)
}

func (w *lastCalls) sum(time.Duration) Tally { return w.tally }

func (w *lastCalls) clear() { w.next, w.tally = 0, Tally{} }

// buckets divide a window of time.
const buckets = 32

// lastTime is a ring of buckets, counted from the first call in it. What is too old goes
// when it is read and when it is written.
type lastTime struct {
	width  time.Duration
	origin time.Duration
	newest int64 // number of the newest bucket, from origin
	used   bool
	ring   [buckets]Tally
	tally  Tally
}

func (w *lastTime) add(now time.Duration, failed, slow bool) {
	if !w.used {
		w.used, w.origin = true, now
	}
	w.expire(now)
	for _, t := range []*Tally{&w.ring[w.newest%buckets], &w.tally} {
		t.Calls++
		if failed {
			t.Failed++
		}
		if slow {
			t.Slow++
		}
	}
}

func (w *lastTime) sum(now time.Duration) Tally {
	if w.used {
		w.expire(now)
	}
	return w.tally
}

func (w *lastTime) expire(now time.Duration) {
	current := int64((now - w.origin) / w.width)
	if current-w.newest >= buckets {
		w.ring, w.tally, w.newest = [buckets]Tally{}, Tally{}, current
		return
	}
	for w.newest < current {
		w.newest++
		old := &w.ring[w.newest%buckets]
		w.tally.Calls -= old.Calls
		w.tally.Failed -= old.Failed
		w.tally.Slow -= old.Slow
		*old = Tally{}
	}
}

func (w *lastTime) clear() { *w = lastTime{width: w.width} }
