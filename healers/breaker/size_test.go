package breaker_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// TestLongest has times as long as there are: nothing turns negative.
func TestLongest(t *testing.T) {
	core, err := breaker.NewCore(breaker.Config{OpenFor: math.MaxInt64, Spread: math.MaxInt64, Identity: "a", TrialTimeout: math.MaxInt64}, s)
	if err != nil {
		t.Fatal(err)
	}
	core.Trip(s)
	if next, ok := core.Next(); !ok || next < math.MaxInt64/2 {
		t.Errorf("open until %v", next)
	}
	if got := core.State(math.MaxInt64 / 2); got != breaker.Open {
		t.Errorf("it is %v", got)
	}
}

// TestSize: a breaker with its window takes 256 bytes at most, and no goroutine, though
// every window is full. What an outage adds is only told.
func TestSize(t *testing.T) {
	const n = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	all := make([]*breaker.Breaker, n)
	before, goroutines := heap(), runtime.NumGoroutine()
	for i := range all {
		all[i] = made(t, breaker.Config{})
		fail(t, all[i], 4)
	}
	closed := heap()
	for _, b := range all {
		fail(t, b, 1)
	}
	open := heap()
	if each := float64(closed-before) / n; each > 256 {
		t.Errorf("a breaker takes %.0f bytes, want 256 at most", each)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 0 {
		t.Errorf("%d goroutines more", more)
	}
	t.Logf("a breaker takes %d bytes, and %d while it is open", (closed-before)/n, (open-before)/n)
	runtime.KeepAlive(all)
}

func TestNothingIsAllocated(t *testing.T) {
	closed, open := made(t, breaker.Config{}), made(t, breaker.Config{})
	half := made(t, breaker.Config{OpenFor: 1, TrialTimeout: time.Hour})
	open.Trip()
	half.Trip()
	for half.State() != breaker.HalfOpen {
		runtime.Gosched()
	}
	for name, f := range map[string]func(){
		"closed":    func() { outcome(t, closed, breaker.OK) },
		"half-open": func() { outcome(t, half, breaker.Neutral) }, // trials that come and go arm no timers
		"open": func() {
			if _, err := open.Allow(); err == nil {
				t.Error("admitted")
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"half-open": breaker.HalfOpen, "metrics only": breaker.MetricsOnly, "automatic": breaker.Automatic,
		"neutral": breaker.Neutral, "trial expired": breaker.TrialExpired, "forced": breaker.Forced, "unknown": breaker.State(0),
	} {
		if got.String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	for want, e := range map[string]breaker.OpenError{
		"breaker is half-open and has no trial to give":                {State: breaker.HalfOpen},
		"breaker db has closed and does not let all calls through yet": {Name: "db", State: breaker.Closed},
		"breaker db is forced open":                                    {Name: "db", State: breaker.ForcedOpen},
	} {
		if e.Error() != want || e.RetryAfter() != 0 {
			t.Errorf("%v, want %s", e.Error(), want)
		}
	}
}
