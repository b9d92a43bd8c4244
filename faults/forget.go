package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// ErrNoLease is returned for a run of which there is no lease.
var ErrNoLease = errors.New("there is no lease of this run")

// ForgetLease gives a run's lease up: of a cluster that is gone for good nothing can be
// undone, and every start would try again. What can be undone is, a last time; the Ops
// that it returns could not be, with the Problem. Without the run's lease it is
// [ErrNoLease]; that of a living guardian is refused.
func ForgetLease(ctx context.Context, state, run string, undo func(context.Context, harm.Op) error) (LeaseInfo, error) {
	if run == "" || run != filepath.Base(run) || strings.HasPrefix(run, ".") {
		return LeaseInfo{}, fmt.Errorf("forget %q: %w", run, ErrNoLease)
	}
	info, ops, err := readLease(filepath.Join(leasesDir(state), run))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return LeaseInfo{}, fmt.Errorf("forget %q: %w", run, ErrNoLease)
	case info.Alive:
		return LeaseInfo{}, fmt.Errorf("forget %q: its guardian, process %d, lives and undoes it itself", run, info.Guardian)
	}
	info.Ops, info.Problem = nil, ""
	if err != nil { // what is behind a line that makes no sense is forgotten too
		info.Problem = err.Error()
	}
	for _, a := range slices.Backward(ops) {
		if err := undoOne(ctx, a.op, undo); err != nil {
			info.Ops = append(info.Ops, a.op)
			info.Problem = cmp.Or(info.Problem, err.Error())
		}
	}
	if ctx.Err() != nil { // then the failures say nothing
		return LeaseInfo{}, fmt.Errorf("forget %q: %w", run, ctx.Err())
	}
	slices.Reverse(info.Ops) // the oldest first, as everywhere
	if err := os.RemoveAll(info.Dir); err != nil {
		return LeaseInfo{}, fmt.Errorf("forget %q: %w", run, err)
	}
	return info, nil
}
