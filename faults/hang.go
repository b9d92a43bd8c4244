package faults

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Hang stops every process of an instance without ending it: its sockets stay
// open and answer nothing.
type Hang struct{}

// Validate checks the arguments: there are none.
func (Hang) Validate() error { return nil }

// Inject implements [Fault].
func (Hang) Inject(ctx context.Context, env Env) (Injection, error) {
	pauser, err := sut.Find[harm.Pauser](env, harm.CanPause, env.Target)
	if err != nil {
		return nil, fmt.Errorf("hang %s: %w", env.Target, err)
	}
	hold, err := pauser.Pause(ctx, env.Lease, env.Target)
	if err != nil {
		return nil, fmt.Errorf("hang %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
