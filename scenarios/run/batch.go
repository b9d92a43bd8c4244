package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// Batch is several runs, one after another, each with its control beside it.
type Batch struct {
	Scenarios []*scenarios.Scenario
	// Healers is the arm. Empty: rebound.
	Healers sut.Arm
	// Control is the arm of the negative control. Empty: none, but where a scenario has it
	// always; ControlOwn: each scenario's own; ControlNone: none at all.
	Control sut.Arm
	// Runs is how often each scenario is run. 0: once. The first has the seed
	// itself, the others seeds drawn from it.
	Runs int
	Seed uint64
	// Out is the folder for results: a single run writes into it, several write
	// into OUT/SCENARIO/ARM/RUN.
	Out string
	// Config is what all runs share; its Scenario, Healers, Seed, Out, Control,
	// Observe and Progress are set for each.
	Config Config
	// Follow returns a reader for one more run, which may go on beside others: of its
	// events, and of what its setup waits for. nil: nobody reads.
	Follow func() (events func(timeline.Event), progress func(string))
}

// ControlOwn as the Control of a Batch asks for each scenario's own, ControlNone for none.
const (
	ControlOwn  sut.Arm = "scenario"
	ControlNone sut.Arm = "none"
)

// Pair is a run and its control.
type Pair struct {
	Scenario string
	Run      int // from 1
	// Missing is what the platform lacks: the scenario was skipped. nil: it was not.
	Missing *sut.Missing
	// ControlMissing is what the platform lacks for the control alone, which then
	// was not run. nil: nothing.
	ControlMissing *sut.Missing
	// Err is what kept the run, or its control, from having an outcome. nil: nothing.
	Err     error
	Outcome *Outcome // nil: skipped, or Err says why
	Control *Outcome // nil: there was none, or as above
}

// ErrInterrupted is returned when ctx ended before every run was begun.
var ErrInterrupted = errors.New("interrupted before every run was begun")

// Check finds what can be known to be wrong before anything is started: platforms
// and arms that there are none of ([ErrPlatform]), and target folders that hold
// results ([ErrHoldsResults]).
func (b Batch) Check() error {
	p, err := b.Config.platform()
	if err != nil {
		return err
	}
	errs := []error{p.Check(b.Config.Cluster)}
	if b.Out != "" {
		errs = append(errs, CheckOut(b.Out))
	}
	arm := func(a sut.Arm) {
		if err := p.arm(a); err != nil && !errors.As(err, new(*sut.Missing)) {
			errs = append(errs, err)
		}
	}
	arm(b.arm())
	for _, s := range b.Scenarios {
		errs = append(errs, fits(s, p.Name, b.Seed))
		control := b.control(s)
		if control != "" {
			arm(control)
		}
		if !b.joint() || b.Out == "" {
			continue
		}
		for n := 1; n <= max(b.Runs, 1); n++ {
			errs = append(errs, CheckOut(b.out(s, n, b.arm(), false)))
			if control != "" {
				errs = append(errs, CheckOut(b.out(s, n, control, true)))
			}
		}
	}
	return errors.Join(errs...)
}

// fits tells whether a scenario makes sense of its system as the platform runs it,
// which may be another than the one that it was validated with.
func fits(s *scenarios.Scenario, platform string, runSeed uint64) error {
	system, err := s.System(platform, false)
	if err == nil && system.Spec.Kubernetes == nil && (platform == PlatformKind || platform == PlatformCurrent) {
		err = fmt.Errorf("the system %s says nothing of Kubernetes; give it spec.kubernetes, with manifests or a namespace", system.Metadata.Name)
	}
	_, planErr := s.Schedule(platform, runSeed)
	_, _, policyErr := s.Policy(platform, false)
	if err := errors.Join(err, planErr, policyErr); err != nil {
		return fmt.Errorf("%s on %s: %w", s.Name(), platform, err)
	}
	return nil
}

// Run runs all, until ctx ends. A run without an outcome does not hinder those
// after it; the error joins what Check found or every Err of the pairs, with
// [ErrInterrupted] where some were not begun. The pairs are returned also then.
func (b Batch) Run(ctx context.Context) (pairs []Pair, err error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	on, err := b.Config.platform()
	if err != nil {
		return nil, err
	}
	release, err := on.hold(ctx, b.Config)
	if err != nil {
		return nil, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), on.Within.Close)
		defer cancel()
		if errHeld := release(ending); errHeld != nil {
			err = errors.Join(err, fmt.Errorf("end what the runs shared on %s: %w", on.Name, errHeld))
		}
	}()
	var errs []error
	for _, s := range b.Scenarios {
		for n := 1; n <= max(b.Runs, 1); n++ {
			if ctx.Err() != nil {
				return pairs, errors.Join(append(errs, ErrInterrupted)...)
			}
			p := b.pair(ctx, s, n)
			pairs, errs = append(pairs, p), append(errs, p.Err)
			if p.Missing != nil {
				break
			}
		}
	}
	return pairs, errors.Join(errs...)
}

func (b Batch) pair(ctx context.Context, s *scenarios.Scenario, n int) Pair {
	p := Pair{Scenario: s.Name(), Run: n}
	on, err := b.Config.platform()
	if err == nil {
		err = on.arm(b.arm()) // an arm that is missing is found before the other is started
	}
	if err != nil {
		p.Missing, p.Err = lacking(p, b.arm(), err)
		return p
	}
	control := b.control(s)
	var errRun, errControl error
	configs := []Config{b.config(s, n, b.arm(), false)}
	if control != "" {
		if errControl = on.arm(control); errControl == nil {
			configs = append(configs, b.config(s, n, control, true))
		}
	}
	both := turns{alone: b.alone(s)}
	if !both.alone {
		for i, party := range newAbreast(len(configs)) {
			configs[i].beside = party
		}
	}
	both.Go(func() { p.Outcome, errRun = Run(ctx, configs[0]) })
	if len(configs) > 1 {
		both.Go(func() { p.Control, errControl = Run(ctx, configs[1]) })
	}
	both.Wait()
	p.settle(errRun, errControl, b.arm(), control)
	return p
}

// turns runs functions at once, or one after another.
type turns struct {
	sync.WaitGroup
	alone bool
}

func (t *turns) Go(f func()) {
	if t.alone {
		f()
		return
	}
	t.WaitGroup.Go(f)
}

// alone tells whether a run of the scenario must have the place to itself, so that
// the control comes after it: where nodes are broken, for both arms are on them,
// where both would break one system that runs there already, and where the scenario
// says so.
func (b Batch) alone(s *scenarios.Scenario) bool {
	plan, err := s.Schedule(b.Config.Platform, b.Seed)
	return err == nil && breaksNodes(plan) || s.Spec.Control.Apart || b.attached(s)
}

// attached tells whether the scenario is of a system that is there already.
func (b Batch) attached(s *scenarios.Scenario) bool {
	system, err := s.System(b.Config.Platform, false)
	return err == nil && system.Spec.Kubernetes != nil && system.Spec.Kubernetes.Namespace != ""
}

// settle tells what the platform lacks from what went wrong, and that of the run
// from that of its control. Outcomes are kept in any case.
func (p *Pair) settle(errRun, errControl error, arm, control sut.Arm) {
	missing, err := lacking(*p, arm, errRun)
	controlMissing, controlErr := lacking(*p, control, errControl)
	p.Missing, p.Err = missing, errors.Join(err, controlErr)
	if missing == nil {
		p.ControlMissing = controlMissing
	}
}

// lacking is err as what the platform lacks, or as an error that says of what.
func lacking(p Pair, arm sut.Arm, err error) (*sut.Missing, error) {
	if missing, ok := errors.AsType[*sut.Missing](err); ok {
		return missing, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s, run %d, healers %s: %w", p.Scenario, p.Run, arm, err)
	}
	return nil, nil //nolint:nilnil // it lacks nothing and nothing went wrong
}

// control is the arm of a scenario's control; empty: none is run. Of a system that
// is there already nobody can take its own healing away.
func (b Batch) control(s *scenarios.Scenario) sut.Arm {
	switch {
	case b.Control == ControlNone:
		return ""
	case b.Control == "" && (!s.Spec.Control.Always || b.arm() != sut.ArmRebound):
		return ""
	case b.Control != ControlOwn && b.Control != "":
		return b.Control
	case s.Spec.Control.Healers == "" && b.attached(s):
		return sut.ArmNative
	default:
		return s.ControlArm()
	}
}

func (b Batch) arm() sut.Arm {
	if b.Healers == "" {
		return sut.ArmRebound
	}
	return b.Healers
}

func (b Batch) config(s *scenarios.Scenario, n int, arm sut.Arm, control bool) Config {
	c := b.Config
	c.Scenario, c.Healers, c.Control, c.Seed, c.Out = s, arm, control, b.Seed, b.out(s, n, arm, control)
	if n > 1 {
		c.Seed = seed.Hash(b.Seed, "run", strconv.Itoa(n))
	}
	c.Observe, c.Progress = nil, nil
	if b.Follow != nil {
		c.Observe, c.Progress = b.Follow()
	}
	return c
}

// joint tells whether Out holds several runs.
func (b Batch) joint() bool {
	return len(b.Scenarios) > 1 || b.Runs > 1 || slices.ContainsFunc(b.Scenarios, func(s *scenarios.Scenario) bool { return b.control(s) != "" })
}

// out is the folder of one run.
func (b Batch) out(s *scenarios.Scenario, n int, arm sut.Arm, control bool) string {
	if !b.joint() {
		return b.Out
	}
	name := string(arm)
	if control && arm == b.arm() {
		name += "-control" // the same engine with something else of its own
	}
	return filepath.Join(b.Out, s.Name(), name, strconv.Itoa(n))
}
