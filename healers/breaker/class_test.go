package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// One test for each class of defect that breakers in the field have had, with where it was
// seen. mutant_test.go takes out what guards against each, and expects its test to fail.

const s = time.Second

// plain is a config without jitter, for times that can be told in advance.
var plain = breaker.Config{Jitter: breaker.Percent(0)}

// outcome makes a call, and tells whether it was admitted.
func outcome(t *testing.T, b *breaker.Breaker, o breaker.Outcome) bool {
	t.Helper()
	permit, err := b.Allow()
	if err != nil && !errors.Is(err, breaker.ErrOpen) {
		t.Fatalf("refused with %v", err)
	}
	permit.Done(o)
	return err == nil
}

func fail(t *testing.T, b *breaker.Breaker, times int) {
	t.Helper()
	for range times {
		if !outcome(t, b, breaker.Failure) {
			t.Fatal("refused")
		}
	}
}

func is(t *testing.T, b *breaker.Breaker, want breaker.State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("it is %v, want %v", got, want)
	}
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// smallrye#319, OpenLiberty#7080, opossum#119, safe-client-gateway#3442: once the delay is
// over, everybody is let through.
func TestClassHalfOpenHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		fail(t, b, 5)
		pass(30 * s)
		admitted := 0
		for range 1000 {
			if _, err := b.Allow(); err == nil {
				admitted++
			}
		}
		if admitted != 1 {
			t.Errorf("%d of 1000 were admitted for one trial", admitted)
		}
	})
}

// resilience4j#935, nora#585, OmniRoute#13836, finagle#524: a trial that never ends keeps
// it half-open for ever.
func TestClassStuckHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		fail(t, b, 5)
		pass(30 * s)
		if _, err := b.Allow(); err != nil {
			t.Fatal(err)
		}
		pass(30*s - 1)
		is(t, b, breaker.HalfOpen)
		pass(1)
		is(t, b, breaker.Open)
		pass(60 * s) // doubled: what is lost has failed
		if !outcome(t, b, breaker.OK) {
			t.Error("no other trial")
		}
		is(t, b, breaker.Closed)
	})
}

// A panic or a Goexit in a call keeps its permit (failsafe-go).
func TestClassPanicKeepsPermit(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, plain)
				var all sync.WaitGroup
				went := false
				for range 5 {
					all.Go(func() {
						defer func() { went = recover() != nil || name == "goexit" }()
						_, _ = breaker.Do(t.Context(), b, func(context.Context) (int, error) { end(); return 0, nil })
					})
					all.Wait()
				}
				if !went {
					t.Error("the panic did not go on")
				}
				is(t, b, breaker.Open)
			})
		})
	}
}

// cockroach#35433, rubyist/circuitbreaker#42, cerberus#738: a call that somebody gave up
// opens it, as a failure, or closes it, as a success.
func TestClassCancelCounted(t *testing.T) {
	for name, err := range map[string]error{
		"canceled": context.Canceled, "wrapped": fmt.Errorf("read: %w", context.Canceled), "in its own words": errors.New("use of closed connection"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, plain)
				give := func() {
					ctx, cancel := context.WithCancel(t.Context())
					_, got := breaker.Do(ctx, b, func(context.Context) (int, error) { cancel(); return 0, err })
					if !errors.Is(got, err) {
						t.Fatalf("got %v", got)
					}
				}
				for range 20 {
					give()
				}
				is(t, b, breaker.Closed)
				fail(t, b, 5)
				pass(30 * s)
				give()
				is(t, b, breaker.HalfOpen)
				if !outcome(t, b, breaker.OK) {
					t.Error("the trial was not given back")
				}
			})
		})
	}
}

// gobreaker#37, #39, #119: a callback under the lock cannot ask the breaker anything.
func TestClassCallbackUnderLock(t *testing.T) {
	var b *breaker.Breaker
	config := plain
	asked := make(chan breaker.State, 1)
	config.Listen = func(breaker.Event) { asked <- b.State() }
	b = made(t, config)
	go b.Trip()
	select {
	case got := <-asked:
		if got != breaker.Open {
			t.Errorf("it was %v", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the listener got no answer")
	}
}

// gascity#4839, circuit#159: events that are told after the lock is released overtake each
// other.
func TestClassEventOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []breaker.State
		hold := make(chan struct{})
		config := plain
		config.Listen = func(e breaker.Event) {
			if e.To == breaker.Open {
				<-hold
			}
			told = append(told, e.To)
		}
		b := made(t, config)
		go b.Trip()
		synctest.Wait()
		b.Reset()
		close(hold)
		synctest.Wait()
		if want := []breaker.State{breaker.Open, breaker.Closed}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// circuit#159: a listener that panics takes the call with it, one that ends its goroutine
// the telling of all that follows.
func TestClassListenerBreaks(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []breaker.State
				config := plain
				var b *breaker.Breaker
				config.Listen = func(e breaker.Event) {
					told = append(told, e.To)
					if e.Sequence == 1 {
						b.Reset()
						end()
					}
				}
				b = made(t, config)
				go func() {
					defer func() {
						if recover() != nil {
							told = nil
						}
					}()
					b.Trip()
				}()
				synctest.Wait()
				b.Trip()
				if want := []breaker.State{breaker.Open, breaker.Closed, breaker.Open}; !slices.Equal(told, want) {
					t.Errorf("told %v, want %v", told, want)
				}
				if n := b.Snapshot().Panics; n != 1 {
					t.Errorf("%d panics", n)
				}
			})
		})
	}
}

// circuit#159, failsafe-go, py circuitbreaker: a result of a call that began before the
// state changed counts as if it were of now.
func TestClassStaleResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		var before []breaker.Permit
		for range 20 {
			permit, err := b.Allow()
			if err != nil {
				t.Fatal(err)
			}
			before = append(before, permit)
		}
		late := func(o breaker.Outcome) {
			for i := range 5 {
				before[i].Done(o)
			}
			before = before[5:]
		}
		fail(t, b, 5)
		late(breaker.OK)
		is(t, b, breaker.Open)
		pass(30 * s)
		late(breaker.Failure)
		is(t, b, breaker.HalfOpen)
		lost, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		pass(90 * s) // its lease, and the delay after it
		is(t, b, breaker.HalfOpen)
		lost.Done(breaker.OK)
		is(t, b, breaker.HalfOpen)
		outcome(t, b, breaker.OK)
		late(breaker.Failure)
		is(t, b, breaker.Closed)
	})
}

// A Done too many counts again.
func TestClassDoubleDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, plain)
		permit, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			permit.Done(breaker.Failure)
		}
		is(t, b, breaker.Closed)
	})
}
