package healers

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

const rotateName = "rotate"

const (
	isIn  Expr = `gone || instance.rotation == "yes"`
	isOut Expr = `gone || instance.rotation == "no"`
)

var rotateHealer = Definition{
	Name:      rotateName,
	Summary:   "takes an instance out of rotation that has ended or is not ready, and puts it back when it is",
	Of:        []FindingKind{FindingExited, FindingNotReady, FindingReady},
	Order:     1, // users first
	Retry:     backoff.Config{Initial: time.Second, Max: 30 * time.Second, Reset: time.Minute},
	PageAfter: 5,
	Healer:    proposal(proposeRotation),
}

// proposeRotation never touches an instance of a workload that the platform does
// not rotate, and follows what probes say, not their silence.
func proposeRotation(v *View, f Finding) []Plan {
	in, ok := v.Instance(f.Target.ID)
	w, covered := v.Policy(f.Target.ID)
	if !ok || !covered || !w.Rotate {
		return nil
	}
	step := PlanStep{Target: f.Target, Within: 5 * time.Second}
	switch {
	case f.Kind == FindingReady && in.Rotation == sut.No:
		step.Verb, step.Verify = verbRotateIn, isIn
	case f.Kind != FindingReady && in.Rotation == sut.Yes:
		step.Verb, step.Verify = verbRotateOut, isOut
	default:
		return nil
	}
	return []Plan{{Healer: rotateName, Targets: []sut.Target{f.Target}, Steps: []PlanStep{step}}}
}
