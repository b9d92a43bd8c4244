package healers

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

// Plan is what a healer proposes: immutable data.
type Plan struct {
	Healer  string       `json:"healer"`
	Finding FindingKind  `json:"finding"`
	Steps   []PlanStep   `json:"steps"`
	Targets []sut.Target `json:"targets"`
	// Runbook names the runbook that this is, and Tell asks that people are told
	// how it ended.
	Runbook string `json:"runbook,omitempty"`
	Tell    bool   `json:"tell,omitempty"`
	// Digest is the SHA-256 of the plan's canonical JSON without it: what an
	// approval signs.
	Digest [32]byte `json:"digest"`
	// Backoff is how the delay between restarts grows, of a plan that restarts.
	Backoff backoff.Config `json:"backoff,omitzero"`
	// NotBefore is when the plan is wanted; until then it is only a wish that the
	// engine asks for again, and no work.
	NotBefore time.Duration `json:"-"`
}

// name is the healer's, with that of its runbook.
func (p *Plan) name() string { return named(p.Healer, p.Runbook) }

func named(healer, runbook string) string {
	if runbook == "" {
		return healer
	}
	return healer + " " + runbook
}

// Expr is a condition in CEL over the target's view; empty: true.
type Expr string

// PlanStep is one step: an act, and what must hold after.
type PlanStep struct {
	Verb Verb `json:"verb"`
	// Target is the act's. One of a volume has no incarnation: the act takes that
	// of the moment, since a volume outlives its instance's.
	Target sut.Target      `json:"target"`
	Args   json.RawMessage `json:"args,omitempty"`
	// If: else the step is passed over.
	If Expr `json:"if,omitempty"`
	// Verify must hold within Within after the act, else the work goes on with
	// Undo, or escalates.
	Verify Expr          `json:"verify,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	Undo   *PlanStep     `json:"undo,omitempty"`
	// Optional: when it fails the work goes on with the next step.
	Optional bool `json:"optional,omitempty"`
	// Last: when the step was taken, and Verify holds, the work is done.
	Last bool `json:"last,omitempty"`
}

// WorkState is where a work is.
type WorkState string

// The states of a work.
const (
	WorkAsking    WorkState = "asking"   // waits for a person
	WorkDeferred  WorkState = "deferred" // waits for the guard
	WorkActing    WorkState = "acting"
	WorkVerifying WorkState = "verifying"
	WorkUndoing   WorkState = "undoing"
	WorkTelling   WorkState = "telling" // it is over; people are told before it ends
	WorkDone      WorkState = "done"
	WorkFailed    WorkState = "failed"    // it did not work; a lasting finding brings another, later
	WorkEscalated WorkState = "escalated" // it did not work: people were told
	WorkDropped   WorkState = "dropped"   // its finding ended before it began
)

// WorkChange begins a work (Plan is set) or moves it on.
type WorkChange struct {
	Plan  *Plan     `json:"plan,omitempty"`
	Index int       `json:"index"`
	State WorkState `json:"state"`
	// Deadline is when the present state is given up; 0: never.
	Deadline time.Duration `json:"deadline,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	// Ends is how a work that is telling will end.
	Ends WorkState `json:"ends,omitempty"`
}

// acts: the work does more than tell people.
func (w *Work) acts() bool {
	return slices.ContainsFunc(w.Plan.Steps, func(s PlanStep) bool { return !s.Verb.tells() })
}

// hides: it healed what may come again and again, and then hides a problem. That users
// are sent elsewhere is such a thing where nothing else heals it; a person's wish is none.
func (w *Work) hides() bool {
	return w.acts() && w.Plan.Finding != FindingAsked && w.Plan.Finding != FindingReady &&
		(w.life() || w.Plan.Runbook != "" || w.Plan.Finding == FindingNotReady)
}

// tells: its present step is a message.
func (w *Work) tells() bool {
	return w.State != WorkAsking && w.State != WorkTelling && w.Index < len(w.Plan.Steps) && w.Plan.Steps[w.Index].Verb.tells()
}

// heavy: the work does more than say whom users are sent to.
func (w *Work) heavy() bool {
	return slices.ContainsFunc(w.Plan.Steps, func(s PlanStep) bool { return s.Verb.heavy() })
}

// life: the work ends a life of its target, so that the stagger counts it.
func (w *Work) life() bool {
	return len(w.Plan.Steps) > 0 && w.Plan.Steps[0].Verb.life()
}

func (p *Plan) target() sut.Target {
	if len(p.Targets) == 0 {
		return sut.Target{}
	}
	return p.Targets[0]
}
