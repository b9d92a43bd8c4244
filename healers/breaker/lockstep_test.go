package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// TestLockstep drives a Breaker, with its timers and its ways around the lock, beside the
// core that the model has checked. They must not differ, whoever looks first, and also not
// at the instants when they change by themselves.
func TestLockstep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubbled{t}, func(t *rapid.T) {
			config := drawConfig(t)
			gated := !config.ProbeOnly && rapid.Bool().Draw(t, "gated")
			gate := func() breaker.Gate {
				if !gated {
					return nil
				}
				g, err := breaker.NewInterval(time.Second)
				if err != nil {
					t.Fatal(err)
				}
				return g
			}
			var (
				mu   sync.Mutex // timers tell too
				told []breaker.Event
			)
			config.Listen = func(e breaker.Event) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, e)
			}
			config.Gate = gate()
			b, err := breaker.New(config)
			if err != nil {
				t.Fatal(err)
			}
			config.Gate = gate()
			core, err := breaker.NewCore(config, breaker.Clock())
			if err != nil {
				t.Fatal(err)
			}
			type pair struct {
				permit breaker.Permit
				ticket breaker.Ticket
				done   bool
			}
			pairs := []*pair{{done: true}}
			for range rapid.IntRange(1, 300).Draw(t, "steps") {
				p := rapid.SampledFrom(pairs).Draw(t, "permit")
				if rapid.Bool().Draw(t, "last") {
					p = pairs[len(pairs)-1]
				}
				o := rapid.SampledFrom(outcomes).Draw(t, "outcome")
				mode := breaker.Mode(rapid.IntRange(0, 3).Draw(t, "mode"))
				if next, ok := core.Next(); ok && rapid.IntRange(0, 9).Draw(t, "instant") < 3 {
					// Nobody waits for the timers that go off then.
					<-time.After(max(0, next-breaker.Clock()-time.Duration(rapid.IntRange(0, 1).Draw(t, "before"))))
				}
				now, got, want := breaker.Clock(), false, false
				switch op := rapid.IntRange(0, 42).Draw(t, "op"); {
				case op < 14:
					permit, err := b.Allow()
					ticket, ok := core.Allow(now)
					if got, want = err == nil, ok; ok {
						pairs = append(pairs, &pair{permit: permit, ticket: ticket})
					} else if e, is := errors.AsType[*breaker.OpenError](err); !is || e == nil || e.State != core.State(now) {
						t.Fatalf("refused with %v", err)
					}
				case op < 28:
					p.permit.Done(o)
					if !p.done {
						core.Done(now, p.ticket, o)
					}
					p.done = true
				case op < 36:
					<-time.After(time.Duration(rapid.Int64Range(1, int64(10*time.Second)).Draw(t, "wait")))
				case op == 36:
					got, want = b.Trip(), core.Trip(now)
				case op == 37:
					got, want = b.Reset(), core.Reset(now)
				case op == 38:
					got, want = b.Probe(o), core.Probe(now, o)
				case op == 39:
					b.Force(mode)
					core.Force(now, mode)
				case op < 42:
					ticket, ok := core.Allow(now)
					if got, want = diesIn(t, b, op == 40), ok; ok {
						core.Done(now, ticket, breaker.Failure)
					}
				default:
					if got, want := b.Snapshot(), core.Snapshot(now); got != want {
						t.Fatalf("%+v, want %+v", got, want)
					}
				}
				synctest.Wait()
				core.Tick(breaker.Clock())
				events := core.Events()
				mu.Lock()
				heard := told
				told = nil
				mu.Unlock()
				if got != want || !slices.Equal(heard, events) {
					t.Fatalf("%v, want %v\ntold %+v\nwant %+v", got, want, heard, events)
				}
			}
			if got, want := b.Snapshot(), core.Snapshot(breaker.Clock()); got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
		})
	})
}

// diesIn tells whether a call was let through, which ends by a panic or by a Goexit.
func diesIn(t *rapid.T, b *breaker.Breaker, panics bool) (through bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }()
		_, _ = breaker.Do(t.Context(), b, func(context.Context) (int, error) {
			through = true
			if panics {
				panic("in a call")
			}
			runtime.Goexit()
			return 0, nil
		})
	}()
	<-ended
	return through
}

// bubbled is a test without the deadline, which may not be asked for in a bubble.
type bubbled struct{ rapid.TB }

// TestClosesAgain: whatever has happened, once nothing fails and somebody calls, it closes
// within the longest delay and a lease.
func TestClosesAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := drawConfig(t)
		config.Mode = breaker.Automatic
		core, err := breaker.NewCore(config, 0)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Duration(0)
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "time"))
			if ticket, ok := core.Allow(now); ok && rapid.Bool().Draw(t, "done") {
				core.Done(now, ticket, rapid.SampledFrom(outcomes).Draw(t, "outcome"))
			} else if rapid.Bool().Draw(t, "probe") {
				core.Probe(now, breaker.Failure)
			}
		}
		longest := 2*config.MaxOpenFor + config.Spread + max(config.TrialTimeout, config.MaxOpenFor)
		now += longest
		if core.State(now) != breaker.Closed {
			for range config.Successes {
				if ticket, ok := core.Allow(now); ok {
					core.Done(now, ticket, breaker.OK)
				}
				core.Probe(now, breaker.OK)
			}
		}
		if s := core.State(now); s != breaker.Closed {
			t.Fatalf("it is %v", s)
		}
	})
}
