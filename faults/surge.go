package faults

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Surge has users send several times as much, or a part of it, as a sale or a newsletter
// does: a step in the load of the run, which comes in at the workload that is its target.
type Surge struct {
	// Factor is how many times the load it is: over 1 more, below 1 less, up to 100.
	// 0: 3.
	Factor float64 `json:"factor,omitempty"`
}

const (
	defaultFactor = 3
	maxFactor     = 100
)

// Times is the factor, with its default.
func (s Surge) Times() float64 { return cmp.Or(s.Factor, defaultFactor) }

// Validate checks the arguments.
func (s Surge) Validate() error {
	if f := s.Times(); !(f > 0 && f <= maxFactor) || math.Abs(f-1) < 0.1 {
		return fmt.Errorf("factor: %g is not over 0 and up to %d, and a tenth off 1 or more", f, maxFactor)
	}
	return nil
}

// Inject implements [Fault].
func (s Surge) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	surger, err := sut.Find[harm.Surger](env, harm.CanSurge, env.Target)
	if err != nil {
		return nil, fmt.Errorf("surge of %s: %w", env.Target, err)
	}
	hold, err := surger.Surge(ctx, env.Lease, env.Target, s.Times())
	if err != nil {
		return nil, fmt.Errorf("surge of %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
