package resilience_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLost = errors.New("connection lost")

// busy is an error that says when to come again.
type busy time.Duration

func (busy) Error() string { return "busy" }

func (b busy) RetryAfter() time.Duration { return time.Duration(b) }

func made(t *testing.T, c breaker.Config) *breaker.Breaker {
	t.Helper()
	c.Count = true
	b, err := breaker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func built[R any](t *testing.T, p resilience.Preset[R]) *resilience.Executor[R] {
	t.Helper()
	x, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func counted(t *testing.T, b *breaker.Breaker, want breaker.Counts) {
	t.Helper()
	if got := b.Snapshot().Counts; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// hang waits until it is told not to.
func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// thrown is what f panics with.
func thrown(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
