package faults

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Drain cordons a node and evicts what runs on it, within the disruption budgets:
// maintenance by somebody else. Reverting uncordons it; what was evicted stays
// where it went.
type Drain struct{}

// Validate checks the arguments: there are none.
func (Drain) Validate() error { return nil }

// Inject implements [Fault].
func (Drain) Inject(ctx context.Context, env Env) (Injection, error) {
	drainer, err := sut.Find[harm.Drainer](env, harm.CanDrain, env.Target)
	if err != nil {
		return nil, fmt.Errorf("drain %s: %w", env.Target, err)
	}
	hold, err := drainer.Drain(ctx, env.Lease, env.Target)
	if err != nil {
		return nil, fmt.Errorf("drain %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
