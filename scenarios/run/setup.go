package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/load"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// maxSocketPath is what the kernel takes for a unix socket, without its final zero.
const maxSocketPath = 107

// setup starts everything, in the order in which it is needed. What it started
// is in the cleanups, also when it fails half way.
func (s *session) setup(ctx context.Context) error {
	s.background(ctx, "measure lag", s.lag.Run)
	if err := s.startGuardian(ctx); err != nil {
		return err
	}
	if err := s.joinFleet(); err != nil {
		return err
	}
	if err := s.startSystem(ctx); err != nil {
		return err
	}
	if err := faults.Lacking(ctx, s.target(), s.plan); err != nil {
		return err
	}
	o := &observer{sys: s.sys, system: s.system, rec: s.rec, seen: map[sut.ID]*seen{}}
	s.background(ctx, "observe", o.Run)
	s.progress("until users are served well")
	if err := until(ctx, s.platform.Within.Ready, o.full); err != nil {
		return fmt.Errorf("wait until all instances are seen ready (%s): %w", o.notReady(), err)
	}
	p := &pools{observer: o, scrape: scrape}
	s.background(ctx, "read the pools", p.Run)
	if s.cfg.Healers == sut.ArmRebound {
		if err := s.startEngine(ctx); err != nil {
			return err
		}
	}
	s.progress("until the run beside it, if there is one, has started")
	s.cfg.beside.reach(ctx, pointStarted)
	return s.startLoad(ctx)
}

// background runs a loop until cleanup. One that fails is noted in the record:
// the gates tell whether the run was hurt.
func (s *session) background(ctx context.Context, what string, f func(context.Context) error) *loop {
	l := spawn(ctx, func(ctx context.Context) error {
		if err := f(ctx); err != nil {
			s.rec.note(fmt.Sprintf("%s: %v", what, err))
		}
		return nil
	})
	s.cleanup(what, func(context.Context) error { return l.end() })
	return l
}

func (s *session) startGuardian(ctx context.Context) error {
	if left, err := faults.RevertLeases(ctx, s.cfg.State, Undo); err != nil {
		s.rec.note(fmt.Sprintf("undo what earlier runs left: %d leases: %v", len(left), err))
	}
	g, err := faults.StartGuardian(ctx, faults.GuardianConfig{Binary: s.cfg.Binary, State: s.cfg.State, Run: s.id})
	if err != nil {
		return err
	}
	s.guardian = g
	s.cleanup("close the guardian", g.Close)
	s.background(ctx, "watch the guardian", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-g.Lost():
			s.stop(errStop{"the guardian is lost: nothing would undo the faults if this program died"})
		}
		return nil
	})
	return s.makeScratch(ctx)
}

// makeScratch makes the folder for what the run keeps only while it lives. Its
// removal is armed before: a kill in between would leave it.
func (s *session) makeScratch(ctx context.Context) error {
	dir, err := host.ScratchPath(s.id)
	if err != nil {
		return err
	}
	disarm, err := s.guardian.Arm(ctx, host.RemoveTree(dir))
	if err != nil {
		return fmt.Errorf("arm the removal of %s: %w", dir, err)
	}
	s.cleanup("remove the scratch folder", func(ctx context.Context) error {
		if s.scratch == "" {
			return disarm(ctx) // it was not we who made it
		}
		return errors.Join(os.RemoveAll(dir), disarm(ctx))
	})
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the scratch folder: %w", err)
	}
	s.scratch = dir
	return nil
}

func (s *session) startSystem(ctx context.Context) error {
	if s.cfg.System != nil {
		s.sys = s.cfg.System
		s.rec.note("the system was started by somebody else: connections are not recorded")
		if len(s.cfg.Scenario.Env(s.cfg.Control)) > 0 {
			s.rec.note("the system was started by somebody else: whether its workloads have the env of the scenario is not known")
		}
		return nil
	}
	within := s.platform.Within.Start
	starting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	p, err := s.platform.Start(starting, platform.Config{
		System: s.system, Run: s.id, Binary: s.cfg.Binary, Arm: s.cfg.Healers,
		Dir: filepath.Join(s.scratch, "system"), Logs: filepath.Join(s.cfg.Out, "logs"),
		Lease: s.guardian, Connections: s.connected, Progress: s.progress,
	}, s.options())
	if err != nil {
		if starting.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("not within %s: %w", within, err)
		}
		return fmt.Errorf("start the system on %s: %w", s.platform.Name, err)
	}
	s.cleanup("close the system", p.Close)
	s.sys = p
	return nil
}

// progress tells who watches what the setup waits for.
func (s *session) progress(what string) {
	if s.cfg.Progress != nil {
		s.cfg.Progress(s.platform.Name + ": " + what)
	}
}

// options are those of this run's cluster. A run that breaks nodes must have it to
// itself, for what others run is on them too.
func (s *session) options() cluster.Options {
	o := s.cfg.Cluster
	o.State, o.Exclusive = s.cfg.State, breaksNodes(s.plan)
	return o
}

// breaksNodes tells whether a schedule breaks what other runs may stand on too.
func breaksNodes(plan faults.Schedule) bool {
	return slices.ContainsFunc(plan.Items, func(i faults.Item) bool {
		def, _ := faults.Lookup(i.Fault)
		return def.Of == sut.KindNode || def.Of == sut.KindZone
	})
}

// connected records connections that were opened over a link; the platform has
// gathered them.
func (s *session) connected(link sut.ID, opened int, over time.Duration) {
	from, to := link.Ends()
	s.rec.Append(timeline.Event{
		Kind: timeline.KindConnection, Actor: timeline.ActorPlatform, Target: string(link),
		Connection: &timeline.Connection{From: string(from), To: string(to), Opened: opened, Over: over},
	})
}

// startEngine serves the system over a socket, starts the engine's process, and
// waits for its first record.
func (s *session) startEngine(ctx context.Context) error {
	socket := filepath.Join(s.scratch, "s")
	if len(socket) > maxSocketPath {
		return fmt.Errorf("serve the system at %s: a socket's path has at most %d letters; set TMPDIR to a shorter one", socket, maxSocketPath)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("serve the system: %w", err)
	}
	h := newHealing(s.rec, s.lag)
	s.background(ctx, "serve the system", func(ctx context.Context) error { return remote.Serve(ctx, ln, s.sys, h.report) })
	logs := filepath.Join(s.cfg.Out, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return fmt.Errorf("make the folder for logs: %w", err)
	}
	e := &engine{
		binary: s.cfg.Binary, socket: socket, run: s.id, fleet: s.fleet, lease: s.guardian, rec: s.rec,
		seed:    seed.Hash(s.cfg.Seed, "engine"),
		journal: filepath.Join(s.cfg.Out, JournalFile), tape: filepath.Join(s.cfg.Out, TapeFile), log: filepath.Join(logs, "engine.log"),
	}
	if err := e.files(s.scratch, s.bundle); err != nil {
		return err
	}
	if e.control, err = s.control(ctx); err != nil {
		return err
	}
	l := s.background(ctx, "run the engine", e.Run)
	wait := time.NewTimer(engineWithin)
	defer wait.Stop()
	select {
	case <-h.first:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.done:
		return fmt.Errorf("the engine does not run; see %s", e.log)
	case <-wait.C:
		return fmt.Errorf("the engine said nothing within %s; see %s", engineWithin, e.log)
	}
}

// startLoad starts the load and waits for the first seconds in which users are
// served well, so that what starting costs is not part of the baseline. A system
// that does not get there is the baseline's to refuse, unless it serves nobody.
func (s *session) startLoad(ctx context.Context) error {
	s.load = spawn(ctx, func(ctx context.Context) (err error) {
		s.writes, err = load.Run(ctx, load.Config{
			Entry: s.sys.Entry(), Load: s.cfg.Scenario.Spec.Load, Seed: seed.Hash(s.cfg.Seed, "load"), Now: s.rec.Now, Traffic: s.traffic,
			Second: func(l timeline.Load) {
				s.rec.Append(timeline.Event{Kind: timeline.KindLoad, Actor: timeline.ActorLoad, Load: &l})
			},
		})
		return err
	})
	s.cleanup("end the load", func(context.Context) error { return s.load.end() })
	wait := time.NewTimer(warmWithin)
	defer wait.Stop()
	select {
	case <-s.rec.good:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.load.done:
		return fmt.Errorf("the load ended by itself: %w", s.load.err)
	case <-wait.C:
		if !s.rec.anyServed() {
			return fmt.Errorf("no request was answered well within %s", warmWithin)
		}
		return nil
	}
}

// until polls what has no channel.
func until(ctx context.Context, within time.Duration, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}
