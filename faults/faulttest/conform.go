package faulttest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Platform binds the suite to one platform.
type Platform struct {
	Name string
	// Start starts a system that t ends, or gives one that runs already. It is called
	// for every check: a target that an earlier one removed must have a successor in Targets.
	Start func(t *testing.T) Rig
	// Lacks are the capabilities that the platform has on no host: what needs them
	// is skipped by name, whatever REBOUND_REQUIRE says.
	Lacks []sut.Capability
	// Within is how long what must become so may take; 0 means 10 s.
	Within time.Duration
	// Undo does what an operation says that a verb of the platform armed.
	Undo func(context.Context, harm.Op) error
	// Crash injects the fault in a harness that is a process of its own, kills that
	// with SIGKILL behind the n-th entry of its journal (0: once there is
	// evidence), waits for the end of its lease, and tells what is left. ended is
	// true when it came to its end before an n-th entry. nil: the platform cannot.
	Crash func(t *testing.T, fault string, args json.RawMessage, n int) (left []string, ended bool)
}

// Rig is a system that runs, and an eye of its own on it.
type Rig struct {
	System sut.System
	// Targets are what is broken, by kind. A fault of a kind that is not in it is
	// looked up for the sake of the reason why it is missing.
	Targets map[sut.Kind]sut.ID
	// Look tells, past the verbs of the platform, whether the effect of a fault is
	// there, and what was seen.
	Look func(ctx context.Context, fault string, t sut.Target) (there bool, seen string, err error)
	// Residue lists what faults left behind in the system.
	Residue func() []string
}

const patience = 10 * time.Second

// check is one thing that must be true of every fault.
type check struct {
	name string
	run  func(ctx context.Context, b bench) error
}

// bench is a fault on a system.
type bench struct {
	def   faults.Definition
	args  json.RawMessage
	rig   Rig
	undo  func(context.Context, harm.Op) error
	lease *Lease
	// target is in its present life.
	target sut.Target
	wait   time.Duration // for what must become so
}

// Conform checks that a fault with these arguments keeps the contract on a
// platform. It is skipped, by name and with the reason, where the platform does
// not offer what the fault needs; with the platform's name in REBOUND_REQUIRE it
// fails instead.
func Conform(t *testing.T, def faults.Definition, args json.RawMessage, p Platform) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			b := start(t, def, args, p, 0)
			if err := c.run(t.Context(), b); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("a harness that is stopped behind an entry of the journal", func(t *testing.T) {
		for n := 1; ; n++ {
			b := start(t, def, args, p, n)
			more, err := stopped(t.Context(), b)
			if err != nil {
				t.Errorf("entry %d: %v", n, err)
			}
			if !more {
				break
			}
		}
	})
	if p.Crash == nil {
		return
	}
	t.Run("a harness that is killed behind an entry of the journal", func(t *testing.T) {
		start(t, def, args, p, 0) // skips where the verb is missing
		for n := 0; ; n++ {
			left, ended := p.Crash(t, def.Name, args, n)
			if len(left) > 0 {
				t.Errorf("entry %d: left behind: %s", n, strings.Join(left, "; "))
			}
			if n > 0 && ended {
				break
			}
		}
	})
}

func start(t *testing.T, def faults.Definition, args json.RawMessage, p Platform, crashAt int) bench {
	t.Helper()
	b := bench{
		def: def, args: args, rig: p.Start(t), undo: p.Undo, lease: NewLease(crashAt),
		wait: max(cmp.Or(p.Within, patience), def.ConfirmWithin),
	}
	id, ok := b.rig.Targets[def.Of]
	if !ok {
		id = sut.NodeID("none")
	}
	if def.Needs != "" {
		var missing *sut.Missing
		_, err := b.rig.System.Offer(def.Needs, sut.Target{ID: id})
		switch {
		case errors.As(err, &missing) && slices.Contains(p.Lacks, def.Needs):
			t.Skip(missing)
		case errors.As(err, &missing):
			Skip(t, p.Name, missing)
		case err != nil:
			t.Fatal(err)
		}
	}
	var err error
	if b.target, err = present(t.Context(), b.rig.System, id); err != nil {
		t.Fatal(err)
	}
	return b
}

// Skip skips t for what a platform lacks; with the platform's name in
// REBOUND_REQUIRE it fails it instead. A platform that cannot start at all says
// so with it too.
func Skip(tb testing.TB, platform string, missing *sut.Missing) {
	tb.Helper()
	if slices.Contains(strings.Split(os.Getenv("REBOUND_REQUIRE"), ","), platform) {
		tb.Fatalf("required: %v", missing)
	}
	tb.Skip(missing)
}

// present finds the present life of a target.
func present(ctx context.Context, s sut.System, id sut.ID) (sut.Target, error) {
	found := errors.New("found")
	t := sut.Target{ID: id}
	if id.Kind() == sut.KindTraffic {
		return t, nil // it is the harness's own
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.Watch(ctx, func(d sut.Delta) error {
		for _, n := range d.Nodes {
			if n.ID == id {
				return found
			}
		}
		for _, w := range d.Workloads {
			if sut.ID(w.Name) == id {
				return found
			}
		}
		for _, in := range d.Instances {
			if in.ID == id.Instance() && in.Phase == sut.PhaseRunning {
				t.Incarnation = in.Incarnation
				return found
			}
		}
		return nil
	})
	if !errors.Is(err, found) {
		return t, fmt.Errorf("wait for %s to run: %w", id, err)
	}
	return t, nil
}

// told is what the system's Watch says of an instance when it is asked.
func (b bench) told(ctx context.Context) func(sut.ID) (sut.Instance, bool) {
	return func(id sut.ID) (in sut.Instance, ok bool) {
		seen := errors.New("seen")
		err := b.rig.System.Watch(ctx, func(d sut.Delta) error {
			i := slices.IndexFunc(d.Instances, func(in sut.Instance) bool { return in.ID == id })
			if ok = i >= 0; ok {
				in = d.Instances[i]
			}
			return seen
		})
		if !errors.Is(err, seen) {
			return sut.Instance{Target: b.target}, true // blind: nothing is known to have gone
		}
		return in, ok
	}
}

// ended tells whether the life of the target is over, as the system's Watch has it.
func (b bench) ended(ctx context.Context) bool {
	if b.target.ID.Kind() != sut.KindInstance {
		return false
	}
	in, ok := b.told(ctx)(b.target.ID)
	return !ok || in.Incarnation != b.target.Incarnation || in.Phase == sut.PhaseExited
}

func (b bench) inject(ctx context.Context) (faults.Injection, error) {
	f, err := b.def.New(b.args)
	if err != nil {
		return nil, err
	}
	return f.Inject(ctx, faults.Env{
		Harm: b.rig.System.Offer, Look: b.told(ctx), Target: b.target, Lease: b.lease, Rand: seed.Stream(1, "faulttest", b.def.Name),
	})
}

// idle: the fault harms nothing, and so can never be seen.
func (b bench) idle() bool { return b.def.Needs == "" }

// confirmed waits for evidence, and has the platform's own eye confirm it.
func (b bench) confirmed(ctx context.Context, i faults.Injection) (faults.Evidence, error) {
	var e faults.Evidence
	err := eventually(ctx, b.wait, func() error {
		var err error
		if e, err = i.Active(ctx); err != nil {
			return fmt.Errorf("look for evidence: %w", err)
		}
		if !e.Observed {
			return fmt.Errorf("no evidence: %s", e.Proof)
		}
		return nil
	})
	switch {
	case err != nil:
		return e, err
	case e.Proof == "":
		return e, errors.New("evidence without a proof")
	}
	return e, b.looks(ctx, true)
}

// looks fails unless an independent look shows the effect, or none.
func (b bench) looks(ctx context.Context, want bool) error {
	return eventually(ctx, b.wait, func() error {
		there, seen, err := b.rig.Look(ctx, b.def.Name, b.target)
		if err != nil {
			return fmt.Errorf("look at %s: %w", b.target, err)
		}
		if there != want {
			return fmt.Errorf("the effect on %s is there: %v, want %v: %s", b.target, there, want, seen)
		}
		return nil
	})
}

func (b bench) leftNothing() error {
	var errs []error
	if ops := b.lease.Armed(); len(ops) > 0 {
		errs = append(errs, fmt.Errorf("%d operations are still armed, the first is %s %s", len(ops), ops[0].Kind, ops[0].Args))
	}
	if r := b.rig.Residue(); len(r) > 0 {
		errs = append(errs, fmt.Errorf("left behind: %s", strings.Join(r, "; ")))
	}
	return errors.Join(errs...)
}

// eventually tries until f succeeds, and returns its last error when it does not in time.
func eventually(ctx context.Context, within time.Duration, f func() error) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-again.C:
		case <-late.C:
			again.Stop()
			return err
		case <-ctx.Done():
			again.Stop()
			return errors.Join(err, ctx.Err())
		}
	}
}
