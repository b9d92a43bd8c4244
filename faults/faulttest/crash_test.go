package faulttest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/containers"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// doomed is a harness that will be killed, as it is told about itself.
type doomed struct {
	Platform   string
	State, Run string // made by play
	Fault      string
	Args       json.RawMessage
	Target     sut.ID // "": that of its kind in targets
	Entry      int    // of the journal, behind which it dies; 0: once there is evidence
	// Namespace of a cluster where the system runs already.
	Namespace, Kubeconfig, Context string
}

// play runs the harness, and waits until the lease is over and residue is nothing, or
// for half a minute.
func (d *doomed) play(t *testing.T, residue func(context.Context) []string) (left []string, ended bool) {
	t.Helper()
	d.State, d.Run, d.Args = t.TempDir(), runID(t), json.RawMessage(cmp.Or(string(d.Args), "null"))
	told, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), os.Args[0], "_crash", string(told)).CombinedOutput()
	var died *exec.ExitError
	switch {
	case err == nil:
		ended = true
	case !errors.As(err, &died) || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL:
		t.Errorf("the harness was to be killed behind entry %d: %v\n%s", d.Entry, err, out)
	}
	_ = eventually(t.Context(), 30*time.Second, func(ctx context.Context) error {
		left = residue(ctx)
		leases, err := faults.Leases(d.State)
		for _, l := range leases {
			left = append(left, fmt.Sprintf("lease %+v", l))
		}
		if err != nil {
			left = append(left, err.Error())
		}
		if len(left) > 0 {
			return errors.New(strings.Join(left, "; "))
		}
		return nil
	})
	return left, ended
}

// crash is the harness that is killed.
func crash(told string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var d doomed
	if err := json.Unmarshal([]byte(told), &d); err != nil {
		return err
	}
	g, err := faults.StartGuardian(ctx, faults.GuardianConfig{Binary: os.Args[0], State: d.State, Run: d.Run, Lease: 5 * time.Second})
	if err != nil {
		return err
	}
	s, err := d.start(ctx, g)
	if err != nil {
		return errors.Join(err, g.Close(ctx))
	}
	return errors.Join(d.hurt(ctx, s, &deadly{g, d.Entry}), s.Close(ctx), g.Close(ctx))
}

func (d *doomed) start(ctx context.Context, lease harm.Lease) (platform.System, error) {
	c := platform.Config{System: pair(), Run: d.Run, Binary: os.Args[0], Lease: lease}
	switch d.Platform {
	case "containers":
		c.System = inContainers()
		return containers.Start(ctx, c)
	case "kind":
		c.System = inNamespace(d.Namespace)
		return cluster.Start(ctx, c, cluster.Options{Kubeconfig: d.Kubeconfig, Context: d.Context, KubeSystem: true})
	}
	s, err := process.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := serving(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

// deadly kills its own process behind the n-th entry.
type deadly struct {
	harm.Lease
	left int
}

func (d *deadly) entry() {
	if d.left--; d.left == 0 {
		die()
	}
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	<-make(chan struct{})
}

func (d *deadly) Arm(ctx context.Context, op harm.Op) (func(context.Context) error, error) {
	disarm, err := d.Lease.Arm(ctx, op)
	if err != nil {
		return nil, err
	}
	d.entry()
	return func(ctx context.Context) error {
		err := disarm(ctx)
		d.entry()
		return err
	}, nil
}

// hurt injects the fault and reverts it, if it comes so far.
func (d *doomed) hurt(ctx context.Context, s sut.System, lease harm.Lease) error {
	def, _ := faults.Lookup(d.Fault)
	target := sut.Target{ID: cmp.Or(d.Target, targets[def.Of])}
	told := func(id sut.ID) (sut.Instance, bool) {
		all, err := snapshot(ctx, s)
		i := slices.IndexFunc(all.Instances, func(in sut.Instance) bool { return in.ID == id })
		if err != nil || i < 0 {
			return sut.Instance{Target: target}, err != nil // blind: nothing is known to have gone
		}
		return all.Instances[i], true
	}
	if in, ok := told(target.ID.Instance()); ok && target.ID.Kind() != sut.KindNode {
		target.Incarnation = in.Incarnation
	}
	f, err := def.New(d.Args)
	if err != nil {
		return err
	}
	i, err := f.Inject(ctx, faults.Env{Harm: s.Offer, Look: told, Target: target, Lease: lease})
	if err != nil {
		return err
	}
	for tick := time.NewTicker(20 * time.Millisecond); d.Fault != "placebo"; <-tick.C {
		if e, err := i.Active(ctx); err == nil && e.Observed {
			break
		} else if ctx.Err() != nil {
			return fmt.Errorf("no evidence: %+v, %w", e, ctx.Err())
		}
	}
	if d.Entry == 0 {
		die()
	}
	return i.Revert(ctx)
}
