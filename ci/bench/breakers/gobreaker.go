package main

import (
	"time"

	"github.com/sony/gobreaker/v2"
)

const gobreakerModule = "github.com/sony/gobreaker/v2"

var sliding, fixed = executes("gobreaker v2 sliding", within/10), executes("gobreaker v2 fixed", 0)

// gobreakerSettings has buckets of a length; 0 is one that is emptied when it is over.
func gobreakerSettings(s state, bucket time.Duration) gobreaker.Settings {
	limit := uint32(threshold(s))
	return gobreaker.Settings{
		MaxRequests: 1, Interval: within, BucketPeriod: bucket, Timeout: delay(s),
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures >= limit },
	}
}

func executes(name string, bucket time.Duration) peer {
	return peer{
		name:   name,
		module: gobreakerModule,
		ready: func(s state) (calls, error) {
			b, work := gobreaker.NewCircuitBreaker[int](gobreakerSettings(s, bucket)), workOf(s).valued
			return func(n int) (t tally) {
					for range n {
						_, err := b.Execute(work)
						t.add(err)
					}
					return t
				}, bring(s, func(f func() error) error {
					_, err := b.Execute(func() (int, error) { return 0, f() })
					return err
				})
		},
		made: func() any { return gobreaker.NewCircuitBreaker[int](gobreakerSettings(open, bucket)) },
		fail: func(b any) { _, _ = b.(*gobreaker.CircuitBreaker[int]).Execute(valuedFailure) },
	}
}

var twoSteps = peer{
	name:   "gobreaker v2 two steps",
	module: gobreakerModule,
	ready: func(s state) (calls, error) {
		b, work := gobreaker.NewTwoStepCircuitBreaker[int](gobreakerSettings(s, within/10)), workOf(s).plain
		call := func(f func() error) error {
			done, err := b.Allow()
			if err == nil {
				err = f()
				done(err)
			}
			return err
		}
		return func(n int) (t tally) {
			for range n {
				done, err := b.Allow()
				if err == nil {
					err = work()
					done(err)
				}
				t.add(err)
			}
			return t
		}, bring(s, call)
	},
}
