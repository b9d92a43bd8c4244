package degraded_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errLost  = errors.New("lost")
	errStale = errors.New("stale")
)

func TestFallback(t *testing.T) {
	for _, row := range []struct {
		name     string
		fallback degraded.Fallback[string]
		err      error
		want     string
		degraded bool
		wantErrs []error
	}{
		{name: "HAPPY no failure", fallback: degraded.Fallback[string]{Value: "static"}, want: "fresh"},
		{name: "HAPPY a value", fallback: degraded.Fallback[string]{Value: "static"}, err: errLost, want: "static", degraded: true},
		{name: "HAPPY the zero value", err: errLost, degraded: true},
		{
			name: "HAPPY from what went wrong", err: errLost, want: "instead of lost", degraded: true,
			fallback: degraded.Fallback[string]{From: func(_ context.Context, err error) (string, error) { return "instead of " + err.Error(), nil }},
		},
		{
			name: "SAD the fallback fails too", err: errLost, wantErrs: []error{errLost, errStale},
			fallback: degraded.Fallback[string]{From: func(context.Context, error) (string, error) { return "half", errStale }},
		},
		{
			name: "SAD not for this error", err: errLost, want: "fresh", wantErrs: []error{errLost},
			fallback: degraded.Fallback[string]{Value: "static", For: func(err error) bool { return errors.Is(err, errStale) }},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, mark := degraded.Watch(t.Context())
			got, isDegraded, err := row.fallback.Do(ctx, func(context.Context) (string, error) { return "fresh", row.err })
			if got != row.want || isDegraded != row.degraded || mark.Degraded() != row.degraded || degraded.In(ctx) != row.degraded {
				t.Errorf("got %q, degraded %v, marked %v; want %q, %v", got, isDegraded, mark.Degraded(), row.want, row.degraded)
			}
			if (err != nil) != (len(row.wantErrs) > 0) {
				t.Errorf("error %v, want %v", err, row.wantErrs)
			}
			for _, want := range row.wantErrs {
				if !errors.Is(err, want) {
					t.Errorf("error %v is not %v", err, want)
				}
			}
		})
	}
}

// An answer for nobody is not made, and a failure of the fallback is not kept.
func TestFallbackKeepsNothing(t *testing.T) {
	asked := 0
	f := degraded.Fallback[int]{From: func(context.Context, error) (int, error) {
		asked++
		if asked == 1 {
			return 0, errStale
		}
		return asked, nil
	}}
	fail := func(context.Context) (int, error) { return 0, errLost }
	if _, _, err := f.Do(t.Context(), fail); !errors.Is(err, errStale) {
		t.Errorf("first: %v", err)
	}
	if v, isDegraded, err := f.Do(t.Context(), fail); v != 2 || !isDegraded || err != nil {
		t.Errorf("second: %v, %v, %v", v, isDegraded, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, isDegraded, err := f.Do(ctx, fail); isDegraded || !errors.Is(err, errLost) || asked != 2 {
		t.Errorf("over: %v, %v, asked %d times", isDegraded, err, asked)
	}
}

// Whoever watches the whole sees its parts; a part does not see its neighbours.
func TestMarks(t *testing.T) {
	degraded.Note(t.Context()) // nobody hears it
	if degraded.In(t.Context()) {
		t.Error("noted without a watch")
	}
	whole, mark := degraded.Watch(t.Context())
	parts := make([]context.Context, 8)
	var all sync.WaitGroup
	for i := range parts {
		parts[i], _ = degraded.Watch(whole)
		if i%2 == 1 {
			all.Go(func() { degraded.Note(parts[i]) })
		}
	}
	all.Wait()
	for i, part := range parts {
		if got := degraded.In(part); got != (i%2 == 1) {
			t.Errorf("part %d: %v", i, got)
		}
	}
	if !mark.Degraded() {
		t.Error("the whole did not hear of its parts")
	}
}
