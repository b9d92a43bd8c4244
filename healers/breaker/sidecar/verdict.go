package sidecar

import (
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// grace is how long after an answer has begun it says something of the upstream that it is
// cut off.
const grace = time.Second

// verdict is a permit that several goroutines may know the end of: the first counts.
type verdict struct {
	once   sync.Once
	permit breaker.Permit
	count  func(breaker.Outcome)
	later  *time.Timer
}

func (v *verdict) done(o breaker.Outcome) {
	v.once.Do(func() {
		v.permit.Done(o)
		v.count(o)
	})
}

// afterGrace says o when the grace is over, if nothing else was said before.
func (v *verdict) afterGrace(o breaker.Outcome) {
	v.later = time.AfterFunc(grace, func() { v.done(o) })
}

func (v *verdict) stop() {
	if v.later != nil {
		v.later.Stop()
	}
}

// slow makes of a call that was good one that was late.
func slow(after, took time.Duration) breaker.Outcome {
	if after > 0 && took >= after {
		return breaker.Slow
	}
	return breaker.OK
}
