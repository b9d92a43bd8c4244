package run

import (
	"context"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/containers"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// The platforms.
const (
	PlatformProcess    = "process"
	PlatformContainers = "containers"
	PlatformKind       = "kind"
	PlatformCurrent    = "current-context"
)

// Platform is a place where systems run.
type Platform struct {
	Name string
	// Arms are those that it has; Lacks says why it has not the others.
	Arms  []sut.Arm
	Lacks string
	// Start starts a system; what this host lacks for it is a *[sut.Missing].
	Start func(ctx context.Context, c platform.Config, o cluster.Options) (platform.System, error)
	// Capabilities is what it offers on this host.
	Capabilities func(ctx context.Context, binary string, o cluster.Options) ([]platform.Offered, error)
	// Residue lists what of a run is left. nil: nothing but what host.Residue finds.
	Residue func(ctx context.Context, run string, o cluster.Options) ([]string, error)
	// Undo does an operation that it armed; mine is false for one of another's.
	// nil: it arms none but those of host.
	Undo func(ctx context.Context, op harm.Op) (mine bool, err error)
}

// Platforms are all, the cheapest first.
func Platforms() []Platform {
	all := []sut.Arm{sut.ArmRebound, sut.ArmNative, sut.ArmOff}
	return []Platform{
		{
			Name: PlatformProcess, Arms: []sut.Arm{sut.ArmRebound, sut.ArmOff},
			Lacks: "nothing restarts or rotates processes by itself",
			Start: func(ctx context.Context, c platform.Config, _ cluster.Options) (platform.System, error) {
				return process.Start(ctx, c)
			},
			Capabilities: func(ctx context.Context, binary string, _ cluster.Options) ([]platform.Offered, error) {
				return process.Capabilities(ctx, binary)
			},
		},
		{
			Name: PlatformContainers, Arms: all,
			Start: func(ctx context.Context, c platform.Config, _ cluster.Options) (platform.System, error) {
				return containers.Start(ctx, c)
			},
			Capabilities: func(ctx context.Context, binary string, _ cluster.Options) ([]platform.Offered, error) {
				return containers.Capabilities(ctx, binary)
			},
			Residue: func(ctx context.Context, run string, _ cluster.Options) ([]string, error) {
				return containers.Residue(ctx, run)
			},
			Undo: containers.Undo,
		},
		{
			Name: PlatformKind, Arms: all,
			Start: func(ctx context.Context, c platform.Config, o cluster.Options) (platform.System, error) {
				return cluster.Start(ctx, c, o)
			},
			Capabilities: cluster.Capabilities, Residue: cluster.Residue, Undo: cluster.Undo,
		},
	}
}

// Undo does an armed operation, whosever it is: what a guardian is given.
func Undo(ctx context.Context, op harm.Op) error {
	for _, p := range Platforms() {
		if p.Undo == nil {
			continue
		}
		if mine, err := p.Undo(ctx, op); mine {
			return err
		}
	}
	return host.Undo(ctx, op)
}
