package resilience

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
)

// Executor makes calls as a [Preset] says. It is made by [Preset.Build], and is for any
// number of goroutines.
type Executor[R any] struct {
	policies []failsafe.Policy[R]
	executor failsafe.Executor[R]
}

// Do makes a call. It gives what the call gave last, or what the fallback did, which is
// noted in ctx: see degraded.Watch. Where the budget kept it from another retry the error
// is also budget.ErrExceeded.
func (x *Executor[R]) Do(ctx context.Context, call func(context.Context) (R, error)) (R, error) {
	var (
		threw atomic.Pointer[panicError]
		last  atomic.Pointer[error]
	)
	v, err := x.executor.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[R]) (v R, err error) { //nolint:contextcheck // the attempt has a context of its own, below ctx
		defer func() {
			if value := recover(); value != nil {
				p := &panicError{value: value}
				threw.Store(p)
				err = p
			}
		}()
		if v, err = call(e.Context()); err != nil {
			last.Store(&err)
		}
		return v, err
	})
	if p := threw.Load(); p != nil {
		panic(p.value)
	}
	if why := last.Load(); why != nil && err != nil && errors.Is(err, budget.ErrExceeded) && !errors.Is(err, *why) {
		err = fmt.Errorf("%w: %w", err, *why)
	}
	return v, err
}

// Policies are what it was built of, from the outside, for failsafe.With.
func (x *Executor[R]) Policies() []failsafe.Policy[R] { return slices.Clone(x.policies) }
