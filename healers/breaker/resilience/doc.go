// Package resilience puts a breaker and the policies of failsafe-go together: retries that
// have a budget, timeouts, hedges, a bulkhead, an adaptive limit, a fallback that marks its
// answers. [Preset] has them in an order that works:
//
//	preset := resilience.Preset[Item]{
//		Breaker:        b,
//		Timeout:        2 * time.Second,
//		AttemptTimeout: 500 * time.Millisecond,
//		Retry:          &resilience.Retry[Item]{},
//		Fallback:       &degraded.Fallback[Item]{Value: popular},
//	}
//	do, err := preset.Build()
//	...
//	item, err := do.Do(ctx, func(ctx context.Context) (Item, error) {
//		return client.Recommend(ctx, user)
//	})
//
// Those who compose by themselves use [Policy], which is a breaker as a policy, and
// [Retry.Policy], a retry policy that leaves a breaker that is open alone:
//
//	failsafe.With(fallback, retry, &resilience.Policy[Item]{Breaker: b})
//
// # The order
//
// From the outside to the call:
//
//   - Fallback: whatever went wrong inside, an answer.
//   - Timeout: over all attempts, and the waiting between them.
//   - Bulkhead: a call has one place, however often it is tried. What finds none is refused
//     at once, and not retried.
//   - Retry: of attempts that failed, as far as the budget goes. What was refused (by the
//     breaker, the limit, the bulkhead) is not retried: that would be load for nothing.
//   - Hedge: a second attempt beside one that takes long. One that is refused does not end
//     the first.
//   - Breaker: each attempt asks it, and each counts.
//   - Limiter: inside the breaker, so that calls which the breaker refuses are not measured
//     as fast ones. What the limit refuses is neutral to the breaker, and gives a trial back.
//   - AttemptTimeout: of one attempt. That is a failure.
//
// # The budget
//
// A [Budget] bounds retries and hedges by their number: a share of the calls. The budget
// that failsafe-go has bounds how many are out at once, against the calls that are; where
// attempts fail fast and wait long between, those are so few that all are retried. All
// else is failsafe-go's own.
//
// A call must heed its context: nothing else can stop it. It must not end its goroutine by
// runtime.Goexit, for the bulkhead and the limit would not get their places back; a panic
// gives them back, and goes on in the caller's goroutine (but not that of a hedge which was
// no longer waited for).
//
// This is the only package that imports failsafe-go.
package resilience
