package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Rollout replaces every instance of a workload by another of the same, a few at a time,
// as a release does that changes nothing: what is broken, if anything, is the way from
// one to the other. It is active as soon as one that was not there before runs, and over
// when all are new and as many are ready as are asked for. Nothing is undone: reverting
// waits for its end. Where it stops before, whoever has not taken another's place is
// removed, and those that have stay.
type Rollout struct{}

// How long a rollout may take until the first new instance runs, which a controller may
// make only when an old one has had its grace, and until all are new.
const (
	rolloutBegins = 2 * time.Minute
	rolloutEnds   = 5 * time.Minute
)

// Validate checks the arguments: there are none.
func (Rollout) Validate() error { return nil }

// Inject implements [Fault].
func (Rollout) Inject(ctx context.Context, env Env) (Injection, error) {
	roller, err := sut.Find[harm.Roller](env, harm.CanRollOut, env.Target)
	if err != nil {
		return nil, fmt.Errorf("roll out %s: %w", env.Target, err)
	}
	hold, err := roller.RollOut(ctx, env.Lease, env.Target)
	if err != nil {
		return nil, fmt.Errorf("roll out %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
