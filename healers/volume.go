package healers

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

// untilWithin is how long a runbook's step has to reach its goal where it does
// not say.
const untilWithin = 5 * time.Second

var runbookHealer = Definition{
	Name:      "runbook",
	Summary:   "runs the runbook whose trigger holds for a volume",
	Of:        []FindingKind{FindingVolumeFull},
	Order:     4,
	Retry:     backoff.Config{Initial: time.Minute, Max: time.Hour, Reset: 6 * time.Hour},
	PageAfter: 1,
	Healer:    proposal(proposeRunbook),
}

// proposeRunbook turns a runbook into a plan. A step with a goal (until) ends
// the work when the goal is reached, and else hands over to the next one.
func proposeRunbook(v *View, f Finding) []Plan {
	rb := v.runbook(f.Runbook)
	if rb == nil {
		return nil
	}
	p := Plan{Healer: "runbook", Runbook: rb.Name, Tell: true, Targets: []sut.Target{f.Target}}
	for _, s := range rb.Steps {
		step := PlanStep{Verb: Verb(s.Verb), Target: f.Target, Args: s.Args, If: Expr(s.If), Optional: true}
		if s.Until != "" {
			step.Verify, step.Within, step.Last = Expr(s.Until), s.Within, true
			if step.Within <= 0 {
				step.Within = untilWithin
			}
		}
		p.Steps = append(p.Steps, step)
	}
	return []Plan{p}
}
