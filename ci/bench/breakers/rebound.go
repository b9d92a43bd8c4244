package main

import (
	"context"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

var rebound = peer{
	name:   ours,
	module: "github.com/rebound-chaos/rebound",
	ready: func(s state) (calls, error) {
		b, err := ourBreaker(s)
		if err != nil {
			return nil, err
		}
		work := workOf(s).plain
		return func(n int) (t tally) {
			for range n {
				permit, err := b.Allow()
				if err == nil {
					outcome := breaker.OK
					if err = work(); err != nil {
						outcome = breaker.Failure
					}
					permit.Done(outcome)
				}
				t.add(err)
			}
			return t
		}, nil
	},
	made: func() any {
		b, err := breaker.New(breaker.Config{})
		if err != nil {
			panic(err) // the zero Config is valid
		}
		return b
	},
	fail: func(b any) { _ = fail(b.(*breaker.Breaker)) },
}

var reboundDo = peer{
	name:   "rebound Do",
	module: "github.com/rebound-chaos/rebound",
	ready: func(s state) (calls, error) {
		b, err := ourBreaker(s)
		if err != nil {
			return nil, err
		}
		ctx, work := context.Background(), workOf(s).inContext //nolint:forbidigo // the cheapest: the peers have none
		return func(n int) (t tally) {
			for range n {
				_, err := breaker.Do(ctx, b, work)
				t.add(err)
			}
			return t
		}, nil
	},
}

func fail(b *breaker.Breaker) error {
	permit, err := b.Allow()
	permit.Done(breaker.Failure)
	return err
}

func ourBreaker(s state) (*breaker.Breaker, error) {
	config := breaker.Config{Failures: failures, Within: within, OpenFor: delay(s), Jitter: breaker.Percent(0), TrialTimeout: long}
	if s == closedFailure {
		config.Within = 1 // so that five are never within it
	}
	b, err := breaker.New(config)
	if err != nil {
		return nil, err
	}
	if s == closedSuccess || s == closedFailure {
		return b, nil
	}
	for range failures {
		if err := fail(b); err != nil {
			return nil, err
		}
	}
	if s == open {
		return b, nil
	}
	return b, await("half-open", func() bool {
		_, err := b.Allow() // the permit is not given back
		return err == nil
	})
}
