package degraded

import (
	"context"
	"sync/atomic"
)

// Header marks an HTTP answer that is degraded, by the value "true".
const Header = "X-Rebound-Degraded"

// Mark tells whether a part of an answer was degraded. It is made by [Watch], and is for
// any number of goroutines.
type Mark struct {
	set   atomic.Bool
	above *Mark // who watches the whole of which this is a part
}

type key struct{}

// Watch gives a context whose calls are watched. What watches ctx already sees them too.
func Watch(ctx context.Context) (context.Context, *Mark) {
	m := &Mark{above: of(ctx)}
	return context.WithValue(ctx, key{}, m), m
}

// Note says that an answer made under ctx is degraded. Without a [Watch] nobody hears it.
func Note(ctx context.Context) {
	for m := of(ctx); m != nil; m = m.above {
		m.set.Store(true)
	}
}

// In tells whether anything has been noted since the innermost [Watch] of ctx.
func In(ctx context.Context) bool { return of(ctx).Degraded() }

// Degraded tells whether anything has been noted. A nil Mark has heard nothing.
func (m *Mark) Degraded() bool { return m != nil && m.set.Load() }

func of(ctx context.Context) *Mark {
	m, _ := ctx.Value(key{}).(*Mark)
	return m
}
