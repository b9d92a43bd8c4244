package resilience_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

func TestPolicyOutcomes(t *testing.T) {
	for _, row := range []struct {
		name     string
		result   string
		err      error
		classify func(context.Context, string, error) breaker.Outcome
		config   breaker.Config
		want     breaker.Counts
	}{
		{name: "HAPPY a success", result: "fine", want: breaker.Counts{OK: 1}},
		{name: "SAD an error", err: errLost, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY cancelled", err: context.Canceled, want: breaker.Counts{Neutral: 1}},
		{name: "HAPPY refused within", err: bulkhead.ErrFull, want: breaker.Counts{Neutral: 1}},
		{name: "HAPPY refused by another breaker", err: &breaker.OpenError{}, want: breaker.Counts{Neutral: 1}},
		{name: "SAD a timeout within", err: timeout.ErrExceeded, want: breaker.Counts{Failure: 1}},
		{
			name: "SAD a result that is a failure", result: "sorry", want: breaker.Counts{Failure: 1},
			classify: func(ctx context.Context, v string, err error) breaker.Outcome {
				if v == "sorry" {
					return breaker.Failure
				}
				return breaker.Classify(ctx, err)
			},
		},
		{
			name: "HAPPY the breaker's own mind", err: errLost, want: breaker.Counts{Neutral: 1},
			config: breaker.Config{Classify: func(context.Context, error) breaker.Outcome { return breaker.Neutral }},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, row.config)
			p := &resilience.Policy[string]{Breaker: b, Classify: row.classify}
			v, err := failsafe.With[string](p).Get(func() (string, error) { return row.result, row.err })
			if v != row.result || !errors.Is(err, row.err) {
				t.Errorf("got %q, %v", v, err)
			}
			counted(t, b, row.want)
		})
	}
}

// What hangs is told by a timeout, whether that is within the breaker or around it. What
// the caller gave up is not.
func TestPolicyAndTimeouts(t *testing.T) {
	for _, row := range []struct {
		name     string
		policies func(*resilience.Policy[string]) []failsafe.Policy[string]
		cancel   bool
		want     breaker.Counts
	}{
		{"SAD within", func(p *resilience.Policy[string]) []failsafe.Policy[string] {
			return []failsafe.Policy[string]{p, timeout.New[string](time.Second)}
		}, false, breaker.Counts{Failure: 1}},
		{"SAD around", func(p *resilience.Policy[string]) []failsafe.Policy[string] {
			return []failsafe.Policy[string]{timeout.New[string](time.Second), p}
		}, false, breaker.Counts{Failure: 1}},
		{"HAPPY given up", func(p *resilience.Policy[string]) []failsafe.Policy[string] {
			return []failsafe.Policy[string]{timeout.New[string](time.Minute), p}
		}, true, breaker.Counts{Neutral: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, breaker.Config{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if row.cancel {
					time.AfterFunc(time.Second, cancel)
				}
				p := &resilience.Policy[string]{Breaker: b}
				_, err := failsafe.With(row.policies(p)...).WithContext(ctx).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
					return hang(e.Context())
				})
				if err == nil {
					t.Error("no error")
				}
				counted(t, b, row.want)
			})
		})
	}
}

// The one that is slower of two hedges is cancelled for no fault of its own.
func TestPolicyAndHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{})
		p := &resilience.Policy[string]{Breaker: b}
		v, err := failsafe.With(hedgepolicy.NewWithDelay[string](time.Second), p).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
			if e.IsHedge() {
				return "quick", nil
			}
			return hang(e.Context())
		})
		if v != "quick" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		synctest.Wait()
		counted(t, b, breaker.Counts{OK: 1, Neutral: 1})
	})
}

func TestPolicyRefuses(t *testing.T) {
	b := made(t, breaker.Config{Name: "store"})
	b.Trip()
	call := func() (string, error) { t.Error("called"); return "", nil }
	retry, err := (&resilience.Retry[string]{Max: 5}).Policy(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &resilience.Policy[string]{Breaker: b}
	if _, err := failsafe.With(retry, p).Get(call); !errors.Is(err, breaker.ErrOpen) || err.Error() != "breaker store is open" {
		t.Errorf("got %v", err)
	}
	if open, ok := errors.AsType[*breaker.OpenError](mustFail(failsafe.With[string](p).Get(call))); !ok || open.RetryAfter() <= 0 {
		t.Errorf("no OpenError with a delay: %v", open)
	}
	v, err := failsafe.With(fallback.NewWithResult("static"), retry, p).Get(call)
	if v != "static" || err != nil {
		t.Errorf("fallback: %q, %v", v, err)
	}
	// One refusal each: a retry of what was refused would be one more.
	counted(t, b, breaker.Counts{Rejected: 3})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := failsafe.With[string](p).WithContext(ctx).Get(call); !errors.Is(err, context.Canceled) {
		t.Errorf("given up before: %v", err)
	}
	counted(t, b, breaker.Counts{Rejected: 3})
}

func mustFail[R any](_ R, err error) error { return err }

func TestPolicyPanicIsAFailureAndGoesOn(t *testing.T) {
	b := made(t, breaker.Config{Consecutive: 1})
	p := &resilience.Policy[string]{Breaker: b}
	value := thrown(func() {
		_, _ = failsafe.With[string](p).Get(func() (string, error) { panic("oh") })
	})
	if value != "oh" || b.State() != breaker.Open {
		t.Errorf("panicked with %v, %v", value, b.State())
	}
}
