package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/load"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// errStop is the cause of a run that ends early by its own decision.
type errStop struct{ reason string }

func (e errStop) Error() string { return e.reason }

// session is one run under way.
type session struct {
	cfg      Config
	platform Platform
	id       string
	system   *manifest.System
	plan     faults.Schedule
	policy   *policy.Policy
	bundle   []byte
	rec      *record
	lag      *lag

	stop     context.CancelCauseFunc
	guardian *faults.Guardian
	scratch  string
	fleet    string // where the engine serves the breakers of the policy; "": nowhere
	sys      System
	load     *loop
	traffic  *load.Traffic
	writes   *load.Writes // set when load has ended
	injector *faults.Injector
	inject   *loop
	audited  error // what the caller's audit found
	cleanups []cleanup
	left     []string // the residue; set when all was ended
}

// cleanup undoes one step of the setup.
type cleanup struct {
	what string
	do   func(context.Context) error
}

// Run carries out one arm of a scenario. When ctx ends, or a stop condition is
// met, the faults are reverted, everything is ended, and the Outcome tells of
// what happened until then. What the platform cannot do is a *[sut.Missing].
// An error means that there is no outcome; nothing is left running then either.
func Run(ctx context.Context, cfg Config) (*Outcome, error) {
	defer cfg.beside.leave()
	cfg, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg, id: newRunID()}
	if cfg.Audit != nil {
		s.audited = errors.New("the audit was never asked for: the run ended before, or nothing was acknowledged")
	}
	if s.platform, err = cfg.platform(); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, err
	}
	if s.cfg.Binary == "" {
		if s.cfg.Binary, err = host.Binary(ctx); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(cfg.Out, "timeline.jsonl")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make the timeline: %w", err)
	}
	runErr := s.carryOut(ctx, file)
	if err := errors.Join(runErr, s.rec.Close(), file.Close()); err != nil {
		err = fmt.Errorf("run %s: %w", cfg.Scenario.Name(), err)
		switch _, missing := errors.AsType[*sut.Missing](err); {
		case missing && alone(err) && len(s.left) == 0:
			err = errors.Join(err, unmake(cfg.Out, path))
		case missing: // who reads only that something is missing would read past what is left
			err = fmt.Errorf("%v (left behind: %s; way out: rebound faults revert; the record is %s)", err, cmp.Or(strings.Join(s.left, "; "), "not known"), path) //nolint:errorlint // hidden on purpose
		}
		return nil, err
	}
	o := &Outcome{Dir: cfg.Out, File: path, Events: s.rec.all(), Audit: s.audited}
	if o.Judgement, err = assertions.Judge(o.Events); err != nil {
		return nil, fmt.Errorf("judge %s: %w", path, err)
	}
	return o, nil
}

// alone tells whether all that an error tells of is a capability that is missing, and
// nothing that went wrong besides.
func alone(err error) bool {
	if _, ok := err.(*sut.Missing); ok { //nolint:errorlint // each of the chain is looked at
		return true
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		return alone(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !alone(err) })
	default:
		return false
	}
}

// unmake removes the record of a run that was skipped: it holds no result, and
// would be in the way of the next. The folder may be the user's, and stays.
func unmake(dir, file string) error {
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("remove the timeline of what was skipped: %w", err)
	}
	_ = os.Remove(filepath.Join(dir, "logs")) // which goes only when it is empty
	return nil
}

// Scenario carries out a scenario on a system that the caller started and will
// close, with the rebound arm and seed 1. For more choice there is [Run].
func Scenario(ctx context.Context, system System, s scenarios.Scenario) (*Outcome, error) {
	return Run(ctx, Config{Scenario: &s, System: system, Seed: 1})
}

// read turns the scenario into data: nothing is started.
func (s *session) read() error {
	var err error
	if s.system, err = s.cfg.Scenario.System(s.cfg.Platform, s.cfg.Control); err != nil {
		return err
	}
	if s.plan, err = s.cfg.Scenario.Schedule(s.cfg.Platform, s.cfg.Seed); err != nil {
		return err
	}
	s.traffic = &load.Traffic{Most: peak(s.plan)}
	s.policy, s.bundle, err = s.cfg.Scenario.Policy(s.cfg.Platform, s.cfg.Control)
	return err
}

// carryOut does everything between the header and the end of the record.
func (s *session) carryOut(parent context.Context, file *os.File) error {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	s.stop = stop
	readers := []func(timeline.Event){s.watchStop()}
	if s.cfg.Observe != nil {
		readers = append(readers, s.cfg.Observe)
	}
	began := time.Now()
	s.rec = newRecord(file, began, readers...)
	s.lag = &lag{rec: s.rec}
	h := header(s.cfg, s.id, began, s.system, s.plan, s.policy)
	s.rec.Append(timeline.Event{Kind: timeline.KindHeader, Actor: timeline.ActorRunner, Header: &h})

	err := s.drive(ctx, parent)

	// Whatever drive did not come to, and all of it when it failed.
	err = errors.Join(err, s.undo(parent))
	s.left = s.residue(parent)
	s.rec.Append(timeline.Event{Kind: timeline.KindEnd, Actor: timeline.ActorRunner, End: &timeline.End{Residue: s.left}})
	return err
}

// watchStop folds the stop conditions; off is never stopped, since it is there
// to show how bad it becomes.
func (s *session) watchStop() func(timeline.Event) {
	when := s.cfg.Scenario.Spec.Stop.When
	if len(when) == 0 || s.cfg.Healers == sut.ArmOff {
		return func(timeline.Event) {}
	}
	watch := &assertions.StopWatch{When: slis(when)}
	return func(e timeline.Event) {
		watch.Observe(e)
		if reason, ok := watch.Tripped(); ok {
			s.stop(errStop{reason})
		}
	}
}

// cleanup registers what undoes a step; it is called in the line after the step.
func (s *session) cleanup(what string, do func(context.Context) error) {
	s.cleanups = append(s.cleanups, cleanup{what, do})
}

// target is the system as faults reach it.
func (s *session) target() sut.System {
	return newLoaded(s.sys, s.system, s.cfg.Scenario.Spec.Load.Rate, s.traffic)
}

// undo runs the cleanups, the newest first, each once and within a time of its
// own, whatever became of ctx.
func (s *session) undo(ctx context.Context) error {
	var errs []error
	for len(s.cleanups) > 0 {
		last := len(s.cleanups) - 1
		c := s.cleanups[last]
		s.cleanups = s.cleanups[:last]
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.platform.Within.Close)
		if err := c.do(within); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.what, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}

// residue is what is left when all was ended; what is just ending gets a moment.
func (s *session) residue(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.platform.Within.Residue)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var left []string
	for {
		now := s.platform.residue(ctx, s.id, s.options(), s.sys != nil)
		if len(now) == 0 {
			return nil
		}
		if ctx.Err() != nil && left != nil {
			return left // the last look was cut short, and knows less
		}
		left = now
		select {
		case <-ctx.Done():
			return left
		case <-tick.C:
		}
	}
}

// loop is something that runs beside the phases until it is ended.
type loop struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

// spawn starts a loop that outlives the end of ctx: it is ended by end alone, in
// the order of the cleanups.
func spawn(ctx context.Context, f func(context.Context) error) *loop {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &loop{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = f(ctx)
	}()
	return l
}

// end ends the loop and returns its error; it may be called again.
func (l *loop) end() error {
	l.cancel()
	<-l.done
	return l.err
}
