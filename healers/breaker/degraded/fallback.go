package degraded

import (
	"context"
	"fmt"
)

// Fallback answers in place of a call that failed. The zero value answers with the zero
// value of R.
type Fallback[R any] struct {
	// Value is the answer where From is nil. All callers get the same: if it can be
	// changed through a copy (a slice, a pointer), nobody may.
	Value R
	// From makes an answer, knowing what went wrong. It is called each time; what it gives,
	// error or not, is not kept. An error of it means that there is no answer.
	From func(ctx context.Context, err error) (R, error)
	// For says which errors are answered. Nil means all.
	For func(err error) bool
}

// Do calls call, and answers in its place if it fails. The bool tells which of both it
// was. A call whose context is over has nobody waiting for an answer, and gets its error;
// so does a panic, which goes on.
func (f *Fallback[R]) Do(ctx context.Context, call func(context.Context) (R, error)) (R, bool, error) {
	v, err := call(ctx)
	if err == nil || ctx.Err() != nil || !f.Handles(err) {
		return v, false, err
	}
	v, err = f.Answer(ctx, err)
	return v, err == nil, err
}

// Handles tells whether an error is one to answer in place of.
func (f *Fallback[R]) Handles(err error) bool {
	return err != nil && (f.For == nil || f.For(err))
}

// Answer answers in place of err, and notes that in ctx: for adapters, which know how a
// call went without [Fallback.Do]. Where From fails the error is both, and nothing noted.
func (f *Fallback[R]) Answer(ctx context.Context, err error) (R, error) {
	v := f.Value
	if f.From != nil {
		var failed error
		if v, failed = f.From(ctx, err); failed != nil {
			var none R
			return none, fmt.Errorf("%w; fallback: %w", err, failed)
		}
	}
	Note(ctx)
	return v, nil
}
