package breaker

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Gate gives leave for trials, to breakers that share it.
type Gate interface {
	// Take asks for leave to try now: 0 gives it, anything else is how long to wait
	// before asking again. It is called with a lock held: it must answer at once, from
	// what it knows, and not call a breaker. The time is the breaker's: all [Breaker] of a
	// process have one clock.
	Take(now time.Duration) time.Duration
}

// Interval is a Gate that lets one trial through in a time. It keeps nothing for later:
// after a pause, one.
type Interval struct {
	every time.Duration
	next  atomic.Int64
}

// NewInterval is a gate for one trial in every.
func NewInterval(every time.Duration) (*Interval, error) {
	if every <= 0 {
		return nil, fmt.Errorf("%w: interval %v is not positive", ErrConfig, every)
	}
	i := &Interval{every: every}
	i.next.Store(math.MinInt64)
	return i, nil
}

// Take implements [Gate].
func (i *Interval) Take(now time.Duration) time.Duration {
	for {
		next := time.Duration(i.next.Load())
		// More than an interval is a clock that was set back.
		if wait := next - now; now < next && wait <= i.every {
			return wait
		}
		if i.next.CompareAndSwap(int64(next), int64(add(now, i.every))) {
			return 0
		}
	}
}
