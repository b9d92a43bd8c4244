package faulttest

import (
	"context"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// stays: what the fault does to a workload is no damage, and reverting waits for its end
// and undoes nothing.
func (b bench) stays() bool { return b.def.Of == sut.KindWorkload }

// settled waits until a workload has as many running instances as are asked for, and none
// besides.
func (b bench) settled(ctx context.Context) error {
	name := string(b.target.ID)
	return eventually(ctx, b.wait, func() error {
		var all sut.Delta
		seen := errors.New("seen")
		if err := b.rig.System.Watch(ctx, func(d sut.Delta) error { all = d; return seen }); !errors.Is(err, seen) {
			return fmt.Errorf("watch the system: %w", err)
		}
		var want, there, running int
		for _, w := range all.Workloads {
			if w.Name == name {
				want = w.Desired
			}
		}
		for _, in := range all.Instances {
			if in.Workload != name {
				continue
			}
			there++
			if in.Phase == sut.PhaseRunning {
				running++
			}
		}
		if want == 0 || there != want || running != want {
			return fmt.Errorf("%d of %d instances of %s run, and %d are asked for", running, there, name, want)
		}
		return nil
	})
}

// cameToAnEnd: what stays has been waited for, and is over.
func cameToAnEnd(ctx context.Context, b bench, i faults.Injection) error {
	e, err := i.Active(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look for evidence after the revert: %w", err)
	case !e.Observed || !e.Gone || e.Proof == "":
		return fmt.Errorf("after the revert it has not come to its end: %+v", e)
	}
	if err := b.looks(ctx, true); err != nil {
		return fmt.Errorf("after the revert: %w", err)
	}
	return b.settled(ctx)
}
