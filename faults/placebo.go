package faults

import (
	"context"
	"time"
)

// Placebo does nothing, and must be reported as not observed: it shows that
// Rebound does not take an injection for a fault.
type Placebo struct{}

// Validate checks the arguments: there are none.
func (Placebo) Validate() error { return nil }

// Inject implements [Fault].
func (Placebo) Inject(context.Context, Env) (Injection, error) { return placebo{}, nil }

type placebo struct{}

func (placebo) Active(context.Context) (Evidence, error) {
	return Evidence{Proof: "the placebo does nothing"}, nil
}
func (placebo) Renew(context.Context, time.Time) error { return nil }
func (placebo) Revert(context.Context) error           { return nil }
