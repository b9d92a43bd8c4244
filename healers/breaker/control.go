package breaker

import (
	"errors"
	"time"
)

// ErrOpen is what every refusal is.
var ErrOpen = errors.New("breaker: open")

// OpenError refuses a call: the breaker is open or forced open, or half-open with its
// trials out, or closed and not yet letting all calls through. To retry at once is to no
// avail.
type OpenError struct {
	Name  string // of the breaker
	State State  // that refused
	b     *Breaker
}

func (e *OpenError) Error() string {
	what := "breaker"
	if e.Name != "" {
		what += " " + e.Name
	}
	switch e.State {
	case HalfOpen:
		return what + " is half-open and has no trial to give"
	case Closed:
		return what + " has closed and does not let all calls through yet"
	case Open, ForcedOpen, ForcedClosed:
	}
	return what + " is " + e.State.String()
}

// Unwrap makes it an [ErrOpen].
func (e *OpenError) Unwrap() error { return ErrOpen }

// RetryAfter is how long to wait, as of now, before it is worth asking again; 0 is now. It
// reads the clock, which refusing did not. See [Core.Wait].
func (e *OpenError) RetryAfter() (d time.Duration) {
	if e.b == nil {
		return 0
	}
	e.b.locked(func(now time.Duration) { d = e.b.core.Wait(now) })
	return d
}

// locked runs f with the lock and the time, read under it so that it never goes back.
func (b *Breaker) locked(f func(now time.Duration)) {
	b.mu.Lock()
	defer b.unlock()
	f(clock())
}

// State is where it stands. In [MetricsOnly] that is where it would stand.
func (b *Breaker) State() (s State) {
	b.locked(func(now time.Duration) { s = b.core.State(now) })
	return s
}

// Probe reports what somebody's own probe found: see [Core.Probe].
func (b *Breaker) Probe(o Outcome) (counted bool) {
	b.locked(func(now time.Duration) { counted = b.core.Probe(now, o) })
	return counted
}

// Trip opens it, as if its window had: see [Core.Trip].
func (b *Breaker) Trip() (did bool) {
	b.locked(func(now time.Duration) { did = b.core.Trip(now) })
	return did
}

// Reset closes it, as if its trials had, and forgets: see [Core.Reset].
func (b *Breaker) Reset() (did bool) {
	b.locked(func(now time.Duration) { did = b.core.Reset(now) })
	return did
}

// Force sets the mode, which stays: see [Core.Force].
func (b *Breaker) Force(m Mode) {
	b.locked(func(now time.Duration) { b.core.Force(now, m) })
}

// Snapshot is a breaker at an instant.
func (b *Breaker) Snapshot() (s Snapshot) {
	b.locked(func(now time.Duration) { s = b.core.Snapshot(now) })
	return s
}
