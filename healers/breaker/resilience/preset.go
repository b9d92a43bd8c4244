package resilience

import (
	"context"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// Preset is the policies around calls of a dependency, in the order that the package
// documents. The zero value has none; each field adds one.
type Preset[R any] struct {
	// Breaker is asked for each attempt. Nil means none: also where the client has one of
	// its own, such as httpbreaker.Transport, for two would count each attempt twice.
	Breaker *breaker.Breaker
	// Classify says how an attempt ended, and Watch is told: see [Policy].
	Classify func(ctx context.Context, result R, err error) breaker.Outcome
	Watch    func(trial bool) (ended func(breaker.Outcome))

	// Timeout is for a call with all its attempts, AttemptTimeout for each of them. 0 means
	// none.
	Timeout        time.Duration
	AttemptTimeout time.Duration

	// Budget is what retries and hedges have between them. Nil means one of its own, 20 %.
	Budget *Budget
	// Retry makes attempts anew. Nil means not.
	Retry *Retry[R]
	// Hedge makes attempts side by side. Nil means not.
	Hedge *Hedge
	// Bulkhead bounds the calls at once. Nil means not.
	Bulkhead *Bulkhead
	// Limiter bounds the attempts at once, to as many as do not make them slower. Nil means
	// not.
	Limiter *Limiter

	// Fallback answers in place of what failed, and notes that in the context of the call.
	// Nil means that errors are the caller's.
	Fallback *degraded.Fallback[R]
}

// Hedge says when to make a second attempt beside one that takes long. Whichever ends first
// is the result, and the others' contexts are cancelled: what a call gives must not need its
// context any more. A call must be fit to run twice at the same time.
type Hedge struct {
	// After is how long an attempt may take before there is another. 0 means as long as 95
	// of 100 recent ones did not take, and none before 20 are known.
	After time.Duration
	// Max is how many there are beside the first. 0 means 1.
	Max int
}

// Bulkhead bounds the calls that are made at once.
type Bulkhead struct {
	// Calls at once. 0 means 64.
	Calls int
	// Wait for a place for so long. 0 means that a call which finds none is refused.
	Wait time.Duration
}

// Limiter bounds attempts at once, between Min and Max, by how long they take: see
// failsafe-go's adaptivelimiter. What is over is refused.
type Limiter struct {
	// Min, Max and what it begins with. 0 means 1, 200, and 20 or the nearer of Min and Max.
	Min, Max, Initial int
}

// DefaultPlaces are what the zero [Bulkhead] has.
const DefaultPlaces = 64

// What the hedge after a quantile looks at.
const (
	hedgeQuantile = 0.95
	hedgeMemory   = 100
	hedgeKnown    = 20
)

// Build makes the policies, or refuses a preset with all that is wrong with it. Each Build
// has a bulkhead, a limit and a budget of its own, unless Budget is set.
func (p *Preset[R]) Build() (*Executor[R], error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	spend := p.Budget
	if spend == nil {
		spend = &Budget{}
	}
	var all []failsafe.Policy[R] // from the outside
	add := func(made failsafe.Policy[R]) { all = append(all, made) }
	if p.Fallback != nil {
		add(p.fallback())
	}
	if p.Timeout > 0 {
		add(timeout.New[R](p.Timeout))
	}
	if b := p.Bulkhead; b != nil {
		add(bulkhead.NewBuilder[R](uint(or(b.Calls, DefaultPlaces))).WithMaxWaitTime(b.Wait).Build())
	}
	if p.Retry != nil {
		add(p.Retry.policy(spend))
	}
	if p.Hedge != nil {
		add(hedge[R](p.Hedge, account{Budget: spend, earns: p.Retry == nil}))
	}
	if p.Breaker != nil || p.Watch != nil {
		add(&Policy[R]{Breaker: p.Breaker, Classify: p.Classify, Watch: p.Watch})
	}
	if p.Limiter != nil {
		least, most, initial := p.Limiter.limits()
		add(adaptivelimiter.NewBuilder[R]().WithLimits(uint(least), uint(most), uint(initial)).Build())
	}
	if p.AttemptTimeout > 0 {
		add(timeout.New[R](p.AttemptTimeout))
	}
	return &Executor[R]{policies: all, executor: failsafe.With(all...)}, nil
}

func (p *Preset[R]) fallback() failsafe.Policy[R] {
	return fallback.NewBuilderWithFunc(func(e failsafe.Execution[R]) (R, error) {
		return p.Fallback.Answer(e.Context(), e.LastError())
	}).HandleIf(func(_ R, err error) bool {
		return panicked(err) == nil && p.Fallback.Handles(err)
	}).Build()
}

func hedge[R any](h *Hedge, a account) failsafe.Policy[R] {
	built := hedgepolicy.NewBuilderWithDelay[R](h.After)
	if h.After == 0 {
		built = hedgepolicy.NewBuilderWithDelayQuantile[R](hedgeQuantile, hedgeMemory, hedgeKnown)
	}
	return built.WithMaxHedges(or(h.Max, 1)).WithBudget(a).
		// One that was refused knows nothing; the others go on.
		CancelIf(func(_ R, err error) bool { return !refused(err) }).
		Build()
}

func (l *Limiter) limits() (least, most, initial int) {
	least, most = or(l.Min, 1), l.Max
	if most == 0 {
		most = max(200, least)
	}
	return least, most, or(l.Initial, min(max(20, least), most))
}
