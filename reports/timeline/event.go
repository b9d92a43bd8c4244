package timeline

import "time"

// SchemaVersion is the version of the events that this package writes.
const SchemaVersion = 1

// Kind says which payload an event carries.
type Kind string

// The kinds of events, each with the field that carries its payload.
const (
	KindHeader     Kind = "header"     // Header; always the first, once
	KindPhase      Kind = "phase"      // Phase
	KindLoad       Kind = "load"       // Load: one a second
	KindFault      Kind = "fault"      // Fault
	KindInstance   Kind = "instance"   // Instance
	KindConnection Kind = "connection" // Connection
	KindPool       Kind = "pool"       // Pool: one a second and pool
	KindBreaker    Kind = "breaker"    // Breaker: one a second, client and dependency
	KindReplicas   Kind = "replicas"   // Replicas
	KindHealing    Kind = "healing"    // Healing
	KindScale      Kind = "scale"      // Scale: one a decision
	KindWrites     Kind = "writes"     // Writes: the audit after the load has ended
	KindLag        Kind = "lag"        // Lag
	KindStop       Kind = "stop"       // Stop
	KindNote       Kind = "note"       // Note
	KindEnd        Kind = "end"        // End; always the last of a run that ended in order
)

// Actor says who wrote an event or caused what it tells.
type Actor string

// The actors.
const (
	ActorRunner   Actor = "runner"   // the harness, driving the phases
	ActorLoad     Actor = "load"     // the load generator
	ActorObserver Actor = "observer" // the harness's own look at the system, equal in every arm
	ActorInjector Actor = "injector" // what breaks
	ActorEngine   Actor = "engine"   // the healing engine
	ActorPlatform Actor = "platform" // what restarts or reports without our engine
	ActorUser     Actor = "user"     // a person: Ctrl-C
)

// Event is one line of the record. Exactly one payload is set, the one of Kind.
type Event struct {
	Seq   uint64        `json:"seq"`             // from 1, without gaps
	At    time.Duration `json:"at"`              // nanoseconds since the run began, never back
	Kind  Kind          `json:"kind"`            //
	Actor Actor         `json:"actor"`           //
	Cause uint64        `json:"cause,omitempty"` // Seq of what brought this about; 0: nothing
	// Target is the ID of what it is about; empty: the run.
	Target string `json:"target,omitempty"`

	Header     *Header     `json:"header,omitempty"`
	Phase      *Phase      `json:"phase,omitempty"`
	Load       *Load       `json:"load,omitempty"`
	Fault      *Fault      `json:"fault,omitempty"`
	Instance   *Instance   `json:"instance,omitempty"`
	Connection *Connection `json:"connection,omitempty"`
	Pool       *Pool       `json:"pool,omitempty"`
	Breaker    *Breaker    `json:"breaker,omitempty"`
	Replicas   *Replicas   `json:"replicas,omitempty"`
	Healing    *Healing    `json:"healing,omitempty"`
	Scale      *Scale      `json:"scale,omitempty"`
	Writes     *Writes     `json:"writes,omitempty"`
	Lag        *Lag        `json:"lag,omitempty"`
	Stop       *Stop       `json:"stop,omitempty"`
	Note       *Note       `json:"note,omitempty"`
	End        *End        `json:"end,omitempty"`
}
