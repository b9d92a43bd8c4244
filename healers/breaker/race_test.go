package breaker_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// TestManyGoroutines has several call, end late and twice, look and meddle at once. At no
// time are more trials of one half-open state out than there may be; events are in order
// and fit together.
func TestManyGoroutines(t *testing.T) {
	for name, config := range map[string]breaker.Config{
		"failures":    {Failures: 3, Within: time.Second},
		"consecutive": {Consecutive: 2},
		"calls":       {FailureRate: breaker.Percent(30), MinCalls: 4, LastCalls: 16, SlowRate: breaker.Percent(90), SlowAfter: time.Hour},
		"time":        {FailureRate: breaker.Percent(30), MinCalls: 4, LastTime: time.Second, Count: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var (
				last  atomic.Uint64
				state = breaker.Closed // of the listener, which is one at a time
				mu    sync.Mutex
				out   = map[uint32]int{} // trials, by the state that they are of
				most  int                // of one state
			)
			config.OpenFor, config.MaxOpenFor, config.RampOver = 20*time.Microsecond, 50*time.Microsecond, 10*time.Microsecond
			config.Trials, config.Successes, config.TrialTimeout = 2, 3, time.Hour
			config.Listen = func(e breaker.Event) {
				if !last.CompareAndSwap(e.Sequence-1, e.Sequence) || e.From != state {
					t.Errorf("event %+v after %d, in %v", e, last.Load(), state)
				}
				state = e.To
			}
			b := made(t, config)
			var all sync.WaitGroup
			for g := range 8 {
				all.Go(func() {
					for i := range 5000 {
						permit, err := b.Allow()
						if err != nil {
							continue
						}
						if permit.Trial() {
							of := permit.Generation() // trials of an earlier state count for nothing
							mu.Lock()
							out[of]++
							most = max(most, out[of])
							mu.Unlock()
							runtime.Gosched() // others may ask while this one is out
							mu.Lock()
							out[of]--
							mu.Unlock()
						}
						switch (i*7 + g) % 16 {
						case 0, 1:
							permit.Done(breaker.Failure)
						case 2:
							permit.Done(breaker.Neutral)
						case 3:
							permit.Done(breaker.Slow)
						default:
							permit.Done(breaker.OK)
						}
						permit.Done(breaker.Failure) // the second counts for nothing
						if i%97 == g {
							b.Snapshot()
							b.Trip()
						}
						if i%331 == g {
							b.Force(breaker.MetricsOnly)
							b.Force(breaker.Automatic)
						}
					}
				})
			}
			all.Wait()
			if most > 2 {
				t.Errorf("%d trials were out at once", most)
			}
			s := b.Snapshot()
			if config.Count && s.Counts.OK+s.Counts.Failure == 0 {
				t.Errorf("counted %+v", s.Counts)
			}
		})
	}
}

// TestSuccessesPutOff has many goroutines add successes while others fail: none is lost.
func TestSuccessesPutOff(t *testing.T) {
	b := made(t, breaker.Config{FailureRate: breaker.Percent(100), MinCalls: 1 << 18, LastCalls: 1 << 18})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 5000 {
				permit, err := b.Allow()
				if err != nil {
					t.Error(err)
				}
				if i%50 == 0 {
					permit.Done(breaker.Failure)
				} else {
					permit.Done(breaker.OK)
				}
			}
		})
	}
	all.Wait()
	if got, want := b.Snapshot().Window, (breaker.Tally{Calls: 20000, Failed: 400}); got != want {
		t.Errorf("the window holds %+v, want %+v", got, want)
	}
}
