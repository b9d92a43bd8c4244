package breaker

import "time"

// Event is a change of a breaker.
type Event struct {
	Name     string
	Sequence uint64 // from 1, without a gap
	From, To State  // the same where only the mode changes
	Mode     Mode   // since then
	Why      Reason
	// At is when it was due, by the clock of the breaker. Differences mean something.
	At time.Duration
	// OpenFor is the delay of an opening, with jitter.
	OpenFor time.Duration
	// Window is what opened it, where it was closed.
	Window Tally
}

// events are those that are not told yet, and who is to be told. Guarded by the breaker's
// lock.
type events struct {
	listen   func(Event)
	queue    []Event
	sequence uint64
	telling  bool // somebody is
	panics   int
}

func (c *Core) tell(e Event) {
	if c.extra == nil || c.extra.events.listen == nil {
		return
	}
	q := &c.extra.events
	q.sequence++
	e.Name, e.Mode, e.Sequence = c.name, c.mode, q.sequence
	q.queue = append(q.queue, e)
}

// Events gives what has happened since it was last asked, in order, if Listen is set.
func (c *Core) Events() []Event {
	if c.extra == nil {
		return nil
	}
	out := c.extra.events.queue
	c.extra.events.queue = nil
	return out
}

// begin tells whether there is something to tell and nobody telling it, who then must be
// the one that asked.
func (q *events) begin() bool {
	if q.telling || len(q.queue) == 0 {
		return false
	}
	q.telling = true
	return true
}

// next is the next to tell, and ends the telling when there is none.
func (b *Breaker) next() (Event, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := &b.core.extra.events
	if len(q.queue) == 0 {
		q.queue, q.telling = nil, false
		return Event{}, false
	}
	e := q.queue[0]
	q.queue = q.queue[1:]
	return e, true
}

// tell tells all there is, one after the other. A listener that panics is left there; one
// that ends the goroutine ends it after the rest is told, which else nobody would.
func (b *Breaker) tell() {
	done := false
	defer func() {
		if done {
			return
		}
		_ = recover() // nil if the goroutine ends, which goes on
		b.mu.Lock()
		b.core.extra.events.panics++
		b.mu.Unlock()
		b.tell()
	}()
	for e, ok := b.next(); ok; e, ok = b.next() {
		b.core.extra.events.listen(e)
	}
	done = true
}
