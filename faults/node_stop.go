package faults

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// NodeStop switches a node off, with all that runs on it. Reverting switches it on.
type NodeStop struct{}

// Validate checks the arguments: there are none.
func (NodeStop) Validate() error { return nil }

// Inject implements [Fault].
func (NodeStop) Inject(ctx context.Context, env Env) (Injection, error) {
	return takeNode(ctx, env, harm.CanStopNode, "stop")
}

// takeNode is what the two ways of losing a node share.
func takeNode(ctx context.Context, env Env, can sut.Capability, verb string) (Injection, error) {
	stopper, err := sut.Find[harm.NodeStopper](env, can, env.Target)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, env.Target, err)
	}
	hold, err := stopper.StopNode(ctx, env.Lease, env.Target)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, env.Target, err)
	}
	return held{hold}, nil
}
