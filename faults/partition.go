package faults

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Partition drops everything on a link, in both directions, for connections old
// and new. Several links make a partition of several instances.
type Partition struct{}

// Validate checks the arguments: there are none.
func (Partition) Validate() error { return nil }

// Inject implements [Fault].
func (Partition) Inject(ctx context.Context, env Env) (Injection, error) {
	cutter, err := sut.Find[harm.Cutter](env, harm.CanCut, env.Target)
	if err != nil {
		return nil, fmt.Errorf("cut %s: %w", env.Target, err)
	}
	hold, err := cutter.Cut(ctx, env.Lease, env.Target, harm.Cut{})
	if err != nil {
		return nil, fmt.Errorf("cut %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
