package main

import (
	"math"

	resiliencybreaker "github.com/eapache/go-resiliency/breaker"
)

var resiliency = peer{
	name:   "go-resiliency",
	module: "github.com/eapache/go-resiliency",
	admits: true,
	ready: func(s state) (calls, error) {
		// One time is the window and the delay. That of an open breaker is long, so that
		// it stays open; that of one which is to be half-open is short.
		timeout := within
		if s == open || s == halfOpen {
			timeout = delay(s)
		}
		b, work := resiliencybreaker.New(int(threshold(s)), math.MaxInt, timeout), workOf(s).plain
		call := func(n int) (t tally) {
			for range n {
				t.add(b.Run(work))
			}
			return t
		}
		if s == closedSuccess || s == closedFailure {
			return call, nil
		}
		if err := trip(b.Run); err != nil || s == open {
			return call, err
		}
		return call, await("half-open", func() bool { return b.GetState() == resiliencybreaker.HalfOpen })
	},
	made: func() any { return resiliencybreaker.New(failures, 1, long) },
	fail: func(b any) { _ = b.(*resiliencybreaker.Breaker).Run(plainFailure) },
}
