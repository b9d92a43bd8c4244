package resilience

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// What the zero [Retry] stands for.
const (
	DefaultRetries  = 2
	DefaultDelay    = 100 * time.Millisecond
	DefaultMaxDelay = 2 * time.Second
)

// AtOnce is no delay, as a [Retry]'s Delay and MaxDelay. It is for what has other
// instances to be asked, since one that failed has had no time to come back.
const AtOnce time.Duration = 1

// jitter is how much of a delay is added to it or taken from it at most, after the cap.
const jitter = 0.5

// Retry says which attempts are made anew, and when. The zero value makes two more where
// one ends with an error, after 100 ms and 200 ms, give or take a half.
//
// What was refused is not retried, by whomever: the breaker, a bulkhead, a limit. Nor is a
// call that was cancelled. Only what may be done twice may be retried at all: of HTTP see
// httpbreaker.Replayable.
type Retry[R any] struct {
	// Max is how many retries there are at most. 0 means 2.
	Max int
	// Delay is before the first retry; it doubles up to MaxDelay, and then varies by up to
	// a half. 0 means 100 ms, and 2 s or Delay where that is longer; [AtOnce] is the least.
	Delay    time.Duration
	MaxDelay time.Duration
	// When says which attempts to retry. Nil means those with an error.
	When func(result R, err error) bool
	// After says how long the dependency asks to be left alone. It is, and up to three
	// times as long, so that those who were told the same do not come back together; where
	// it is longer than MaxDelay, there is no retry. Nil means what the error says, if it
	// has a method RetryAfter() time.Duration.
	After func(result R, err error) time.Duration
}

// Policy is a retry policy for those who compose their own. A nil budget means one of its
// own. Where retries are used up it gives the last result and error.
func (r *Retry[R]) Policy(b *Budget) (retrypolicy.RetryPolicy[R], error) {
	if b == nil {
		b = &Budget{}
	}
	p := &problems{}
	r.check(p)
	b.check(p)
	if err := p.join(); err != nil {
		return nil, err
	}
	return r.policy(b), nil
}

func (r *Retry[R]) policy(b *Budget) retrypolicy.RetryPolicy[R] {
	first, most := r.delays()
	after := r.After
	if after == nil {
		after = asked[R]
	}
	built := retrypolicy.NewBuilder[R]().
		WithMaxRetries(or(r.Max, DefaultRetries)).
		WithJitterFactor(jitter).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[R]) time.Duration {
			if wait := after(e.LastResult(), e.LastError()); wait > 0 {
				return time.Duration(float64(wait) / (1 - jitter)) // which jitter may take away
			}
			return -1 // as below
		}).
		ReturnLastFailure().
		AbortIf(func(v R, err error) bool {
			return refused(err) || panicked(err) != nil || errors.Is(err, context.Canceled) || after(v, err) > most
		}).
		WithBudget(account{Budget: b, earns: true})
	if first == most {
		built.WithDelay(first)
	} else {
		built.WithBackoff(first, most)
	}
	if r.When != nil {
		built.HandleIf(r.When)
	}
	return built.Build()
}

func (r *Retry[R]) delays() (first, most time.Duration) {
	first = or(r.Delay, DefaultDelay)
	return first, or(r.MaxDelay, max(DefaultMaxDelay, first))
}

// asked is what an error says of when to come again.
func asked[R any](_ R, err error) time.Duration {
	var later interface{ RetryAfter() time.Duration }
	if err != nil && errors.As(err, &later) {
		return later.RetryAfter()
	}
	return 0
}

// or is v, or what stands for its zero value.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
