package breaker_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// virtrigaud#70: the call that finds the delay over is not counted as a trial.
func TestClassFirstTrialNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := plain
		config.Trials = 2
		b := made(t, config)
		fail(t, b, 5)
		pass(30 * s)
		for i := range 3 {
			if _, err := b.Allow(); (err == nil) != (i < 2) {
				t.Errorf("trial %d of 2: %v", i+1, err)
			}
		}
	})
}

// agentic_security#328, smallrye#320: what fails while it is half-open is not heeded, or
// only as if it were closed.
func TestClassHalfOpenFailureIgnored(t *testing.T) {
	for _, o := range []breaker.Outcome{breaker.Failure, breaker.Slow, 0, 77} {
		t.Run(o.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, plain)
				fail(t, b, 5)
				pass(30 * s)
				outcome(t, b, o)
				is(t, b, breaker.Open)
			})
		})
	}
}

// circuit#159 (57 of 100 is less than 57 %), failsafe-go (49.5 % is 50 %).
func TestClassThresholdRounded(t *testing.T) {
	for _, row := range []struct {
		failed, calls int
		rate          breaker.Ratio
		opens         bool
	}{
		{57, 100, breaker.Percent(57), true},
		{56, 100, breaker.Percent(57), false},
		{99, 200, breaker.Percent(50), false},
		{100, 200, breaker.Percent(50), true},
		{1, 3, breaker.Ratio{Num: 1, Den: 3}, true},
		{333333, 1000000, breaker.Ratio{Num: 1, Den: 3}, false},
		{29, 100, breaker.Percent(29), true},
	} {
		t.Run(fmt.Sprintf("%d of %d", row.failed, row.calls), func(t *testing.T) {
			b := made(t, breaker.Config{FailureRate: row.rate, MinCalls: row.calls, LastCalls: row.calls})
			for i := range row.calls {
				o := breaker.OK
				if i < row.failed {
					o = breaker.Failure
				}
				outcome(t, b, o)
			}
			if got := b.State() == breaker.Open; got != row.opens {
				t.Errorf("it is %v", b.State())
			}
		})
	}
}

// The fifth failure exactly 30 s after the first is within 30 s, one a nanosecond later is
// not; buckets have it within 27 to 30 (failsafe-go), tumbling windows within 30 or not.
func TestClassWindowEdge(t *testing.T) {
	for _, row := range []struct {
		after time.Duration
		want  breaker.State
	}{{30 * s, breaker.Open}, {30*s + 1, breaker.Closed}} {
		t.Run(row.after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, plain)
				pass(20 * s) // so that a tumbling window would end between
				fail(t, b, 1)
				pass(row.after)
				fail(t, b, 4)
				is(t, b, row.want)
			})
		})
	}
}

// circuit#159: what is written after an idle gap is lost; failsafe-go: what is read after
// one is of before it.
func TestClassIdleWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := breaker.Config{FailureRate: breaker.Percent(50), MinCalls: 3, LastTime: 10 * s}
		read, written := made(t, config), made(t, config)
		fail(t, read, 2)
		fail(t, written, 2)
		pass(time.Hour)
		if w := read.Snapshot().Window; w != (breaker.Tally{}) {
			t.Errorf("an hour later the window of 10s holds %+v", w)
		}
		fail(t, written, 2)
		is(t, written, breaker.Closed)
		fail(t, written, 1)
		is(t, written, breaker.Open)
	})
}

// solace-broker-mcp#296: failures in a row that are far between are forgotten one by one.
func TestClassDecayedCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{Consecutive: 5})
		for range 5 {
			is(t, b, breaker.Closed)
			pass(10 * time.Minute)
			outcome(t, b, breaker.Neutral)
			fail(t, b, 1)
		}
		is(t, b, breaker.Open)
	})
}

// failsafe-go PR#142, baseplate.go#697: breakers that opened together try together. Those
// of streamlit#15902 do at the cap, since their jitter came before it.
func TestClassNoJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, config := range []breaker.Config{{}, {OpenFor: 5 * time.Minute}} {
			first := max(config.OpenFor, 30*s)
			var all []time.Duration
			for range 200 {
				b := made(t, config)
				b.Trip()
				all = append(all, b.Snapshot().Wait)
			}
			slices.Sort(all)
			// Of 200 drawn from 0 to a half, less than a 20th beyond either end has a
			// chance of 0.9^200, 7e-10.
			low, high := first+first/20, first+first*9/20
			if all[0] < first || all[0] > low || all[199] > first+first/2 || all[199] < high {
				t.Errorf("delays from %v to %v, want from %v to half more", all[0], all[199], first)
			}
			if n := len(slices.Compact(all)); n != 200 {
				t.Errorf("%d different delays of 200", n)
			}
		}
	})
}

// circuit#150: forced open, it still tries.
func TestClassForcedOpenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		fail(t, b, 5)
		b.Force(breaker.ForceOpen)
		pass(24 * time.Hour)
		if outcome(t, b, breaker.OK) {
			t.Error("a call was admitted")
		}
		is(t, b, breaker.ForcedOpen)
	})
}

// circuit#150: leave for a trial is spent on a call that is then refused.
func TestClassTrialWasted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, err := breaker.NewInterval(10 * s)
		if err != nil {
			t.Fatal(err)
		}
		config := plain
		config.Gate = gate
		one, two := made(t, config), made(t, config)
		fail(t, one, 5)
		fail(t, two, 5)
		pass(30 * s)
		if _, err := one.Allow(); err != nil {
			t.Fatal(err)
		}
		if outcome(t, two, breaker.OK) {
			t.Error("two trials within the interval")
		}
		pass(10 * s)
		outcome(t, one, breaker.OK) // its trial is out: it may not take the gate's leave
		if !outcome(t, two, breaker.OK) {
			t.Error("the other has no trial")
		}
	})
}

// failsafe-go, hystrix-go: a clock that is set back makes it stay open for as much longer.
func TestClassClockSetBack(t *testing.T) {
	core, err := breaker.NewCore(plain, 10*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	core.Trip(10 * time.Hour)
	core.Tick(10*time.Hour + 10*s)
	core.Tick(s) // set back by ten hours
	if got := core.State(21*s - 1); got != breaker.Open {
		t.Errorf("it is %v before its time", got)
	}
	if got := core.State(21 * s); got != breaker.HalfOpen {
		t.Errorf("it is %v after 30s", got)
	}
}
