// Package degraded tells answers that are good, but not all that they should be, from
// those that are: a static list of recommendations instead of one that suits, a price of
// yesterday. Whoever counts answers can count them apart.
//
// A [Fallback] makes such an answer where a call has failed:
//
//	popular := degraded.Fallback[[]Item]{Value: bestsellers}
//	items, isDegraded, err := popular.Do(ctx, recommend)
//
// What it did is also noted in the context, so that it need not be handed up through all
// that lies between. Who wants to know, watches:
//
//	ctx, mark := degraded.Watch(ctx)
//	page, err := render(ctx) // whose parts may have been answered by fallbacks
//	if mark.Degraded() {
//		...
//	}
//
// In HTTP the mark is the header [Header]. The handlers of httpbreaker set it, and its
// transport notes it, so that it goes through a chain of services by itself. The load
// generator of Rebound counts what has it apart.
//
// Nothing is kept: a fallback is asked anew for each call that failed, and an error of its
// own is an error. The package imports the standard library alone. It must not decide what
// a failure is; that is for the breaker.
package degraded
