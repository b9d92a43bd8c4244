package main

import (
	"strconv"
	"time"

	"github.com/afex/hystrix-go/hystrix"
)

// hystrixMade counts breakers, for their names.
var hystrixMade int

// hystrixConfigure sets what a breaker of a name does: it is open for a delay, and opens at
// a share of failures, in percent, which may be more than there can be.
func hystrixConfigure(name string, delay time.Duration, percent int) {
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{
		Timeout:                int(long / time.Millisecond),
		MaxConcurrentRequests:  10_000,
		RequestVolumeThreshold: failures,
		SleepWindow:            int(delay / time.Millisecond),
		ErrorPercentThreshold:  percent,
	})
}

var hystrixGo = peer{
	name:   "hystrix-go",
	module: "github.com/afex/hystrix-go",
	ready: func(s state) (calls, error) {
		name, percent, work := string(s), 50, workOf(s).plain
		if s == closedFailure {
			percent = unreachable // it counts failures and calls apart, and may find more than 100 %
		}
		hystrixConfigure(name, delay(s), percent)
		err := bring(s, func(f func() error) error { return hystrix.Do(name, f, nil) })
		hystrixConfigure(name, long, percent) // and lets no second one try
		return func(n int) (t tally) {
			for range n {
				t.add(hystrix.Do(name, work, nil))
			}
			return t
		}, err
	},
	made: func() any {
		hystrixMade++
		name := strconv.Itoa(hystrixMade)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: failures})
		return name
	},
	fail: func(name any) { _ = hystrix.Do(name.(string), plainFailure, nil) },
	many: 1000,
}
