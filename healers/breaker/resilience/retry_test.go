package resilience_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

func TestRetry(t *testing.T) {
	for _, row := range []struct {
		name        string
		retry       resilience.Retry[string]
		budget      *resilience.Budget
		err         error
		calls       int
		least, most time.Duration
		want        error
	}{
		{name: "HAPPY the zero value", err: errLost, calls: 3, least: 150 * time.Millisecond, most: 450 * time.Millisecond, want: errLost},
		{name: "HAPPY as often as it says", retry: resilience.Retry[string]{Max: 4, Delay: time.Second, MaxDelay: time.Second}, err: errLost, calls: 5, least: 2 * time.Second, most: 6 * time.Second, want: errLost},
		{name: "HAPPY when it is asked to wait", err: busy(time.Second), calls: 3, least: 2 * time.Second, most: 6 * time.Second, want: busy(time.Second)},
		{name: "HAPPY not when it is asked to wait long", err: busy(3 * time.Second), calls: 1, want: busy(3 * time.Second)},
		{name: "HAPPY not what was refused", err: &breaker.OpenError{}, calls: 1, want: breaker.ErrOpen},
		{name: "HAPPY not what was cancelled", err: context.Canceled, calls: 1, want: context.Canceled},
		{name: "HAPPY not what is none", retry: resilience.Retry[string]{When: func(string, error) bool { return false }}, err: errLost, calls: 1, want: errLost},
		{name: "HAPPY without an error", retry: resilience.Retry[string]{When: func(v string, _ error) bool { return v == "" }}, calls: 3, least: 150 * time.Millisecond, most: 450 * time.Millisecond},
		{
			name: "HAPPY as the result asks", calls: 2, least: time.Minute, most: 3 * time.Minute,
			retry: resilience.Retry[string]{
				Max: 1, MaxDelay: time.Minute, When: func(v string, _ error) bool { return v == "" },
				After: func(string, error) time.Duration { return time.Minute },
			},
		},
		{name: "SAD the budget is spent", budget: &resilience.Budget{Burst: 1}, err: errLost, calls: 2, least: 50 * time.Millisecond, most: 450 * time.Millisecond, want: budget.ErrExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				policy, err := row.retry.Policy(row.budget)
				if err != nil {
					t.Fatal(err)
				}
				calls, began := 0, time.Now()
				_, err = failsafe.With[string](policy).Get(func() (string, error) {
					calls++
					return "", row.err
				})
				if calls != row.calls || !errors.Is(err, row.want) {
					t.Errorf("%d calls, %v; want %d, %v", calls, err, row.calls, row.want)
				}
				if took := time.Since(began); took < row.least || took > row.most {
					t.Errorf("took %v, want %v to %v", took, row.least, row.most)
				}
			})
		})
	}
	if _, err := (&resilience.Retry[string]{Max: -1}).Policy(&resilience.Budget{Burst: -1}); !errors.Is(err, resilience.ErrConfig) {
		t.Errorf("a contradiction was taken: %v", err)
	}
}

// TestRetryStorm has a dependency that fails at once for everybody. The budget holds to its
// share. That of failsafe-go, which bounds what is out at once, lets nearly all through: it
// is why there is another.
func TestRetryStorm(t *testing.T) {
	const calls = 2000
	storm := func(t *testing.T, policy failsafe.Policy[string]) float64 {
		t.Helper()
		var attempts atomic.Int64
		synctest.Test(t, func(t *testing.T) {
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					_, _ = failsafe.With(policy).Get(func() (string, error) {
						attempts.Add(1)
						<-time.After(100 * time.Microsecond)
						return "", errLost
					})
				})
				<-time.After(time.Millisecond) // a thousand a second
			}
			all.Wait()
		})
		return float64(attempts.Load()) / calls
	}
	t.Run("HAPPY with the budget", func(t *testing.T) {
		policy, err := (&resilience.Retry[string]{}).Policy(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := storm(t, policy); got <= 1 || got > 1.2+10.0/calls {
			t.Errorf("%.3f attempts a call", got)
		}
	})
	t.Run("SAD with a bound on those out at once", func(t *testing.T) {
		policy := retrypolicy.NewBuilder[string]().WithBackoff(100*time.Millisecond, time.Second).WithJitterFactor(0.5).WithBudget(budget.New()).Build()
		if got := storm(t, policy); got < 2 {
			t.Errorf("%.3f attempts a call: this budget would do", got)
		}
	})
}

// TestBudgetProperty: however calls, retries and hedges follow each other, there are never
// more of the latter than the burst and the share of the calls so far.
func TestBudgetProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		den := rapid.IntRange(1, 100).Draw(t, "den")
		b := &resilience.Budget{
			Share: breaker.Ratio{Num: rapid.IntRange(0, den).Draw(t, "num"), Den: den},
			Burst: rapid.IntRange(1, 20).Draw(t, "burst"),
		}
		retry, err := (&resilience.Retry[string]{Max: 50, Delay: 1, MaxDelay: 1}).Policy(b)
		if err != nil {
			t.Fatal(err)
		}
		extra, refused := 0, uint64(0)
		for n, failures := range rapid.SliceOfN(rapid.IntRange(0, 12), 1, 60).Draw(t, "calls") {
			left := failures
			attempts := 0
			_, err := failsafe.With[string](retry).Get(func() (string, error) {
				attempts++
				if left--; left >= 0 {
					return "", errLost
				}
				return "", nil
			})
			extra += attempts - 1
			if errors.Is(err, budget.ErrExceeded) {
				refused++
			}
			if allowed := b.Burst*den + b.Share.Num*(n+1); extra*den > allowed {
				t.Fatalf("%d retries of %d calls, with a burst of %d and a share of %d/%d", extra, n+1, b.Burst, b.Share.Num, den)
			}
		}
		if b.Refused() != refused {
			t.Fatalf("refused %d, counted %d", refused, b.Refused())
		}
	})
}
