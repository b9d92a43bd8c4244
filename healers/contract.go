package healers

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// Input is all that the engine learns in one step. A nil or empty part means
// that nothing of it is new.
type Input struct {
	// Now is the time since the engine's epoch. It goes on over restarts and
	// never goes back.
	Now time.Duration `json:"now"`
	// Wall is for maintenance windows and for printing.
	Wall time.Time `json:"wall"`
	// Epoch fences leadership: an append under an older one is refused.
	Epoch    uint64         `json:"epoch"`
	System   sut.Delta      `json:"system"`
	Probes   []probe.Change `json:"probes,omitempty"`
	Metrics  []Sample       `json:"metrics,omitempty"`
	Alerts   []Alert        `json:"alerts,omitempty"`
	Done     []Done         `json:"done,omitempty"`
	Commands []Command      `json:"commands,omitempty"`
	// Policy is a new policy; nil: the one before still holds.
	Policy *policy.Policy `json:"policy,omitempty"`
}

// Output is what a step asks for. It belongs to the engine until the next Step.
type Output struct {
	// Records must be durable before any of Acts is started.
	Records []Record
	Acts    []Act
	// Cancel asks acts in flight to end; each still ends in one Done.
	Cancel []ActID
	// Next is the absolute time at which the engine wants to be stepped, whatever
	// happens; 0: only when something happens.
	Next time.Duration

	grants []Grant // of Acts, by index
}

// Sample is a metric's value.
type Sample struct {
	Target sut.ID        `json:"target"`
	Metric string        `json:"metric"`
	Value  float64       `json:"value"`
	At     time.Duration `json:"at"`
	Window time.Duration `json:"window"`
}

// Alert is a condition that another system reports.
type Alert struct {
	ID     string            `json:"id"`
	Labels map[string]string `json:"labels"`
	Firing bool              `json:"firing"`
}

// Command is what a person says; the shell has checked who.
type Command struct {
	Verb string `json:"verb"` // approve, deny, pause, resume, abort
	Work WorkID `json:"work,omitempty"`
	By   string `json:"by"`
	Text string `json:"text,omitempty"`
}

// ActID numbers acts within one journal, from 1.
type ActID uint64

// WorkID numbers works within one journal, from 1.
type WorkID uint64

// Verb is what an act does: the name behind "repair." of a capability, or one
// of the engine's own, which the shell's notifier carries out.
type Verb string

// The engine's own verbs: they touch no system.
const (
	VerbNotify Verb = "notify" // tell people; args Message
	VerbPage   Verb = "page"   // wake a person; args Message
)

// Message is what notify and page carry.
type Message struct {
	Text string `json:"text"`
}

// Act is one short verb on one incarnation: never a drain, never a runbook.
type Act struct {
	ID     ActID           `json:"id"`
	Work   WorkID          `json:"work"`
	Healer string          `json:"healer"`
	Verb   Verb            `json:"verb"`
	Target sut.Target      `json:"target"`
	Args   json.RawMessage `json:"args,omitempty"` // canonical
	// Deadline is the absolute time at which its outcome is Unknown.
	Deadline time.Duration `json:"deadline"`
	// Repeatable: after a crash it is done again on the same incarnation. Else
	// its outcome is observed, or escalated.
	Repeatable bool `json:"repeatable,omitempty"`
}

// Result is how an act ended. Its zero value is not a result.
type Result string

// The results. Exactly one per act.
const (
	ResultOK        Result = "ok"
	ResultAlready   Result = "already"   // there was nothing to do
	ResultRefused   Result = "refused"   // the target is gone, or the platform cannot
	ResultFailed    Result = "failed"    //
	ResultCancelled Result = "cancelled" //
	ResultUnknown   Result = "unknown"   // its deadline passed, or the engine died; observation settles it
)

// Done is the outcome of an act.
type Done struct {
	ID     ActID  `json:"id"`
	Result Result `json:"result"`
	Detail string `json:"detail,omitempty"`
}

// RecordKind says which part of a Record is set.
type RecordKind string

// The kinds of records.
const (
	RecordPolicy   RecordKind = "policy"   // Text is its name and digest
	RecordFinding  RecordKind = "finding"  // Finding: began or ended
	RecordDecision RecordKind = "decision" // Decision: the guard's answer, when it changes
	RecordWork     RecordKind = "work"     // Change: a work began, moved on or ended
	RecordIntent   RecordKind = "intent"   // Act: about to be done
	RecordOutcome  RecordKind = "outcome"  // Done
	RecordCommand  RecordKind = "command"  // Command
	RecordState    RecordKind = "state"    // State: a level the fold needs, such as an instance's back-off
)

// Record is one line of the journal, and records are the only history: the
// engine's durable state is their fold; audit, notifications and the timeline's
// healing events are made from them.
type Record struct {
	Seq   uint64        `json:"seq"`
	Cause uint64        `json:"cause,omitempty"` // Seq of the record that led here
	Epoch uint64        `json:"epoch"`
	At    time.Duration `json:"at"`
	Work  WorkID        `json:"work,omitempty"`
	Kind  RecordKind    `json:"kind"`

	Finding  *Finding        `json:"finding,omitempty"`
	Decision *Decision       `json:"decision,omitempty"`
	Act      *Act            `json:"act,omitempty"`
	Done     *Done           `json:"done,omitempty"`
	Change   *WorkChange     `json:"change,omitempty"`
	Command  *Command        `json:"command,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`
	Text     string          `json:"text,omitempty"`
}

// Urgent tells that a record must be on the disk before anything is done.
func (r Record) Urgent() bool { return r.Kind == RecordIntent || r.Kind == RecordOutcome }

// FindingKind is a condition that healers know.
type FindingKind string

// The findings.
const (
	FindingExited     FindingKind = "exited"     // the incarnation has ended
	FindingNotLive    FindingKind = "notLive"    // its liveness probe fails
	FindingNotReady   FindingKind = "notReady"   // its readiness probe fails
	FindingReady      FindingKind = "ready"      // ready, but out of rotation
	FindingVolumeFull FindingKind = "volumeFull" // a runbook's trigger holds for a volume
)

// Finding is a condition of one target, while it lasts.
type Finding struct {
	Kind   FindingKind   `json:"kind"`
	Target sut.Target    `json:"target"`
	Since  time.Duration `json:"since"`
	// Runbook names the runbook whose trigger this is.
	Runbook string `json:"runbook,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// Ended: the condition is over.
	Ended bool `json:"ended,omitempty"`
}

// Effect is the guard's answer. Its zero value denies.
type Effect uint8

// The effects.
const (
	Deny  Effect = iota // no; asked again only when something changes
	Defer               // not yet: at Until, or when By changes
	Ask                 // a person must say so
	Allow
)

// Rule is the guard's rule that bound.
type Rule string

// The rules, in the order in which they are asked.
const (
	RuleNone   Rule = ""             // allowed: no rule bound
	RuleKill   Rule = "killSwitch"   // people stopped the engine
	RulePaused Rule = "paused"       //
	RuleScope  Rule = "scope"        // outside what the policy covers, or a database it may not touch
	RuleTrust  Rule = "trust"        // a person must approve
	RuleActor  Rule = "oneActor"     // another act holds the target
	RuleBlind  Rule = "blind"        // we cannot see, so we hold
	RuleBudget Rule = "budget"       // too few would be left available
	RuleRate   Rule = "rate"         // too many acts in the window
	RuleBack   Rule = "backoff"      // too soon after the last one
	RuleStag   Rule = "stagger"      // another of the same workload is not back yet
	RuleRecur  Rule = "recurrence"   // healed too often: a problem is being hidden
	RuleRepeat Rule = "unrepeatable" // it may have been done already
)

// Decision is the guard's answer with what it compared; text is made outside.
type Decision struct {
	Healer string     `json:"healer"`
	Verb   Verb       `json:"verb"`
	Target sut.Target `json:"target"`
	Rule   Rule       `json:"rule"`
	Effect Effect     `json:"effect"`
	// Have and Limit are the values compared, in the rule's own unit: counts for
	// budget, rate and stagger; milliseconds for back-off.
	Have  int64 `json:"have"`
	Limit int64 `json:"limit"`
	// Until is when a deferred act is asked for again at the latest.
	Until time.Duration `json:"until,omitempty"`
	// By is the target that the answer hangs on.
	By sut.ID `json:"by,omitempty"`
}

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

// Checkpoint is the fold of all records up to Seq; the zero value is an empty
// history.
type Checkpoint struct {
	Seq   uint64          `json:"seq"`
	State json.RawMessage `json:"state,omitempty"`
}

// Healer turns findings into plans. It is pure: no clock, no context, no state
// of its own.
type Healer interface {
	// Propose returns the plans for a finding, best first, or none.
	Propose(v *View, f Finding) []Plan
}

// Actuator carries out acts; healers/act is the one there is.
type Actuator interface {
	Do(ctx context.Context, g Grant, a Act) Done
}

// Journal keeps the records.
type Journal interface {
	// Append returns when the records are durable, all or none. An epoch older
	// than one already seen is refused with [ErrFenced].
	Append(ctx context.Context, epoch uint64, r []Record) error
	// Load returns the newest checkpoint and the records after it, in order.
	Load(ctx context.Context) (Checkpoint, iter.Seq2[Record, error], error)
}
