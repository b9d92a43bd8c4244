package timeline

import (
	"encoding/json"
	"time"
)

// Header is the first event: all that a judge needs besides the events.
type Header struct {
	SchemaVersion int       `json:"schemaVersion"`
	Tool          string    `json:"tool"` // "rebound v0.1.0"
	Run           string    `json:"run"`  // the run id
	Began         time.Time `json:"began"`
	Scenario      string    `json:"scenario"`
	Layer         string    `json:"layer,omitempty"`
	Claim         string    `json:"claim,omitempty"`
	Platform      string    `json:"platform"`
	Healers       string    `json:"healers"` // the arm: rebound, native or off
	Policy        string    `json:"policy,omitempty"`
	Seed          uint64    `json:"seed"`
	// Checks are judged in this order; a check that the reader does not know is
	// an error, not a pass.
	Checks []Check `json:"checks"`
	// Steady is the steady state, held before the faults and asked for after.
	Steady []SLI `json:"steady,omitempty"`
	Gates  Gates `json:"gates"`
	// Rate is the offered load, requests per second.
	Rate float64 `json:"rate"`
	// Sustained is how long recovery must hold; 0 means 10 s.
	Sustained time.Duration `json:"sustained,omitempty"`
	// Workloads are the replicas asked for at the start.
	Workloads []Workload `json:"workloads"`
	// Faults are what the schedule holds, in order.
	Faults []Planned `json:"faults"`
	// Misses are the checks of which a negative control must fail every one; empty:
	// any one of all its checks.
	Misses []string `json:"misses,omitempty"`
	// Control: this run is the negative control of its scenario.
	Control bool `json:"control,omitempty"`
	// Differs is what a control has of its own, besides its healers: policy, system, env.
	Differs []string `json:"differs,omitempty"`
	// Env is what the scenario added to the environment of workloads, by name.
	Env map[string]map[string]string `json:"env,omitempty"`
}

// Check is a check as it was asked for: its name and arguments as the scenario
// wrote them, in canonical JSON.
type Check struct {
	ID   string          `json:"id"`
	Args json.RawMessage `json:"args,omitempty"`
}

// SLI is one bound of the steady state.
type SLI struct {
	SLI string `json:"sli"` // success or latency
	// AtLeast is the least share of good answers, 0 to 1, for success.
	AtLeast float64 `json:"atLeast,omitempty"`
	// Below is a share of good answers, for stop conditions.
	Below float64 `json:"below,omitempty"`
	// Percentile and AtMost bound latency: 99 and 250 ms.
	Percentile float64       `json:"percentile,omitempty"`
	AtMost     time.Duration `json:"atMost,omitempty"`
	// For is how long a stop condition must hold.
	For time.Duration `json:"for,omitempty"`
}

// Gates are what makes a run inconclusive before any check is asked.
type Gates struct {
	// LoadFloor is the least share of the intended requests that must be sent.
	LoadFloor float64 `json:"loadFloor"`
	// MaxLag is the most that the 99th percentile of send lag may be.
	MaxLag time.Duration `json:"maxLag"`
	// MaxHostLag is the most that the harness's own timer may be late.
	MaxHostLag time.Duration `json:"maxHostLag"`
	// MaxProberLag is the most that the prober's own timer may be late.
	MaxProberLag time.Duration `json:"maxProberLag"`
}

// Workload is a workload with the replicas that were asked for.
type Workload struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
	// Min and Max are between what the policy scales it; both 0: it does not.
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// Planned is a fault as the schedule holds it.
type Planned struct {
	ID     string          `json:"id"` // "1", "2": the order of injection
	Fault  string          `json:"fault"`
	Target string          `json:"target"`
	At     time.Duration   `json:"at"`            // after the baseline
	For    time.Duration   `json:"for,omitempty"` // 0: as long as the run observes
	Args   json.RawMessage `json:"args,omitempty"`
}

// PhaseName is a phase of a run.
type PhaseName string

// The phases, in order.
const (
	PhaseSetup    PhaseName = "setup"    // the system starts
	PhaseBaseline PhaseName = "baseline" // load runs, nothing is broken, the steady state must hold
	PhaseInject   PhaseName = "inject"   // until every scheduled fault is confirmed or given up
	PhaseObserve  PhaseName = "observe"  // faults last, healing is measured
	PhaseRevert   PhaseName = "revert"   // the harness undoes its faults
	PhaseSettle   PhaseName = "settle"   // after the revert: what returns only now is not healing
	PhaseAudit    PhaseName = "audit"    // the load has ended: acknowledged writes are read back
	PhaseTeardown PhaseName = "teardown" // the system ends; residue is looked for
)

// Phase begins; the one before it ends.
type Phase struct {
	Name PhaseName `json:"name"`
	// Deadline is how long it may last; 0: until it is done.
	Deadline time.Duration `json:"deadline,omitempty"`
}

// Load is one second of load. A request counts in the second in which it was
// meant to be sent, however late it was answered, so the event is written when
// the last of them has ended.
type Load struct {
	// Second counts from the start of the load, from 0. Start is where it begins.
	Second int           `json:"second"`
	Start  time.Duration `json:"start"`
	// Intended is what the rate asks for; Sent were sent, Dropped were not since too
	// many were in flight. Intended = Sent + Dropped.
	Intended int `json:"intended"`
	Sent     int `json:"sent"`
	Dropped  int `json:"dropped,omitempty"`
	// OK are good answers. Degraded are the good answers among them that the
	// system marked as degraded. Failed = Sent - OK: error answers and time-outs.
	OK       int `json:"ok"`
	Degraded int `json:"degraded,omitempty"`
	Failed   int `json:"failed,omitempty"`
	// Outcomes counts by status code, or by "timeout", "refused", "reset", "error".
	Outcomes map[string]int `json:"outcomes,omitempty"`
	// Latency is measured from the intended send time. Lag is how late they were sent.
	Latency Sketch `json:"latency"`
	Lag     Sketch `json:"lag"`
}

// Fault is a change of an injected fault.
type Fault struct {
	ID    string     `json:"id"` // as Planned
	Fault string     `json:"fault"`
	State FaultState `json:"state"`
	// Proof is what was seen; of a failure, what went wrong.
	Proof string `json:"proof,omitempty"`
	// Replica is the incarnation that was hit.
	Incarnation string `json:"incarnation,omitempty"`
}

// FaultState is what happened to a fault.
type FaultState string

// The states of a fault, as events.
const (
	FaultInjecting FaultState = "injecting" // the verb is called
	FaultActive    FaultState = "active"    // evidence: the effect was seen. Recovery counts from here
	FaultUnseen    FaultState = "unseen"    // injected, but no effect was seen
	FaultFailed    FaultState = "failed"    // it could not be injected; nothing is left
	FaultOvertaken FaultState = "overtaken" // a healer ended it; it is not put back
	FaultReapplied FaultState = "reapplied" // a new incarnation was hit again
	FaultReverted  FaultState = "reverted"  // we undid it, or it came to the end that it has by its nature
	FaultStuck     FaultState = "stuck"     // it could not be undone
)

// Instance is a change of one instance, seen by the harness's own observer.
type Instance struct {
	Workload    string        `json:"workload"`
	Incarnation string        `json:"incarnation"`
	State       InstanceState `json:"state"`
	Detail      string        `json:"detail,omitempty"`
	// Exit code and signal, of InstanceExited.
	Code   int `json:"code,omitempty"`
	Signal int `json:"signal,omitempty"`
}

// InstanceState is what an instance became.
type InstanceState string

// The changes of an instance.
const (
	InstanceStarted InstanceState = "started"
	InstanceExited  InstanceState = "exited"
	InstanceReady   InstanceState = "ready"
	InstanceUnready InstanceState = "unready"
	InstanceIn      InstanceState = "in"   // in rotation
	InstanceOut     InstanceState = "out"  // out of rotation
	InstanceGone    InstanceState = "gone" // removed for good
)

// Connection tells that connections were opened over a link on which bytes then
// passed.
type Connection struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Opened int    `json:"opened"`
	// Over is the time before the event in which they were gathered; 0: up to 100 ms.
	Over time.Duration `json:"over,omitempty"`
}

// Pool is a pool of connections of an instance, as its own metrics tell of it once
// a second. What is 0 may also not be told.
type Pool struct {
	To    string `json:"to"` // the workload that the connections lead to
	Open  int    `json:"open"`
	InUse int    `json:"inUse"`
	Size  int    `json:"size,omitempty"` // the most that may be open
	// Opened, Waits and Waited are since the last event of this pool.
	Opened int           `json:"opened,omitempty"`
	Waits  int           `json:"waits,omitempty"`  // takes that found none free
	Waited time.Duration `json:"waited,omitempty"` // by all of them together
	// Server is how many connections the other end has, of all its clients: told by
	// an event whose target is the server itself.
	Server int `json:"server,omitempty"`
}

// Healing is what the engine found, decided or did: one Record of its journal.
type Healing struct {
	Record uint64      `json:"record"` // the Record's number in the engine's journal
	State  HealingKind `json:"state"`
	// Healer is who proposed; Verb what is done; Work groups the acts of one plan.
	Healer string `json:"healer,omitempty"`
	Verb   string `json:"verb,omitempty"`
	Work   string `json:"work,omitempty"`
	Act    string `json:"act,omitempty"`
	// Finding is the condition that was seen: exited, notLive, notReady, volumeFull.
	Finding string `json:"finding,omitempty"`
	// Effect and Rule are of a decision: allow, defer, ask or deny, and what bound.
	Effect string `json:"effect,omitempty"`
	Rule   string `json:"rule,omitempty"`
	// Have and Limit are the values that were compared, where there are any.
	Have  int64 `json:"have,omitempty"`
	Limit int64 `json:"limit,omitempty"`
	// Outcome is of an act that ended: ok, already, refused, failed, cancelled, unknown.
	Outcome string `json:"outcome,omitempty"`
	// Text says it in words.
	Text string `json:"text"`
}

// HealingKind is what a healing event tells.
type HealingKind string

// The kinds of healing events.
const (
	HealingFinding  HealingKind = "finding"
	HealingDecision HealingKind = "decision"
	HealingAct      HealingKind = "act"      // issued: it is in the journal, now it is done
	HealingOutcome  HealingKind = "outcome"  // of an act
	HealingWork     HealingKind = "work"     // a plan moved on: verifying, done, escalated
	HealingNotified HealingKind = "notified" // people were told, or paged
)

// Writes is the audit of acknowledged writes, read back at the end.
type Writes struct {
	Acknowledged int `json:"acknowledged"` // all of them
	// Asked is how many of them were read back: all, or of very many a sample spread
	// evenly over the run. Asked = Found + Lost + Unread.
	Asked   int      `json:"asked"`
	Found   int      `json:"found"`
	Lost    int      `json:"lost"`
	Unread  int      `json:"unread,omitempty"` // got no clear answer: neither found nor lost
	LostIDs []string `json:"lostIDs,omitempty"`
}

// Lag is how late a timer of ours was, at its worst within the last second.
type Lag struct {
	Of  string        `json:"of"` // host or prober
	Max time.Duration `json:"max"`
}

// Stop ends a run early.
type Stop struct {
	Reason string `json:"reason"` // "stop condition: success below 1 % for 40 s", "interrupted"
}

// Note is a warning that belongs in the report.
type Note struct {
	Text string `json:"text"`
}

// End closes the record.
type End struct {
	// Residue is what the run left behind, found by looking. It should be empty.
	Residue []string `json:"residue,omitempty"`
}
