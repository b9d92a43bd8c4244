package run

import (
	"context"
	"errors"
	"path/filepath"
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
	// Control is the arm of the negative control. Empty: none; ControlOwn: each
	// scenario's own.
	Control sut.Arm
	// Runs is how often each scenario is run. 0: once. The first has the seed
	// itself, the others seeds drawn from it.
	Runs int
	Seed uint64
	// Out is the folder for results: a single run writes into it, several write
	// into OUT/SCENARIO/ARM/RUN.
	Out string
	// Config is what all runs share; its Scenario, Healers, Seed, Out, Control and
	// Observe are set for each.
	Config Config
	// Follow returns a reader for one more run, which may go on beside others. nil:
	// nobody reads.
	Follow func() func(timeline.Event)
}

// ControlOwn as the Control of a Batch asks for each scenario's own.
const ControlOwn sut.Arm = "scenario"

// Pair is a run and its control.
type Pair struct {
	Scenario string
	Run      int // from 1
	// Missing is what the platform lacks: the scenario was skipped. nil: it ran.
	Missing *sut.Missing
	Outcome *Outcome
	Control *Outcome // nil: there was none
}

// Run runs all, until ctx ends or a run has no outcome. The pairs that have one
// are returned also then.
func (b Batch) Run(ctx context.Context) ([]Pair, error) {
	if err := CheckOut(b.Out); err != nil {
		return nil, err
	}
	var pairs []Pair
	for _, s := range b.Scenarios {
		for n := 1; n <= max(b.Runs, 1); n++ {
			if ctx.Err() != nil {
				return pairs, nil //nolint:nilerr // the pair before it tells that it was stopped
			}
			p, err := b.pair(ctx, s, n)
			if err != nil {
				return pairs, err
			}
			pairs = append(pairs, p)
			if p.Missing != nil {
				break
			}
		}
	}
	return pairs, nil
}

func (b Batch) pair(ctx context.Context, s *scenarios.Scenario, n int) (Pair, error) {
	p := Pair{Scenario: s.Name(), Run: n}
	control := b.Control
	if control == ControlOwn {
		control = s.ControlArm()
	}
	var errRun, errControl error
	var both sync.WaitGroup
	both.Go(func() { p.Outcome, errRun = Run(ctx, b.config(s, n, b.arm(), false)) })
	if control != "" {
		both.Go(func() { p.Control, errControl = Run(ctx, b.config(s, n, control, true)) })
	}
	both.Wait()
	err := errors.Join(errRun, errControl)
	if errors.As(err, &p.Missing) {
		return p, nil
	}
	return p, err
}

func (b Batch) arm() sut.Arm {
	if b.Healers == "" {
		return sut.ArmRebound
	}
	return b.Healers
}

func (b Batch) config(s *scenarios.Scenario, n int, arm sut.Arm, control bool) Config {
	c := b.Config
	c.Scenario, c.Healers, c.Control, c.Seed, c.Out = s, arm, control, b.Seed, b.Out
	if n > 1 {
		c.Seed = seed.Hash(b.Seed, "run", strconv.Itoa(n))
	}
	if len(b.Scenarios) > 1 || b.Runs > 1 || b.Control != "" {
		name := string(arm)
		if control && arm == b.arm() {
			name += "-control" // the same engine with another policy
		}
		c.Out = filepath.Join(b.Out, s.Name(), name, strconv.Itoa(n))
	}
	c.Observe = nil
	if b.Follow != nil {
		c.Observe = b.Follow()
	}
	return c
}
