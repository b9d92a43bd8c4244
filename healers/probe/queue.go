package probe

import (
	"container/heap"
	"time"
)

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
		heap.Remove((*slotHeap)(q), int(s.index))
	}
}

type slotHeap queue

func (h *slotHeap) Len() int { return len(h.slots) }
func (h *slotHeap) Less(i, j int) bool {
	a, b := h.slots[i], h.slots[j]
	switch {
	case a.due != b.due:
		return a.due < b.due
	case a.of != b.of:
		return a.of.tracker.target.ID < b.of.tracker.target.ID
	default:
		return a.role < b.role
	}
}

func (h *slotHeap) Swap(i, j int) {
	h.slots[i], h.slots[j] = h.slots[j], h.slots[i]
	h.slots[i].index, h.slots[j].index = int32(i), int32(j)
}

func (h *slotHeap) Push(x any) {
	s := x.(*slot)
	s.index = int32(len(h.slots))
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
