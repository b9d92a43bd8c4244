package breaker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func made(tb testing.TB, config breaker.Config) *breaker.Breaker {
	tb.Helper()
	b, err := breaker.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// call is what is measured: leave, and how it ended.
func call(b *breaker.Breaker, o breaker.Outcome) error {
	permit, err := b.Allow()
	permit.Done(o)
	return err
}

func BenchmarkClosed(b *testing.B) {
	x := made(b, breaker.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := call(x, breaker.OK); err != nil {
			b.Error(err)
		}
	}
}

func BenchmarkClosedParallel(b *testing.B) {
	x := made(b, breaker.Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(x, breaker.OK); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkWindows is a success under each kind of window.
func BenchmarkWindows(b *testing.B) {
	rate := breaker.Config{FailureRate: breaker.Percent(50), MinCalls: 10}
	calls, last, slow, counted := rate, rate, rate, breaker.Config{Count: true}
	calls.LastCalls, last.LastTime = 100, 30*time.Second
	slow.LastCalls, slow.SlowRate, slow.SlowAfter = 100, breaker.Percent(50), time.Second
	for name, config := range map[string]breaker.Config{
		"consecutive": {Consecutive: 5}, "rate-calls": calls, "rate-time": last, "slow": slow, "counted": counted,
	} {
		b.Run(name, func(b *testing.B) {
			x := made(b, config)
			b.ReportAllocs()
			for b.Loop() {
				if err := call(x, breaker.OK); err != nil {
					b.Error(err)
				}
			}
		})
		b.Run(name+"-parallel", func(b *testing.B) {
			x := made(b, config)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(x, breaker.OK); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkDo(b *testing.B) {
	x, ctx := made(b, breaker.Config{}), b.Context()
	f := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := breaker.Do(ctx, x, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClosedFailure(b *testing.B) {
	x := made(b, breaker.Config{Failures: 1 << 20, Within: 1})
	b.ReportAllocs()
	for b.Loop() {
		if err := call(x, breaker.Failure); err != nil {
			b.Error(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	x := made(b, breaker.Config{})
	x.Trip()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Allow(); err == nil {
			b.Fatal("admitted")
		}
	}
}

func BenchmarkOpenParallel(b *testing.B) {
	x := made(b, breaker.Config{})
	x.Trip()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := x.Allow(); err == nil {
				b.Error("admitted")
			}
		}
	})
}

// BenchmarkHalfOpenContention has all cores ask for a trial that is given back at once,
// neutral, so that it stays half-open.
func BenchmarkHalfOpenContention(b *testing.B) {
	x := made(b, breaker.Config{OpenFor: 1, TrialTimeout: time.Hour, Jitter: breaker.Percent(0)})
	x.Trip()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			permit, err := x.Allow()
			if err != nil && !errors.Is(err, breaker.ErrOpen) {
				b.Error(err)
			}
			permit.Done(breaker.Neutral)
		}
	})
}
