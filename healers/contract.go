package healers

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
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
	// Policy is a new policy; nil: the one before still holds. One that the journal does
	// not know yet engages the kill switch until a person revives it, unless Trial says that
	// the system is there to be tried on.
	Policy *policy.Policy `json:"policy,omitempty"`
	Trial  bool           `json:"trial,omitempty"`
	// Ending: the engine is about to end. Outcomes are taken in, and nothing is decided.
	Ending bool `json:"ending,omitempty"`
}

// Output is what a step asks for. It belongs to the engine until the next Step.
type Output struct {
	// Records must be durable before any of Acts is started.
	Records []Record
	Acts    []Act
	// Cancel are acts of earlier steps that are not to be begun any more: people stopped
	// the engine. One that is under way ends, since half a restart is worse than a whole
	// one. Each still has its one outcome.
	Cancel []ActID
	// Next is the absolute time at which the engine wants to be stepped, whatever
	// happens; 0: only when something happens.
	Next time.Duration

	grants []Grant // of Acts, by index
}

// Alert is a condition that another system reports.
type Alert struct {
	ID     string            `json:"id"`
	Labels map[string]string `json:"labels"`
	Firing bool              `json:"firing"`
}

// Command is what a person says; the shell has checked who. One whose verb the
// engine does not know is refused: its record says so, and it changes nothing.
type Command struct {
	Verb string `json:"verb"` // one of the constants below
	By   string `json:"by"`
	Text string `json:"text,omitempty"`
	// Target is the workload that restart and withdraw are about.
	Target sut.ID `json:"target,omitempty"`
}

// The commands.
const (
	CommandKill     = "kill"     // no act any more, and no new message
	CommandPause    = "pause"    // no act for now; messages go on
	CommandResume   = "resume"   // ends a pause; refused while the kill switch is engaged
	CommandRevive   = "revive"   // ends both
	CommandRestart  = "restart"  // every instance of a workload, one after another, within all guards
	CommandWithdraw = "withdraw" // what is left of such a wish, which else is over after a day
)

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
	ResultCancelled Result = "cancelled" // it was never begun
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
	RecordScale    RecordKind = "scale"    // Scale: how many instances a workload is to have
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
	Scale    *Scale          `json:"scale,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`
	// Members are the instances of a workload of which Act is to replace one.
	Members []sut.ID `json:"members,omitempty"`
	// From is how many instances a workload had that Act is to scale.
	From int32 `json:"from,omitempty"`
	// Text is a policy's name and digest, or why a command was refused.
	Text string `json:"text,omitempty"`
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
	FindingAsked      FindingKind = "asked"      // a person wants it restarted
	FindingShared     FindingKind = "shared"     // of a workload: what its instances share is suspected
	FindingStorm      FindingKind = "storm"      // of everything: too much is unhealthy at once
	FindingBlind      FindingKind = "blind"      // of everything: the prober itself cannot look
	FindingRecurring  FindingKind = "recurring"  // it was healed again and again
	FindingSize       FindingKind = "size"       // of a workload: it is to have another number of instances
)

// Everything is the target of findings that are about the system as a whole.
const Everything sut.ID = "*"

// Finding is a condition of one target, while it lasts.
type Finding struct {
	Kind   FindingKind   `json:"kind"`
	Target sut.Target    `json:"target"`
	Since  time.Duration `json:"since"`
	// Runbook names the runbook whose trigger this is; of what recurs it is what does.
	Runbook string `json:"runbook,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// Replicas is how many instances the workload is to have.
	Replicas int32 `json:"replicas,omitempty"`
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
	RuleNone   Rule = ""           // allowed: no rule bound
	RuleKill   Rule = "killSwitch" // people stopped the engine
	RulePaused Rule = "paused"     //
	RuleScope  Rule = "scope"      // outside what the policy covers, or a database it may not touch
	RuleTrust  Rule = "trust"      // a person must approve
	RuleActor  Rule = "oneActor"   // another act holds the target
	RuleBlind  Rule = "blind"      // we cannot see, so we hold
	RuleShared Rule = "shared"     // what they share is suspected, and a restart would not help
	RuleStorm  Rule = "storm"      // too much is unhealthy at once
	RuleRamp   Rule = "wakeUp"     // after a pause or a restart of the engine, few at first
	RuleBudget Rule = "budget"     // too few would be left available
	RuleRate   Rule = "rate"       // too many acts in the window
	RuleBack   Rule = "backoff"    // too soon after the last one
	RuleStag   Rule = "stagger"    // another of the same workload comes first, or is not back yet
	RuleBroken Rule = "aborted"    // two restarts of the workload in a row did not help
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
