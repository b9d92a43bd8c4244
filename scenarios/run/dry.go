package run

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/scenarios"
)

// DryPlan is what a run would break, and when, and how much healing may take away at
// once: equal for equal scenarios and seeds.
type DryPlan struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	// Baseline and Observe are how long those phases last; all times are in
	// nanoseconds, and those of faults count from the end of the baseline.
	Baseline time.Duration `json:"baseline"`
	Observe  time.Duration `json:"observe"`
	Faults   []faults.Item `json:"faults"`
	// Budgets are the disruption budgets of the healing policy, and those that the
	// system's manifests declare; Pace is how restarts are kept apart.
	Budgets []healers.Allowance `json:"budgets"`
	Pace    []healers.Pace      `json:"pace"`
	// Control is the arm of the negative control.
	Control sut.Arm `json:"control"`
}

// DryRun plans a run from what its system file declares, and starts nothing.
func DryRun(s *scenarios.Scenario, platform string, seed uint64) (DryPlan, error) {
	if err := s.Validate(); err != nil {
		return DryPlan{}, err
	}
	on, err := PlatformNamed(platform)
	if err != nil {
		return DryPlan{}, err
	}
	plan, err := s.Schedule(platform, seed)
	if err != nil {
		return DryPlan{}, err
	}
	dry := DryPlan{
		Scenario: s.Name(), Seed: seed, Baseline: s.BaselineFor(), Observe: s.Observe(),
		Faults: plan.Items, Control: s.ControlArm(),
	}
	dry.Budgets, dry.Pace, err = rounding(s, on)
	return dry, err
}

// rounding is what the healing policy of a scenario comes to for its system.
func rounding(s *scenarios.Scenario, on Platform) ([]healers.Allowance, []healers.Pace, error) {
	system, err := s.System(on.Name, false)
	if err != nil {
		return nil, nil, err
	}
	p, _, err := s.Policy(on.Name, false)
	if err != nil {
		return nil, nil, err
	}
	snapshot := system.Snapshot()
	if on.Declare != nil {
		if err := on.Declare(system, &snapshot); err != nil {
			return nil, nil, err
		}
	}
	budgets, pace := healers.Rounding(p, snapshot)
	return budgets, pace, nil
}

// Text writes the plan for people.
func (p DryPlan) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "%s, seed %d: %s of baseline, %s of observation after the last fault is confirmed; control %s\n", p.Scenario, p.Seed, p.Baseline, p.Observe, p.Control)
	for _, i := range p.Faults {
		lasts := "as long as the run observes"
		if i.For > 0 {
			lasts = i.For.String()
		}
		_, _ = fmt.Fprintf(t, "  %s\tat %s\t%s\t%s\t%s\t%s\n", i.ID, i.At, i.Fault, i.Target, lasts, i.Args)
	}
	for _, b := range p.Budgets {
		_, _ = fmt.Fprintf(t, "  budget  %s\n", b)
	}
	for _, s := range p.Pace {
		_, _ = fmt.Fprintf(t, "  stagger  %s\n", s)
	}
	return t.Flush() // the one write to w, and so the one error
}
