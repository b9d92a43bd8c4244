package run

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios"
)

// DryPlan is what a run would break, and when: equal for equal scenarios and seeds.
type DryPlan struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	// Baseline and Observe are how long those phases last; all times are in
	// nanoseconds, and those of faults count from the end of the baseline.
	Baseline time.Duration `json:"baseline"`
	Observe  time.Duration `json:"observe"`
	Faults   []faults.Item `json:"faults"`
	// Control is the arm of the negative control.
	Control sut.Arm `json:"control"`
}

// DryRun plans a run from what its system file declares, and starts nothing.
func DryRun(s *scenarios.Scenario, platform string, seed uint64) (DryPlan, error) {
	if err := s.Validate(); err != nil {
		return DryPlan{}, err
	}
	plan, err := s.Schedule(platform, seed)
	if err != nil {
		return DryPlan{}, err
	}
	return DryPlan{
		Scenario: s.Name(), Seed: seed, Baseline: s.BaselineFor(), Observe: s.Observe(),
		Faults: plan.Items, Control: s.ControlArm(),
	}, nil
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
	return t.Flush() // the one write to w, and so the one error
}
