package breaker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func TestDo(t *testing.T) {
	boom := errors.New("boom")
	for _, row := range []struct {
		name     string
		err      error
		classify func(context.Context, error) breaker.Outcome
		want     breaker.Counts
	}{
		{"HAPPY a success", nil, nil, breaker.Counts{OK: 1}},
		{"SAD an error", boom, nil, breaker.Counts{Failure: 1}},
		{"SAD a deadline", context.DeadlineExceeded, nil, breaker.Counts{Failure: 1}},
		{"HAPPY cancelled", context.Canceled, nil, breaker.Counts{Neutral: 1}},
		{"HAPPY another breaker's refusal", &breaker.OpenError{}, nil, breaker.Counts{Neutral: 1}},
		{"HAPPY an error that is none", boom, func(context.Context, error) breaker.Outcome { return breaker.OK }, breaker.Counts{OK: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, breaker.Config{Count: true, Classify: row.classify})
			v, err := breaker.Do(t.Context(), b, func(context.Context) (int, error) { return 7, row.err })
			if v != 7 || !errors.Is(err, row.err) {
				t.Errorf("got %v, %v", v, err)
			}
			if got := b.Snapshot().Counts; got != row.want {
				t.Errorf("counted %+v, want %+v", got, row.want)
			}
		})
	}
	t.Run("SAD open, or given up before", func(t *testing.T) {
		b := made(t, breaker.Config{Name: "store", Count: true})
		call := func(context.Context) (int, error) { t.Error("called"); return 7, nil }
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if v, err := breaker.Do(ctx, b, call); v != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", v, err)
		}
		b.Trip()
		if v, err := breaker.Do(t.Context(), b, call); v != 0 || !errors.Is(err, breaker.ErrOpen) || err.Error() != "breaker store is open" {
			t.Errorf("got %v, %v", v, err)
		}
		if got, want := b.Snapshot().Counts, (breaker.Counts{Rejected: 1}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}
