package resilience_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

// watched notes the attempts of a preset.
type watched struct{ notes []string }

func (w *watched) watch(trial bool) func(breaker.Outcome) {
	what := "attempt"
	if trial {
		what = "trial"
	}
	return func(o breaker.Outcome) { w.notes = append(w.notes, what+" "+o.String()) }
}

// Each attempt is told, with a breaker and without one; a trial is known as one, and what
// was refused is none.
func TestWatch(t *testing.T) {
	for _, row := range []struct {
		name    string
		breaker *breaker.Config
		retry   *resilience.Retry[string]
		errs    []error // of the calls, a second after each other
		want    []string
	}{
		{name: "HAPPY without a breaker", errs: []error{nil, errLost}, want: []string{"attempt ok", "attempt failure"}},
		{name: "HAPPY retries", retry: &resilience.Retry[string]{Max: 2, Delay: resilience.AtOnce, MaxDelay: resilience.AtOnce}, errs: []error{errLost}, want: []string{"attempt failure", "attempt failure", "attempt failure"}},
		{
			name: "HAPPY a trial", breaker: &breaker.Config{Consecutive: 1, OpenFor: 1500 * time.Millisecond, Jitter: breaker.Percent(0)},
			errs: []error{errLost, nil, nil, nil}, want: []string{"attempt failure", "trial ok", "attempt ok"},
		},
		{name: "SAD a panic", errs: []error{errPanic}, want: []string{"attempt failure"}},
		{name: "HAPPY given up", errs: []error{context.Canceled}, want: []string{"attempt neutral"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &watched{}
				p := preset{Watch: w.watch, Retry: row.retry}
				if row.breaker != nil {
					p.Breaker = made(t, *row.breaker)
				}
				x := built(t, p)
				for _, err := range row.errs {
					thrown(func() {
						_, _ = x.Do(t.Context(), func(context.Context) (string, error) {
							if errors.Is(err, errPanic) {
								panic(err)
							}
							return "", err
						})
					})
					<-time.After(time.Second)
				}
				if !slices.Equal(w.notes, row.want) {
					t.Errorf("told %v, want %v", w.notes, row.want)
				}
			})
		})
	}
}

var errPanic = errors.New("panic")

// A trial has left when the next may begin: nobody who counts them sees more than there
// may be.
func TestWatchEndsBeforeTheBreakerKnows(t *testing.T) {
	b := made(t, breaker.Config{Consecutive: 1})
	x := built(t, preset{Breaker: b, Watch: func(bool) func(breaker.Outcome) {
		return func(breaker.Outcome) {
			if s := b.State(); s != breaker.Closed {
				t.Errorf("it was %v already", s)
			}
		}
	}})
	_, _ = x.Do(t.Context(), func(context.Context) (string, error) { return "", errLost })
	if s := b.State(); s != breaker.Open {
		t.Errorf("it is %v", s)
	}
}

func TestBudgetUnlimited(t *testing.T) {
	b := &resilience.Budget{Unlimited: true}
	x := built(t, preset{Budget: b, Retry: &resilience.Retry[string]{Max: 3, Delay: resilience.AtOnce, MaxDelay: resilience.AtOnce}})
	asked := 0
	for range 100 {
		_, err := x.Do(t.Context(), func(context.Context) (string, error) {
			asked++
			return "", errLost
		})
		if !errors.Is(err, errLost) {
			t.Fatal(err)
		}
	}
	if asked != 400 || b.Refused() != 0 {
		t.Errorf("asked %d times, refused %d", asked, b.Refused())
	}
}
