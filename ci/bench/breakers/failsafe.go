package main

import (
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

const failsafeModule = "github.com/failsafe-go/failsafe-go"

func failsafeBreaker(s state) circuitbreaker.CircuitBreaker[int] {
	return circuitbreaker.NewBuilder[int]().
		WithFailureThresholdPeriod(threshold(s), within).
		WithDelay(delay(s)).
		WithSuccessThreshold(1).
		Build()
}

// permitted calls with a permit.
func permitted(b circuitbreaker.CircuitBreaker[int], work func() error) error {
	if !b.TryAcquirePermit() {
		return circuitbreaker.ErrOpen
	}
	err := work()
	if err != nil {
		b.RecordError(err)
	} else {
		b.RecordSuccess()
	}
	return err
}

var executor = peer{
	name:   "failsafe-go Executor",
	module: failsafeModule,
	ready: func(s state) (calls, error) {
		b, work := failsafeBreaker(s), workOf(s).valued
		e := failsafe.With[int](b)
		return func(n int) (t tally) {
				for range n {
					_, err := e.Get(work)
					t.add(err)
				}
				return t
			}, bring(s, func(f func() error) error {
				_, err := e.Get(func() (int, error) { return 0, f() })
				return err
			})
	},
	made: func() any { return failsafeBreaker(open) },
	fail: func(b any) { b.(circuitbreaker.CircuitBreaker[int]).RecordFailure() },
}

var permits = peer{
	name:   "failsafe-go permit",
	module: failsafeModule,
	ready: func(s state) (calls, error) {
		b, work := failsafeBreaker(s), workOf(s).plain
		return func(n int) (t tally) {
			for range n {
				t.add(permitted(b, work))
			}
			return t
		}, bring(s, func(f func() error) error { return permitted(b, f) })
	},
}
