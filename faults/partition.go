package faults

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Partition drops what goes over a link, for connections old and new. Several
// links make a partition of several instances.
type Partition struct {
	// Direction is there (what the end that opens the link sends), back (what the
	// other end answers), or both. Empty: both.
	Direction string `json:"direction,omitempty"`
}

var directions = map[string]harm.Direction{"": "", "both": "", "there": harm.There, "back": harm.Back}

// Validate checks the arguments.
func (p Partition) Validate() error {
	if _, ok := directions[p.Direction]; !ok {
		return fmt.Errorf("direction: %q is none of both, there, back", p.Direction)
	}
	return nil
}

// Inject implements [Fault].
func (p Partition) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	cutter, err := sut.Find[harm.Cutter](env, harm.CanCut, env.Target)
	if err != nil {
		return nil, fmt.Errorf("cut %s: %w", env.Target, err)
	}
	hold, err := cutter.Cut(ctx, env.Lease, env.Target, harm.Cut{Only: directions[p.Direction]})
	if err != nil {
		return nil, fmt.Errorf("cut %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
