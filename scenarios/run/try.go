package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/load"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Try injects one fault into a system without healing, and without more load than the
// fault is about, holds it, and
// reverts it: to see that it acts here, and that it leaves nothing.
type Try struct {
	// Spec is the fault. A target that is empty is filled in from the system: of
	// traffic where users come in, else the first workload that is rotated, its first
	// link, the first volume there is.
	Spec faults.Spec
	// System is what is started for it, and ended.
	System *manifest.System
	// Platform and Cluster are as in [Config].
	Platform string
	Cluster  cluster.Options
	Seed     uint64
	// Hold is how long the fault is held once it is confirmed. 0: 2 s.
	Hold time.Duration
	// State and Binary are as in [Config].
	State, Binary string
	// Event is told of every change of the fault. nil: nobody is.
	Event func(faults.Event)
	// Progress is as in [Config].
	Progress func(string)

	platforms []Platform // nil: Platforms(); tests bring their own
}

// Tried is what a try showed.
type Tried struct {
	Plan faults.Schedule `json:"plan"`
	// Seen: the effect of every item was seen.
	Seen    bool     `json:"seen"`
	Residue []string `json:"residue"`
}

// Run carries out the try. What the platform cannot do is a *[sut.Missing].
func (t Try) Run(ctx context.Context) (tried Tried, err error) {
	def, ok := faults.Lookup(t.Spec.Fault)
	if !ok {
		return tried, fmt.Errorf("fault %q: there is none of that name; `rebound list faults` prints them", t.Spec.Fault)
	}
	t.Spec.Target = aim(t.Spec.Target, def.Of, t.System)
	if tried.Plan, err = faults.Plan([]faults.Spec{t.Spec}, t.Seed, t.System.Snapshot()); err != nil {
		return tried, err
	}
	s := &session{
		id: newRunID(), system: t.System, plan: tried.Plan, rec: newRecord(io.Discard, time.Now()),
		cfg: Config{
			Binary: t.Binary, Platform: t.Platform, Cluster: t.Cluster, Progress: t.Progress,
			Healers: sut.ArmRebound, platforms: t.platforms,
		},
	}
	if s.platform, err = s.cfg.platform(); err == nil {
		err = s.platform.Check(t.Cluster)
	}
	if err != nil {
		return tried, err
	}
	if s.cfg.State, err = MakeStateDir(t.State); err != nil {
		return tried, err
	}
	if s.cfg.Binary == "" {
		if s.cfg.Binary, err = host.Binary(ctx); err != nil {
			return tried, err
		}
	}
	ctx, s.stop = context.WithCancelCause(ctx)
	defer s.stop(nil)
	err = s.try(ctx, t, &tried)
	err = errors.Join(err, s.undo(ctx))
	tried.Residue = append([]string{}, s.residue(ctx)...) // a list also as JSON
	return tried, err
}

// try is what Run does between the first thing that must be undone and the undoing.
func (s *session) try(ctx context.Context, t Try, tried *Tried) error {
	if err := s.startGuardian(ctx); err != nil {
		return err
	}
	s.cfg.Out = s.scratch // of a try nothing is kept, the logs neither
	if err := s.startSystem(ctx); err != nil {
		return err
	}
	sys := sut.System(s.sys)
	if s.plan.Items[0].Target.Kind() == sut.KindTraffic {
		sys = s.tryLoad(ctx)
	}
	if err := faults.Lacking(ctx, sys, s.plan); err != nil {
		return err
	}
	active := 0
	in := &faults.Injector{
		System: sys, Schedule: s.plan, Lease: s.guardian, ConfirmWithin: s.platform.Within.Confirm,
		Event: func(e faults.Event) {
			if e.State == timeline.FaultActive {
				active++
			}
			if t.Event != nil {
				t.Event(e)
			}
		},
	}
	run := spawn(ctx, in.Run)
	wait := time.NewTimer(s.plan.ConfirmWithin(s.platform.Within.Confirm) + injectSlack)
	defer wait.Stop()
	var err error
	select {
	case <-in.Confirmed():
	case <-run.done: // it failed at once, or all was over at once
	case <-wait.C:
		err = errors.New("the fault was neither confirmed nor given up in time")
	case <-ctx.Done():
	}
	select {
	case <-in.Confirmed():
		wait.Reset(cmp.Or(t.Hold, 2*time.Second))
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
	default:
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.plan.RevertWithin(s.platform.Within.Revert))
	defer cancel()
	err = errors.Join(err, in.Revert(within), run.end())
	tried.Seen = active >= len(s.plan.Items) && active > 0
	return err
}

// tryRate is the load of a try that is about nothing else: the first page.
const tryRate = 20

// tryLoad sends a load to the system until the cleanup.
func (s *session) tryLoad(ctx context.Context) loaded {
	s.traffic = &load.Traffic{Most: peak(s.plan)}
	s.background(ctx, "send a load", func(ctx context.Context) error {
		_, err := load.Run(ctx, load.Config{
			Entry: s.sys.Entry(), Traffic: s.traffic, Load: manifest.Load{Rate: tryRate, Requests: []manifest.Request{{Path: "/"}}},
		})
		return err
	})
	return newLoaded(s.sys, s.system, tryRate, s.traffic)
}

// aim fills in what a target lacks.
func aim(target faults.Selector, of sut.Kind, system *manifest.System) faults.Selector {
	if of == sut.KindNode && (target.Node != "" || target.Zone != "") {
		return target
	}
	list := system.Spec.Workloads
	if of == sut.KindTraffic && target.Workload == "" {
		target.Workload = system.Spec.Entry.Workload
	}
	if target.Workload == "" && len(target.Instances) == 0 {
		target.Workload = list[0].Name
		if r := system.Spec.Rotation; r != nil && len(r.Of) > 0 {
			target.Workload = r.Of[0]
		}
		if of == sut.KindVolume {
			for _, w := range list {
				if len(w.Volumes) > 0 {
					target.Workload = w.Name
					break
				}
			}
		}
	}
	if w, ok := system.WorkloadNamed(target.Workload); ok && of == sut.KindLink && target.To == "" && len(w.Links) > 0 {
		target.To = w.Links[0]
	}
	return target
}
