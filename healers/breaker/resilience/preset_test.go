package resilience_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

type preset = resilience.Preset[string]

func TestPresetValidate(t *testing.T) {
	b := made(t, breaker.Config{})
	for _, row := range []struct {
		name   string
		preset preset
		want   []string
	}{
		{"HAPPY none", preset{}, nil},
		{"HAPPY all", preset{
			Breaker: b, Timeout: 10 * time.Second, AttemptTimeout: time.Second,
			Budget: &resilience.Budget{}, Retry: &resilience.Retry[string]{}, Hedge: &resilience.Hedge{},
			Bulkhead: &resilience.Bulkhead{}, Limiter: &resilience.Limiter{}, Fallback: &degraded.Fallback[string]{},
		}, nil},
		{"HAPPY a limiter of few", preset{Limiter: &resilience.Limiter{Max: 4}}, nil},
		{"HAPPY a limiter of many", preset{Limiter: &resilience.Limiter{Min: 400}}, nil},
		{"SAD negative times", preset{Timeout: -1, AttemptTimeout: -1}, []string{"Timeout -1ns is negative", "AttemptTimeout -1ns is negative"}},
		{"SAD for nothing", preset{
			Classify: func(context.Context, string, error) breaker.Outcome { return breaker.OK },
			Budget:   &resilience.Budget{Share: breaker.Ratio{Num: 2, Den: 1}, Burst: -1},
		}, []string{"Classify is for", "Budget is for", "Burst -1 is negative", "2/1 is no share"}},
		{"SAD times that do not fit", preset{
			Timeout: time.Second, AttemptTimeout: time.Second,
			Retry: &resilience.Retry[string]{Delay: time.Second, MaxDelay: time.Millisecond}, Hedge: &resilience.Hedge{After: time.Second},
		}, []string{"AttemptTimeout 1s is not less", "MaxDelay 1ms is less", "Retry.Delay 1s is not less", "Hedge.After 1s is not less"}},
		{"SAD numbers", preset{
			Retry: &resilience.Retry[string]{Max: -1}, Hedge: &resilience.Hedge{Max: 1 << 30, After: -1},
			Bulkhead: &resilience.Bulkhead{Calls: -1, Wait: -1}, Limiter: &resilience.Limiter{Min: 5, Max: 4, Initial: -3},
		}, []string{"Retry.Max -1", "Hedge.Max 1073741824 is more", "Hedge.After -1ns", "Bulkhead.Calls -1", "Bulkhead.Wait -1ns", "Limiter.Initial -3", "Limiter.Min 5 is more than Max 4"}},
		{"SAD a budget without bounds that has some", preset{
			Retry: &resilience.Retry[string]{}, Budget: &resilience.Budget{Unlimited: true, Burst: 1},
		}, []string{"Unlimited has neither"}},
		{"SAD a beginning outside", preset{Limiter: &resilience.Limiter{Min: 5, Max: 9, Initial: 10}}, []string{"Initial 10 is not between"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := row.preset.Build()
			if len(row.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, resilience.ErrConfig) {
				t.Fatalf("got %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(row.want) {
				t.Errorf("%d problems, want %d:\n%v", len(lines), len(row.want), err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not said:\n%v", want, err)
				}
			}
		})
	}
}

func TestPreset(t *testing.T) {
	static := &degraded.Fallback[string]{Value: "static"}
	for _, row := range []struct {
		name     string
		preset   preset
		call     func(ctx context.Context, n int) (string, error)
		calls    int
		want     string
		err      error
		degraded bool
		took     time.Duration
	}{
		{"HAPPY nothing around it", preset{}, func(context.Context, int) (string, error) { return "fine", nil }, 1, "fine", nil, false, 0},
		{"HAPPY the second attempt", preset{Retry: &resilience.Retry[string]{}}, func(_ context.Context, n int) (string, error) {
			if n == 1 {
				return "", errLost
			}
			return "fine", nil
		}, 2, "fine", nil, false, -1},
		{"SAD the budget is spent, and why it was asked", preset{Retry: &resilience.Retry[string]{}, Budget: &resilience.Budget{Burst: 1}}, func(context.Context, int) (string, error) { return "", errLost }, 2, "", errLost, false, -1},
		{"SAD all attempts hang", preset{Timeout: 5 * time.Second, AttemptTimeout: time.Second, Retry: &resilience.Retry[string]{Delay: 1, MaxDelay: 1}}, func(ctx context.Context, _ int) (string, error) { return hang(ctx) }, 3, "", timeout.ErrExceeded, false, -1},
		{"SAD the whole takes too long", preset{Timeout: 2500 * time.Millisecond, AttemptTimeout: time.Second, Retry: &resilience.Retry[string]{Max: 9, Delay: 1, MaxDelay: 1}}, func(ctx context.Context, _ int) (string, error) { return hang(ctx) }, 3, "", timeout.ErrExceeded, false, 2500 * time.Millisecond},
		{"HAPPY an answer instead", preset{Timeout: time.Second, Fallback: static}, func(ctx context.Context, _ int) (string, error) { return hang(ctx) }, 1, "static", nil, true, time.Second},
		{"HAPPY a hedge", preset{Hedge: &resilience.Hedge{After: time.Second}}, func(ctx context.Context, n int) (string, error) {
			if n == 1 {
				return hang(ctx)
			}
			return "second", nil
		}, 2, "second", nil, false, time.Second},
		{"HAPPY no hedge before enough is known", preset{Hedge: &resilience.Hedge{}}, func(context.Context, int) (string, error) {
			<-time.After(time.Hour)
			return "fine", nil
		}, 1, "fine", nil, false, time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := built(t, row.preset)
				ctx, mark := degraded.Watch(t.Context())
				var mu sync.Mutex
				calls, began := 0, time.Now()
				v, err := x.Do(ctx, func(ctx context.Context) (string, error) {
					mu.Lock()
					calls++
					n := calls
					mu.Unlock()
					return row.call(ctx, n)
				})
				if v != row.want || !errors.Is(err, row.err) || mark.Degraded() != row.degraded {
					t.Errorf("got %q, %v, degraded %v", v, err, mark.Degraded())
				}
				if calls != row.calls {
					t.Errorf("%d calls, want %d", calls, row.calls)
				}
				if took := time.Since(began); row.took >= 0 && took != row.took {
					t.Errorf("took %v, want %v", took, row.took)
				}
			})
		})
	}
}

// The budget's refusal keeps the error for which a retry was wanted.
func TestPresetBudgetSaysBoth(t *testing.T) {
	x := built(t, preset{Retry: &resilience.Retry[string]{Delay: 1, MaxDelay: 1}, Budget: &resilience.Budget{Burst: 1}})
	_, err := x.Do(t.Context(), func(context.Context) (string, error) { return "", errLost })
	if !errors.Is(err, budget.ErrExceeded) || !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
}

// Hedges and retries have one budget, and a call earns once.
func TestPresetHedgesSpendOfTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spend := &resilience.Budget{Burst: 1, Share: breaker.Percent(50)}
		x := built(t, preset{Budget: spend, Hedge: &resilience.Hedge{After: time.Second}, Retry: &resilience.Retry[string]{}})
		var mu sync.Mutex
		attempts := 0
		for range 9 {
			_, _ = x.Do(t.Context(), func(context.Context) (string, error) {
				mu.Lock()
				attempts++
				mu.Unlock()
				<-time.After(3 * time.Second)
				return "", nil
			})
		}
		synctest.Wait()
		// One at first, and one of each two calls after.
		if attempts != 9+1+4 || spend.Refused() != 4 {
			t.Errorf("%d attempts, %d refused", attempts, spend.Refused())
		}
		<-time.After(time.Minute) // for those no longer waited for
	})
}

// A hedge of a trial finds the breaker's one permit taken. That must not be the answer.
func TestPresetRefusedHedgeDoesNotEndTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{OpenFor: time.Second, Jitter: breaker.Percent(0), TrialTimeout: time.Minute})
		b.Trip()
		<-time.After(time.Second)
		synctest.Wait() // half-open
		x := built(t, preset{Breaker: b, Hedge: &resilience.Hedge{After: time.Second}})
		v, err := x.Do(t.Context(), func(context.Context) (string, error) {
			<-time.After(3 * time.Second)
			return "fine", nil
		})
		if v != "fine" || err != nil || b.State() != breaker.Closed {
			t.Errorf("got %q, %v, %v", v, err, b.State())
		}
		counted(t, b, breaker.Counts{OK: 1, Rejected: 1})
	})
}

// What the limit refuses gives a trial back: it is not lost for the next.
func TestPresetLimitGivesTrialsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0), TrialTimeout: time.Hour})
		x := built(t, preset{Breaker: b, Limiter: &resilience.Limiter{Max: 1}})
		slow, begin := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := x.Do(slow, hang)
			done <- err
		}()
		synctest.Wait() // the limit is reached
		b.Trip()
		<-time.After(time.Second)
		synctest.Wait() // half-open
		for range 3 {
			if _, err := x.Do(t.Context(), hang); !errors.Is(err, adaptivelimiter.ErrExceeded) {
				t.Errorf("got %v", err)
			}
		}
		begin()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		v, err := x.Do(t.Context(), func(context.Context) (string, error) { return "fine", nil })
		if v != "fine" || err != nil || b.State() != breaker.Closed {
			t.Errorf("got %q, %v, %v", v, err, b.State())
		}
	})
}

func TestPresetBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := built(t, preset{Bulkhead: &resilience.Bulkhead{Calls: 1}, Retry: &resilience.Retry[string]{}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := x.Do(ctx, hang)
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := x.Do(t.Context(), hang); !errors.Is(err, bulkhead.ErrFull) || time.Since(began) != 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		// Its place is free again, also after a panic.
		for range 3 {
			if got := thrown(func() { _, _ = x.Do(t.Context(), func(context.Context) (string, error) { panic(errLost) }) }); got != errLost { //nolint:errorlint // the value itself
				t.Errorf("panicked with %v", got)
			}
		}
	})
}

// A panic is a failure of each attempt's breaker, no matter for a retry, a hedge or a
// fallback, and reaches the caller.
func TestPresetPanic(t *testing.T) {
	b := made(t, breaker.Config{Classify: func(context.Context, error) breaker.Outcome { return breaker.OK }})
	x := built(t, preset{
		Breaker: b, Timeout: time.Hour, AttemptTimeout: time.Minute,
		Retry: &resilience.Retry[string]{}, Hedge: &resilience.Hedge{After: time.Second}, Limiter: &resilience.Limiter{Max: 1},
		Fallback: &degraded.Fallback[string]{Value: "static"},
	})
	for range 3 {
		if got := thrown(func() { _, _ = x.Do(t.Context(), func(context.Context) (string, error) { panic("oh") }) }); got != "oh" {
			t.Errorf("panicked with %v", got)
		}
	}
	counted(t, b, breaker.Counts{Failure: 3})
}

// A caller who gave up gets no other answer: there is nobody to read it.
func TestPresetGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{})
		x := built(t, preset{Breaker: b, Retry: &resilience.Retry[string]{}, Fallback: &degraded.Fallback[string]{Value: "static"}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		watched, mark := degraded.Watch(ctx)
		if v, err := x.Do(watched, hang); v != "" || !errors.Is(err, context.DeadlineExceeded) || mark.Degraded() {
			t.Errorf("got %q, %v, %v", v, err, mark.Degraded())
		}
		counted(t, b, breaker.Counts{Failure: 1}) // a deadline is
	})
}

// Its policies can be taken for failsafe's own adapters.
func TestPresetPolicies(t *testing.T) {
	b := made(t, breaker.Config{})
	b.Trip()
	x := built(t, preset{Breaker: b, Fallback: &degraded.Fallback[string]{Value: "static"}})
	ctx, mark := degraded.Watch(t.Context())
	v, err := failsafe.With(x.Policies()...).WithContext(ctx).Get(func() (string, error) { return "fresh", nil })
	if v != "static" || err != nil || !mark.Degraded() {
		t.Errorf("got %q, %v, %v", v, err, mark.Degraded())
	}
}
