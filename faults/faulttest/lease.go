package faulttest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// ErrCrashed is returned by a Lease whose harness is dead.
var ErrCrashed = errors.New("the harness has crashed")

// Lease keeps what is armed in memory, and can stop the harness behind any entry
// of its journal. It is safe for concurrent use.
type Lease struct {
	mu      sync.Mutex
	armed   []*harm.Op
	entries int
	crashAt int           // 0: never
	crashed chan struct{} // closed at the crash
	over    chan struct{} // closed by Bury
}

// NewLease makes a lease that crashes its harness behind the n-th entry (an arm
// or a disarm): the call that wrote it does not return until Bury. 0: it never does.
func NewLease(n int) *Lease {
	return &Lease{crashAt: n, crashed: make(chan struct{}), over: make(chan struct{})}
}

// Arm implements [harm.Lease].
func (l *Lease) Arm(ctx context.Context, op harm.Op) (func(context.Context) error, error) {
	mine := &op
	if err := l.entry(ctx, func() { l.armed = append(l.armed, mine) }); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return l.entry(ctx, func() {
			l.armed = slices.DeleteFunc(l.armed, func(o *harm.Op) bool { return o == mine })
		})
	}, nil
}

func (l *Lease) entry(ctx context.Context, write func()) error {
	l.mu.Lock()
	if l.crashAt > 0 && l.entries >= l.crashAt {
		l.mu.Unlock()
		return ErrCrashed
	}
	write()
	l.entries++
	crash := l.entries == l.crashAt
	l.mu.Unlock()
	if !crash {
		return nil
	}
	close(l.crashed)
	select {
	case <-l.over:
	case <-ctx.Done():
	}
	return ErrCrashed
}

// Entries is how many entries were written.
func (l *Lease) Entries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries
}

// Armed lists what is armed, oldest first.
func (l *Lease) Armed() []harm.Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ops []harm.Op
	for _, o := range l.armed {
		ops = append(ops, *o)
	}
	return ops
}

// Crashed is closed when the harness has been stopped.
func (l *Lease) Crashed() <-chan struct{} { return l.crashed }

// End does what a guardian does at the end of the lease: it undoes what is
// armed, the newest first.
func (l *Lease) End(ctx context.Context, undo func(context.Context, harm.Op) error) error {
	var errs []error
	for _, op := range slices.Backward(l.Armed()) {
		errs = append(errs, undo(ctx, op))
	}
	return errors.Join(errs...)
}

// Bury lets the stopped call return, with ErrCrashed. It is called once.
func (l *Lease) Bury() { close(l.over) }
