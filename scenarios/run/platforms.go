package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/containers"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
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
	// About says in a few words what runs there.
	About string
	// Arms are those that it has; Lacks says why it has not the others.
	Arms  []sut.Arm
	Lacks string
	// Attached: the place is somebody else's, so that the user must name it.
	Attached bool
	// Loopback: instances share this host's loopback, and so reach what the engine serves.
	Loopback bool
	// Within is how long things may take there.
	Within Within
	// Declare adds to the snapshot of a System what is declared for this platform alone.
	// nil: nothing is.
	Declare func(system *manifest.System, snapshot *sut.Delta) error
	// Start starts a system; what this host lacks for it is a *[sut.Missing].
	Start func(ctx context.Context, c platform.Config, o cluster.Options) (platform.System, error)
	// Capabilities is what it offers on this host.
	Capabilities func(ctx context.Context, binary string, o cluster.Options) ([]platform.Offered, error)
	// Residue lists what of a run is left. nil: nothing but what host.Residue finds.
	Residue func(ctx context.Context, run string, o cluster.Options) ([]string, error)
	// Undo does an operation that it armed; mine is false for one of another's.
	// nil: it arms none but those of host.
	Undo func(ctx context.Context, op harm.Op) (mine bool, err error)
	// Hold keeps what runs make for themselves, and would delete, for those that follow;
	// what it returns gives that up, which is armed until then. nil: they make nothing
	// that others could use.
	Hold func(ctx context.Context, o cluster.Options, lease harm.Lease) (release func(context.Context) error, err error)
}

// Within is how long things may take on a platform.
type Within struct {
	Start   time.Duration // until the system runs, with all that has to be made for it
	Ready   time.Duration // from then, until the observer sees every instance ready
	Confirm time.Duration // from an injection until its effect is seen
	Revert  time.Duration // until every fault is undone
	Close   time.Duration // for each thing that was started, to end
	Residue time.Duration // for what is just ending, before it counts as left behind
}

// Platforms are all, the cheapest first.
func Platforms() []Platform {
	all := []sut.Arm{sut.ArmRebound, sut.ArmNative, sut.ArmOff}
	startCluster := func(ctx context.Context, c platform.Config, o cluster.Options) (platform.System, error) {
		return cluster.Start(ctx, c, o)
	}
	onCluster := Within{
		Start: 12 * time.Minute, Ready: 2 * time.Minute, Confirm: 15 * time.Second,
		Revert: 2 * time.Minute, Close: 2 * time.Minute, Residue: 20 * time.Second,
	}
	return []Platform{
		{
			Name: PlatformProcess, About: "child processes, without Docker and without root",
			Arms: []sut.Arm{sut.ArmRebound, sut.ArmOff}, Lacks: "nothing restarts or rotates processes by itself", Loopback: true,
			Within: Within{
				Start: time.Minute, Ready: 15 * time.Second, Confirm: 5 * time.Second,
				Revert: 40 * time.Second, Close: 30 * time.Second, Residue: 3 * time.Second,
			},
			Start: func(ctx context.Context, c platform.Config, _ cluster.Options) (platform.System, error) {
				return process.Start(ctx, c)
			},
			Capabilities: func(ctx context.Context, binary string, _ cluster.Options) ([]platform.Offered, error) {
				return process.Capabilities(ctx, binary)
			},
		},
		{
			Name: PlatformContainers, About: "Docker containers on this machine", Arms: all,
			Within: Within{
				Start: 4 * time.Minute, Ready: time.Minute, Confirm: 8 * time.Second,
				Revert: time.Minute, Close: time.Minute, Residue: 10 * time.Second,
			},
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
			Name: PlatformKind, About: "a Kubernetes cluster of several nodes in Docker, made when it is not up", Arms: all, Within: onCluster,
			Declare: cluster.Declare, Start: startCluster, Capabilities: cluster.Capabilities, Residue: cluster.Residue, Undo: cluster.Undo, Hold: cluster.Hold,
		},
		{
			Name: PlatformCurrent, About: "the Kubernetes cluster that --context names", Arms: all, Within: onCluster, Attached: true,
			Declare: cluster.Declare, Start: startCluster, Capabilities: cluster.Capabilities, Residue: cluster.Residue, Undo: cluster.Undo,
		},
	}
}

// ErrPlatform is what a platform is that there is not, or that is asked for in a
// way in which it cannot be.
var ErrPlatform = errors.New("platform")

// PlatformNamed is one of [Platforms]; "" is process. Its error is [ErrPlatform].
func PlatformNamed(name string) (Platform, error) { return named(Platforms(), name) }

func named(all []Platform, name string) (Platform, error) {
	if name == "" {
		name = PlatformProcess
	}
	var known []string
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	return Platform{}, fmt.Errorf("%w %q: expected %s", ErrPlatform, name, strings.Join(known, ", "))
}

// Check tells whether the options fit: a cluster that is not ours must be named, as the
// kubeconfig names it, and one that is cannot be. Its error is [ErrPlatform].
func (p Platform) Check(o cluster.Options) error {
	if !p.Attached {
		if o.Context != "" || o.Kubeconfig != "" {
			return fmt.Errorf("%w %s: --context and --kubeconfig are for %s", ErrPlatform, p.Name, PlatformCurrent)
		}
		return nil
	}
	if err := cluster.CheckNamed(o); err != nil {
		return fmt.Errorf("%w %s: %w", ErrPlatform, p.Name, err)
	}
	return nil
}

// arm tells whether the platform has an arm: a *[sut.Missing] where it has not.
func (p Platform) arm(a sut.Arm) error {
	switch {
	case a != sut.ArmRebound && a != sut.ArmNative && a != sut.ArmOff:
		return fmt.Errorf("healers %q: expected rebound, native or off", a)
	case slices.Contains(p.Arms, a):
		return nil
	}
	var has []string
	for _, b := range p.Arms {
		has = append(has, string(b))
	}
	return &sut.Missing{
		Capability: sut.Capability("healers." + string(a)), Target: sut.ID(p.Name),
		Reason: p.Lacks, WayOut: "use " + strings.Join(has, " or "),
	}
}

// hold keeps what the runs of a batch share, under a guardian of its own: theirs are
// gone when it is given up. A platform that is not there has nothing to be kept: its
// runs will say so.
func (p Platform) hold(ctx context.Context, c Config) (release func(context.Context) error, err error) {
	none := func(context.Context) error { return nil }
	if p.Hold == nil {
		return none, nil
	}
	if c.Cluster.State, err = MakeStateDir(c.State); err != nil {
		return nil, err
	}
	if c.Binary == "" {
		if c.Binary, err = host.Binary(ctx); err != nil {
			return nil, err
		}
	}
	g, err := faults.StartGuardian(ctx, faults.GuardianConfig{Binary: c.Binary, State: c.Cluster.State, Run: newRunID()})
	if err != nil {
		return nil, err
	}
	giveUp, err := p.Hold(ctx, c.Cluster, g)
	if err != nil {
		errClose := g.Close(ctx)
		if errors.As(err, new(*sut.Missing)) {
			return none, errClose
		}
		return nil, errors.Join(err, errClose)
	}
	return func(ctx context.Context) error { return errors.Join(giveUp(ctx), g.Close(ctx)) }, nil
}

// residue is what of a run is left on the host and on the platform. One that is not
// there has nothing of a run that it never started.
func (p Platform) residue(ctx context.Context, run string, o cluster.Options, started bool) []string {
	left := host.Residue(run)
	if p.Residue == nil {
		return left
	}
	more, err := p.Residue(ctx, run, o)
	if err != nil && (started || !errors.As(err, new(*sut.Missing))) {
		more = append(more, fmt.Sprintf("it is not known what is left on %s: %v", p.Name, err))
	}
	return append(left, more...)
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
