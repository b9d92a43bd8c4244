package breaker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// TestTextbook is the zero Config as it is promised.
func TestTextbook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{})
		for range 4 {
			fail(t, b, 1)
			outcome(t, b, breaker.OK)
			pass(7 * s)
		}
		fail(t, b, 1) // the fifth in 28 s
		for _, delay := range []time.Duration{30 * s, 60 * s, 120 * s, 240 * s, 300 * s, 300 * s} {
			is(t, b, breaker.Open)
			_, err := b.Allow()
			refusal, ok := errors.AsType[*breaker.OpenError](err)
			if !ok || !errors.Is(err, breaker.ErrOpen) {
				t.Fatalf("refused with %v", err)
			}
			wait := refusal.RetryAfter()
			if wait < delay || wait > delay+delay/2 {
				t.Fatalf("open for %v, want %v and up to half of that", wait, delay)
			}
			pass(wait - 1)
			if outcome(t, b, breaker.OK) || refusal.RetryAfter() != 1 {
				t.Fatal("admitted before its time")
			}
			pass(1)
			if refusal.RetryAfter() != 0 {
				t.Fatal("there is still to wait")
			}
			if !outcome(t, b, breaker.Failure) {
				t.Fatal("no trial when it was due")
			}
		}
		pass(450 * s)
		outcome(t, b, breaker.OK)
		is(t, b, breaker.Closed)
		fail(t, b, 5)
		if wait := b.Snapshot().Wait; wait < 30*s || wait > 45*s {
			t.Errorf("after it has closed it opens for %v", wait)
		}
	})
}

func TestSlidingWindowForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{})
		for range 20 { // never five within thirty seconds
			fail(t, b, 1)
			pass(30*s/4 + 1)
		}
		is(t, b, breaker.Closed)
	})
}

func TestResetAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.ResetAfter = time.Minute
		b := made(t, config)
		open := func(want time.Duration) {
			t.Helper()
			fail(t, b, 5)
			wait := b.Snapshot().Wait
			if wait != want {
				t.Fatalf("open for %v, want %v", wait, want)
			}
			pass(wait)
			outcome(t, b, breaker.OK)
			is(t, b, breaker.Closed)
		}
		open(30 * s)
		open(60 * s) // it flaps
		pass(time.Minute - 1)
		open(120 * s)
		pass(time.Minute)
		open(30 * s)
	})
}

func TestRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.RampOver = 10 * s
		b := made(t, config)
		b.Trip()
		pass(30 * s)
		outcome(t, b, breaker.OK)
		var got []int
		for range 11 {
			n := 0
			for range 100 {
				permit, err := b.Allow()
				if err == nil {
					n++
				} else if refusal, ok := errors.AsType[*breaker.OpenError](err); !ok || refusal.State != breaker.Closed {
					t.Fatal(err)
				}
				permit.Done(breaker.OK)
			}
			got = append(got, n)
			pass(s)
		}
		// 10 %, growing by 9 a second. The first call passes at once, and what is left of a
		// call at a step is of the next.
		want := []int{10, 19, 28, 37, 46, 55, 64, 73, 82, 91, 100}
		for i := range want {
			if d := got[i] - want[i]; d < -1 || d > 1 {
				t.Errorf("second %d: %d of 100 admitted, want %d", i, got[i], want[i])
			}
		}
	})
}

func TestSpreadIsFixedByIdentity(t *testing.T) {
	config := plain
	config.Spread = time.Minute
	all := map[string]time.Duration{}
	for range 2 {
		for i := range 100 {
			config.Identity = fmt.Sprintf("orders-%d", i)
			core, err := breaker.NewCore(config, 0)
			if err != nil {
				t.Fatal(err)
			}
			core.Trip(0)
			next, _ := core.Next()
			if before, ok := all[config.Identity]; ok && before != next {
				t.Errorf("%s: %v, and then %v", config.Identity, before, next)
			}
			all[config.Identity] = next
		}
	}
	var sixths [6]int
	for _, next := range all {
		sixths[min(5, (next-30*s)/(10*s))]++
	}
	if least := slices.Min(sixths[:]); least < 5 {
		t.Errorf("over the sixths of the spread, 100 are %v", sixths)
	}
}

func TestSeedsReplay(t *testing.T) {
	delays := func(seed uint64) (out []time.Duration) {
		core, err := breaker.NewCore(breaker.Config{Seed: seed}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for now := time.Duration(0); len(out) < 10; {
			core.Trip(now)
			next, _ := core.Next()
			out = append(out, next-now)
			now = next
		}
		return out
	}
	if one, two := delays(7), delays(7); !slices.Equal(one, two) {
		t.Errorf("%v and %v", one, two)
	}
	if slices.Equal(delays(7), delays(8)) {
		t.Error("two seeds give the same")
	}
}

func TestForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.RampOver = 10 * s
		b := made(t, config)
		b.Force(breaker.ForceClosed)
		fail(t, b, 100)
		is(t, b, breaker.ForcedClosed)
		if b.Trip() || b.Reset() || b.Probe(breaker.OK) {
			t.Error("what is forced was changed")
		}
		b.Force(breaker.Automatic)
		fail(t, b, 5) // no ramp: it had its calls
		b.Force(breaker.MetricsOnly)
		is(t, b, breaker.Open)
		for range 10 {
			if !outcome(t, b, breaker.Failure) {
				t.Fatal("refused where nothing is")
			}
		}
		pass(30 * s)
		outcome(t, b, breaker.OK)
		is(t, b, breaker.Closed)
		b.Force(breaker.ForceOpen)
		_, err := b.Allow()
		refusal, _ := errors.AsType[*breaker.OpenError](err)
		if refusal.State != breaker.ForcedOpen || refusal.RetryAfter() != 30*s {
			t.Errorf("refused with %v, for %v", err, refusal.RetryAfter())
		}
		b.Force(breaker.Automatic)
		is(t, b, breaker.Closed)
		if !outcome(t, b, breaker.OK) || outcome(t, b, breaker.OK) {
			t.Error("no ramp after it was forced open")
		}
	})
}

func TestProbeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.ProbeOnly, config.Successes = true, 2
		b := made(t, config)
		fail(t, b, 5)
		if b.Probe(breaker.OK) {
			t.Error("it counted while it was open")
		}
		pass(30 * s)
		_, err := b.Allow()
		if refusal, ok := errors.AsType[*breaker.OpenError](err); !ok || refusal.State != breaker.HalfOpen || refusal.RetryAfter() != 30*s {
			t.Errorf("a user's call: %v", err)
		}
		b.Probe(breaker.OK)
		is(t, b, breaker.HalfOpen)
		b.Probe(breaker.Failure)
		is(t, b, breaker.Open)
		pass(60 * s)
		b.Probe(breaker.OK)
		b.Probe(breaker.OK)
		is(t, b, breaker.Closed)
	})
}

func TestSlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.SlowRate, config.SlowAfter, config.MinCalls, config.LastCalls = breaker.Percent(50), s, 4, 10
		b := made(t, config)
		take := func(d time.Duration) {
			permit, err := b.Allow()
			if err != nil {
				t.Fatal(err)
			}
			pass(d)
			permit.Done(breaker.OK)
		}
		take(s - 1)
		take(s - 1)
		take(s)
		if got, want := b.Snapshot().Window, (breaker.Tally{Calls: 3, Slow: 1}); got != want {
			t.Errorf("the window holds %+v, want %+v", got, want)
		}
		take(s)
		is(t, b, breaker.Open)
		pass(30 * s)
		take(s)
		is(t, b, breaker.Open)
	})
}

// TestSuccessCanOpen: it can be the call that makes them enough.
func TestSuccessCanOpen(t *testing.T) {
	for name, config := range map[string]breaker.Config{
		"calls": {FailureRate: breaker.Percent(50), MinCalls: 4, LastCalls: 8},
		"time":  {FailureRate: breaker.Percent(50), MinCalls: 4, LastTime: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := made(t, config)
			fail(t, b, 2)
			outcome(t, b, breaker.OK)
			is(t, b, breaker.Closed)
			if outcome(t, b, breaker.OK); outcome(t, b, breaker.OK) {
				t.Error("half of four failed, and a fifth was admitted")
			}
		})
	}
}
