package breaker

import (
	"context"
	"errors"
)

// Do calls call if the breaker lets it, and tells the breaker how that went. It gives what
// call gives; an [OpenError] where it was not called; and the context's error, asking
// nobody, where that is over already.
//
// What an error means is for [Config.Classify] to say. A panic and a runtime.Goexit in
// call are failures, and go on.
func Do[T any](ctx context.Context, b *Breaker, call func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	permit, err := b.Allow()
	if err != nil {
		return none, err
	}
	outcome := Failure // unless call returns
	defer func() { permit.Done(outcome) }()
	v, err := call(ctx)
	outcome = b.Classify(ctx, err)
	return v, err
}

// Classify is what an error of a call to it means, as [Config.Classify] says: for adapters,
// which use [Breaker.Allow].
func (b *Breaker) Classify(ctx context.Context, err error) Outcome {
	if err == nil {
		return OK
	}
	if x := b.core.extra; x != nil && x.classify != nil {
		return x.classify(ctx, err)
	}
	return Classify(ctx, err)
}

// Classify is what errors mean where [Config.Classify] says nothing else, to build upon:
//
//   - none is OK;
//   - one of a call whose context was cancelled, whatever it says, or one that is
//     [context.Canceled], is neutral: somebody gave up, and the dependency need not be why;
//   - one of a breaker that refused is neutral: nothing was asked;
//   - all others are failures. So is a deadline that has passed, the caller's too: a
//     dependency that hangs is known by nothing else.
func Classify(ctx context.Context, err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrOpen), errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled):
		return Neutral
	}
	return Failure
}
