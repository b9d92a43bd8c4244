package resilience

import (
	"context"
	"errors"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/common"
	"github.com/failsafe-go/failsafe-go/policy"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Policy is a breaker as a policy of failsafe-go. It belongs inside of retries, hedges and
// fallbacks, so that it hears of each attempt. What it refuses is a [breaker.OpenError].
//
// What a policy within it refuses (a bulkhead, a limit) is neutral: nothing was asked. An
// attempt that a timeout around it ended is a failure, though it looks cancelled.
type Policy[R any] struct {
	// Breaker is asked and told. Nil lets everything through.
	Breaker *breaker.Breaker
	// Classify says how an attempt ended, for results that are failures without an error.
	// Nil means what the breaker's Config.Classify says of the error.
	Classify func(ctx context.Context, result R, err error) breaker.Outcome
	// Watch is called when an attempt begins, one that was refused does not, and what it
	// gives when that ends: before the breaker hears of it, so that a trial has left when
	// the next begins. Nil: nobody is told.
	Watch func(trial bool) (ended func(breaker.Outcome))
}

var _ failsafe.Policy[any] = (*Policy[any])(nil)

// ToExecutor implements failsafe.Policy.
func (p *Policy[R]) ToExecutor(R) any { return &guard[R]{Policy: p} }

// guard is a Policy at work. It has no state.
type guard[R any] struct {
	policy.BaseExecutor[R]
	*Policy[R]
}

var _ policy.Executor[any] = (*guard[any])(nil)

// Apply implements policy.Executor.
func (g *guard[R]) Apply(call func(failsafe.Execution[R]) *common.PolicyResult[R]) func(failsafe.Execution[R]) *common.PolicyResult[R] {
	return func(e failsafe.Execution[R]) *common.PolicyResult[R] {
		attempt := e.(policy.ExecutionInternal[R])
		if over, result := attempt.IsCanceledWithResult(); over {
			return result
		}
		var permit breaker.Permit // the zero one needs no breaker
		if g.Breaker != nil {
			var err error
			if permit, err = g.Breaker.Allow(); err != nil {
				return &common.PolicyResult[R]{Error: err, Done: true}
			}
		}
		outcome := breaker.Failure // unless call returns
		defer func() { permit.Done(outcome) }()
		if g.Watch != nil {
			ended := g.Watch(permit.Trial())
			defer func() { ended(outcome) }()
		}
		result := call(e)
		outcome = g.outcome(attempt, result)
		if outcome == breaker.Failure {
			return result.WithFailure()
		}
		return result.WithDone(true, result.Error == nil)
	}
}

func (g *guard[R]) outcome(attempt policy.ExecutionInternal[R], result *common.PolicyResult[R]) breaker.Outcome {
	ctx, err := attempt.Context(), result.Error
	switch {
	case err == nil:
	case panicked(err) != nil:
		return breaker.Failure
	case refused(err):
		return breaker.Neutral
	default:
		// What hangs is known by nothing but that somebody lost patience.
		if over, why := attempt.IsCanceledWithResult(); over && errors.Is(why.Error, timeout.ErrExceeded) {
			ctx, err = context.WithoutCancel(ctx), timeout.ErrExceeded
		}
	}
	switch {
	case g.Classify != nil:
		return g.Classify(ctx, result.Result, err)
	case g.Breaker == nil:
		return breaker.Classify(ctx, err)
	}
	return g.Breaker.Classify(ctx, err)
}

// refusals are errors of those who did not ask.
var refusals = []error{
	breaker.ErrOpen, bulkhead.ErrFull, budget.ErrExceeded,
	adaptivelimiter.ErrExceeded, adaptivethrottler.ErrExceeded, ratelimiter.ErrExceeded,
}

func refused(err error) bool {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// panicError carries a panic through policies that know of none and would keep what they
// hold for it.
type panicError struct{ value any }

func (p *panicError) Error() string { return "panic" }

func panicked(err error) *panicError {
	p, _ := errors.AsType[*panicError](err)
	return p
}
