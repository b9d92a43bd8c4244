package faults

import (
	"context"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// NodeFreeze makes everything on a node stand still without ending it, as a
// machine does that swaps itself to death or was suspended.
type NodeFreeze struct{}

// Validate checks the arguments: there are none.
func (NodeFreeze) Validate() error { return nil }

// Inject implements [Fault].
func (NodeFreeze) Inject(ctx context.Context, env Env) (Injection, error) {
	return takeNode(ctx, env, harm.CanFreezeNode, "freeze")
}
