package faults

import (
	"context"
	"fmt"
	"math"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// DiskFull takes the free space of a volume.
type DiskFull struct {
	// With is what takes it: ballast, which nothing can clean, or temp or logs,
	// which a runbook can. Empty: ballast.
	With harm.FillWith `json:"with,omitempty"`
	// Level is how much of the volume is used afterwards, 1% to 100%. 0 and 100%:
	// until a write is refused (ENOSPC).
	Level manifest.Percent `json:"level,omitempty"`
}

// Validate checks the arguments.
func (d DiskFull) Validate() error {
	switch d.With {
	case "", harm.FillBallast, harm.FillTemp, harm.FillLogs:
	default:
		return fmt.Errorf("with: %q is none of ballast, temp, logs", d.With)
	}
	if l := float64(d.Level); l != 0 && (l < 0.01 || l > 1) {
		return fmt.Errorf("level: %g%% is not between 1%% and 100%%", l*100)
	}
	return nil
}

// Inject implements [Fault].
func (d DiskFull) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	filler, err := sut.Find[harm.Filler](env, harm.CanFill, env.Target)
	if err != nil {
		return nil, fmt.Errorf("fill %s: %w", env.Target, err)
	}
	fill := harm.Fill{With: d.With, Percent: int(math.Round(float64(d.Level) * 100))}
	if fill.With == "" {
		fill.With = harm.FillBallast
	}
	hold, err := filler.Fill(ctx, env.Lease, env.Target, fill)
	if err != nil {
		return nil, fmt.Errorf("fill %s: %w", env.Target, err)
	}
	return held{hold}, nil
}
