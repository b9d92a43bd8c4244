package breaker_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// A breaker changes by itself at an instant, and a timer of its own is not the only one that
// goes off then: whoever slept until that instant finds it changed, and a nanosecond before
// not, though nobody waited for the timer (as pass does).

// till does something a nanosecond before an instant, and something at it.
func till(d time.Duration, before, at func()) {
	<-time.After(d - 1)
	before()
	<-time.After(1)
	at()
}

// trialAt expects a refusal until an instant, and a trial at it.
func trialAt(t *testing.T, b *breaker.Breaker, d time.Duration) (p breaker.Permit) {
	t.Helper()
	till(d, func() {
		if _, err := b.Allow(); !errors.Is(err, breaker.ErrOpen) {
			t.Fatalf("a nanosecond before %v: %v", d, err)
		}
	}, func() {
		var err error
		if p, err = b.Allow(); err != nil || !p.Trial() {
			t.Fatalf("after %v: trial %v, %v", d, p.Trial(), err)
		}
	})
	return p
}

// A call that comes when the delay is over is refused, since a timer or a goroutine of the
// breaker's own has not come so far.
func TestClassTimerLate(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			config := plain
			config.MaxOpenFor = 60 * s
			b := made(t, config)
			fail(t, b, 5)
			for _, d := range []time.Duration{30 * s, 60 * s, 60 * s} {
				p := trialAt(t, b, d)
				p.Done(breaker.Failure) // its lease is shorter than the delay, or as long
			}
			p := trialAt(t, b, 60*s)
			p.Done(breaker.OK)
			is(t, b, breaker.Closed)
			fail(t, b, 5)
			trialAt(t, b, 30*s)
		})
	}
}

// With the clock of the machine, too, and all cores. So short a delay has no time in which
// calls do not ask the clock: no load makes this fail.
func TestDelayIsOverWhenItIs(t *testing.T) {
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			b := made(t, breaker.Config{OpenFor: 5 * time.Millisecond, Jitter: breaker.Percent(0), TrialTimeout: time.Hour})
			b.Trip()
			<-time.After(5 * time.Millisecond)
			if _, err := b.Allow(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestManyDelaysEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 1000 {
			config := plain
			config.OpenFor = 20*s - time.Duration(i)*time.Millisecond
			b := made(t, config)
			<-time.After(time.Millisecond)
			all.Go(func() { trialAt(t, b, config.OpenFor) })
			b.Trip()
		}
		all.Wait()
	})
}

func TestShortDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{1, 2, 50*time.Millisecond - 1, 50 * time.Millisecond, 50*time.Millisecond + 1, s} {
			b := made(t, breaker.Config{OpenFor: d, Growth: breaker.Ratio{Num: 1, Den: 1}, Jitter: breaker.Percent(0)})
			b.Trip()
			for range 3 {
				p := trialAt(t, b, d)
				p.Done(breaker.Failure)
			}
		}
	})
}

func TestTrialInMetricsOnlyAtTheInstant(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			b := made(t, breaker.Config{Jitter: breaker.Percent(0), Mode: breaker.MetricsOnly})
			fail(t, b, 5)
			till(30*s, func() {
				if p, err := b.Allow(); err != nil || p.Trial() {
					t.Fatalf("a nanosecond before: trial %v, %v", p.Trial(), err)
				}
			}, func() {
				if p, err := b.Allow(); err != nil || !p.Trial() {
					t.Fatalf("trial %v, %v", p.Trial(), err)
				}
			})
		})
	}
}

func TestLeaseEndsAtTheInstant(t *testing.T) {
	refused := func(t *testing.T, b *breaker.Breaker, state breaker.State, wait time.Duration) {
		t.Helper()
		_, err := b.Allow()
		refusal, ok := errors.AsType[*breaker.OpenError](err)
		if !ok || refusal.State != state || refusal.RetryAfter() != wait {
			t.Fatalf("%v, want %v for %v", err, state, wait)
		}
	}
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			config := plain
			config.TrialTimeout = 7 * s
			b := made(t, config)
			fail(t, b, 5)
			lost := trialAt(t, b, 30*s)
			till(7*s, func() { refused(t, b, breaker.HalfOpen, 1) }, func() { refused(t, b, breaker.Open, 60*s) })
			lost.Done(breaker.OK)
			is(t, b, breaker.Open)
			late := trialAt(t, b, 60*s)
			till(7*s, func() {}, func() { late.Done(breaker.OK) })
			is(t, b, breaker.Open)
			last := trialAt(t, b, 120*s)
			till(7*s, func() { last.Done(breaker.OK) }, func() {})
			is(t, b, breaker.Closed)
		})
	}
}

func TestRampEndsAtTheInstant(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			config := plain
			config.RampOver, config.RampFrom = 4, breaker.Percent(0) // 0, 1/4, 2/4, 3/4 of calls
			b := made(t, config)
			b.Trip()
			p := trialAt(t, b, 30*s)
			p.Done(breaker.OK)
			count := func(want int) {
				n := 0
				for range 100 {
					if outcome(t, b, breaker.OK) {
						n++
					}
				}
				if n < want-1 || n > want+1 {
					t.Fatalf("%d of 100 calls, want %d", n, want)
				}
			}
			till(4, func() { count(75) }, func() {
				for range 100 {
					if !outcome(t, b, breaker.OK) {
						t.Fatal("refused after the ramp")
					}
				}
			})
		})
	}
}

func TestWindowLeavesAtTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		fail(t, b, 4)
		till(30*s+1, func() {
			if n := b.Snapshot().Window.Failed; n != 4 {
				t.Errorf("after 30 s the window holds %d", n)
			}
		}, func() { fail(t, b, 4) })
		if n := b.Snapshot().Window.Failed; n != 4 {
			t.Errorf("later it holds %d", n)
		}
		is(t, b, breaker.Closed)
	})
}

// TestNothingToWaitFor: a refusal of before says so once there is a trial to have. In a
// bubble the clock of all breakers is negative; this one is not.
func TestNothingToWaitFor(t *testing.T) {
	b := made(t, breaker.Config{OpenFor: 5 * time.Millisecond, TrialTimeout: time.Hour, Jitter: breaker.Percent(0)})
	b.Force(breaker.ForceOpen)
	_, err := b.Allow()
	refusal, ok := errors.AsType[*breaker.OpenError](err)
	if !ok || refusal.RetryAfter() != 5*time.Millisecond {
		t.Fatalf("refused with %v", err)
	}
	b.Force(breaker.Automatic)
	b.Trip()
	<-time.After(5 * time.Millisecond)
	if wait := refusal.RetryAfter(); wait != 0 || b.Snapshot().Wait != 0 {
		t.Errorf("%v to wait, and %v", wait, b.Snapshot().Wait)
	}
	trial, err := b.Allow()
	if err != nil {
		t.Fatal(err)
	}
	if wait := refusal.RetryAfter(); wait <= 59*time.Minute || wait > time.Hour {
		t.Errorf("for a trial that is out, %v", wait)
	}
	trial.Done(breaker.Neutral)
	if wait := refusal.RetryAfter(); wait != 0 {
		t.Errorf("when it has been given back, %v", wait)
	}
}

// TestBubblesEnd, whatever a breaker in them still waits for.
func TestBubblesEnd(t *testing.T) {
	for _, state := range []breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed, breaker.ForcedOpen} {
		t.Run(state.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := plain
				config.RampOver = 10 * s
				config.Listen = func(breaker.Event) {}
				b := made(t, config)
				b.Trip()
				switch state {
				case breaker.HalfOpen:
					trialAt(t, b, 30*s)
				case breaker.Closed: // ramping
					p := trialAt(t, b, 30*s)
					p.Done(breaker.OK)
				case breaker.ForcedOpen:
					b.Force(breaker.ForceOpen)
				case breaker.Open, breaker.ForcedClosed:
				}
				is(t, b, state)
			})
		})
	}
}
