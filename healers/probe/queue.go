package probe

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// slot is one probe of one incarnation, and when it is due next.
type slot struct {
	target sut.Target
	role   Role
	probe  *corev1.Probe
	period time.Duration
	phase  time.Duration // within the period: replicas are not asked in step
	spread time.Duration // of the first look, within soon

	wanted  bool
	first   time.Duration // since when it is wanted
	counted time.Duration // when an answer last counted
	seen    bool          // there was a success
	due     time.Duration
	busy    bool
	dead    bool // its incarnation is over
	cancel  context.CancelFunc
	index   int // in the heap; -1: not there
}

func (s *slot) queued() bool { return s.index >= 0 }

// eager tells whether the slot is asked more often than its period says. A
// liveness probe never is: sooner answers would only kill sooner.
func (s *slot) eager(at time.Duration) bool {
	return s.impatient() && s.period > eager && at < s.first+max(s.period, eagerFor)
}

// impatient: it waits for its first success.
func (s *slot) impatient() bool { return s.role != Liveness && !s.seen }

// begin is when the first look is due.
func (s *slot) begin() time.Duration {
	if s.role == Liveness {
		return s.tick(s.first)
	}
	return s.first + s.spread
}

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
		return max(s.tick(s.counted+s.period-1), now)
	}
	return max(s.tick(s.due), now)
}

// tick is the first instant after t in the slot's own phase.
func (s *slot) tick(t time.Duration) time.Duration {
	behind := (t - s.phase) % s.period
	if behind < 0 {
		behind += s.period
	}
	return t + s.period - behind
}

// queue is a heap of slots by when they are due, and by ID where that is equal.
type queue struct{ slots []*slot }

func (q *queue) next() (time.Duration, bool) {
	if len(q.slots) == 0 {
		return 0, false
	}
	return q.slots[0].due, true
}

func (q *queue) push(s *slot) { heap.Push((*slotHeap)(q), s) }
func (q *queue) pop() *slot   { return heap.Pop((*slotHeap)(q)).(*slot) }
func (q *queue) remove(s *slot) {
	if s.queued() {
		heap.Remove((*slotHeap)(q), s.index)
	}
}

type slotHeap queue

func (h *slotHeap) Len() int { return len(h.slots) }
func (h *slotHeap) Less(i, j int) bool {
	a, b := h.slots[i], h.slots[j]
	if a.due != b.due {
		return a.due < b.due
	}
	return a.target.ID < b.target.ID
}

func (h *slotHeap) Swap(i, j int) {
	h.slots[i], h.slots[j] = h.slots[j], h.slots[i]
	h.slots[i].index, h.slots[j].index = i, j
}

func (h *slotHeap) Push(x any) {
	s := x.(*slot)
	s.index = len(h.slots)
	h.slots = append(h.slots, s)
}

func (h *slotHeap) Pop() any {
	last := len(h.slots) - 1
	s := h.slots[last]
	h.slots[last] = nil
	h.slots = h.slots[:last]
	s.index = -1
	return s
}

// news holds the newest level of each instance until the loop takes it, so that
// a busy loop never holds up the system.
type news struct {
	more chan struct{}

	mu        sync.Mutex
	reset     bool                     // guarded by mu
	instances map[sut.ID]*sut.Instance // guarded by mu; nil: it is gone
	workloads []sut.Workload           // guarded by mu
}

func newNews() *news {
	return &news{more: make(chan struct{}, 1), instances: map[sut.ID]*sut.Instance{}}
}

func (n *news) put(d sut.Delta) {
	n.mu.Lock()
	if d.Reset {
		n.reset = true
		clear(n.instances)
	}
	n.workloads = append(n.workloads, d.Workloads...)
	for i := range d.Instances {
		in := d.Instances[i]
		n.instances[in.ID] = &in
	}
	for _, id := range d.Gone {
		n.instances[id] = nil
	}
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

// latest is what news.take hands over.
type latest struct {
	reset     bool
	instances map[sut.ID]*sut.Instance
	workloads []sut.Workload
}

func (n *news) take() latest {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := latest{n.reset, n.instances, n.workloads}
	n.reset, n.instances, n.workloads = false, map[sut.ID]*sut.Instance{}, nil
	return l
}

func sorted(m map[sut.ID]*sut.Instance) []sut.ID { return slices.Sorted(maps.Keys(m)) }
