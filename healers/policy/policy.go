package policy

import (
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Policy is what the engine is told: compiled from a HealingPolicy and its
// runbooks, complete (no field still waits for a default), and never changed.
type Policy struct {
	Name string `json:"name"`
	// Digest is the SHA-256, in hex, of the policy's canonical JSON without it.
	Digest    string     `json:"digest"`
	Workloads []Workload `json:"workloads"` // the first whose selector matches holds
	Runbooks  []Runbook  `json:"runbooks,omitempty"`
	Guard     Guardrails `json:"guard"`
	// Breakers are those of the clients of each dependency.
	Breakers []Breaker `json:"breakers,omitempty"`
}

// Selector is what labels an instance must carry; the key "workload" stands for
// the workload's name. An empty selector matches nothing.
type Selector map[string]string

// Workload says how the instances of a workload are kept well.
type Workload struct {
	Selector Selector `json:"selector"`
	// The probes have every default of Kubernetes filled in; nil: not probed.
	Liveness  *corev1.Probe `json:"liveness,omitempty"`
	Readiness *corev1.Probe `json:"readiness,omitempty"`
	Startup   *corev1.Probe `json:"startup,omitempty"`
	Probing   Probing       `json:"probing,omitzero"`
	Restart   Restart       `json:"restart"`
	// Rotate: an instance that is not ready is taken out of rotation, and put back
	// when it is. True where there is a readiness probe, unless the policy says no.
	Rotate bool `json:"rotate"`
	// ReplaceAfter is how long an instance may stay unready before another takes
	// its place; 0: never.
	ReplaceAfter time.Duration `json:"replaceAfter,omitempty"`
	// MinAvailable and MaxUnavailable are a disruption budget: a count ("2") or a
	// percentage ("50%") of the workload's desired replicas, rounded up as policy/v1
	// does; at most one is set. Both empty: MaxUnavailable 1.
	MinAvailable   string `json:"minAvailable,omitempty"`
	MaxUnavailable string `json:"maxUnavailable,omitempty"`
	// UnhealthyEviction is policy/v1's unhealthyPodEvictionPolicy: whether an instance
	// that is not ready may be evicted although too few others are. "": IfHealthyBudget.
	UnhealthyEviction string `json:"unhealthyEviction,omitempty"`
	// Scaling says how many instances there are; nil: nobody scales.
	Scaling *Scaling `json:"scaling,omitempty"`
}

// Sources are where the metrics of all workloads come from.
func (p *Policy) Sources() (out []metric.Source) {
	for i := range p.Workloads {
		if s := p.Workloads[i].Scaling; s != nil {
			out = append(out, s.Sources...)
		}
	}
	return out
}

// Scaling is how a workload, which its selector names, is scaled.
type Scaling struct {
	Spec   *scaler.Spec  `json:"spec"` // with its defaults
	Compat bool          `json:"compat,omitempty"`
	Every  time.Duration `json:"every"`
	// Sources are where its metrics come from, complete.
	Sources []metric.Source `json:"sources,omitempty"`
}

// Probing says how the probes are asked where core/v1 has no field for it.
type Probing struct {
	// KeepConnections: an httpGet probe uses its connection again, within one
	// incarnation.
	KeepConnections bool `json:"keepConnections,omitempty"`
}

// ProbeGrace is how long an instance may take to end that is restarted since its startup
// probe failed, or else its liveness probe: that probe's terminationGracePeriodSeconds; 0: it
// has none, and Restart.Grace holds.
func (w *Workload) ProbeGrace(startup bool) time.Duration {
	p := w.Liveness
	if startup {
		p = w.Startup
	}
	if p == nil || p.TerminationGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*p.TerminationGracePeriodSeconds) * time.Second
}

// Restart says when an instance that ended, or hangs, is started again.
type Restart struct {
	// Initial, Max and Reset are kubelet's: the first restart is immediate, then
	// Initial doubling to Max; an incarnation that ran longer than Reset starts
	// over. Defaults 10 s, 5 min, 10 min.
	Initial time.Duration `json:"initial"`
	Max     time.Duration `json:"max"`
	Reset   time.Duration `json:"reset"`
	Grace   time.Duration `json:"grace,omitempty"`
	// AtOnce is how many instances of the workload may be between restart and
	// ready at once: a count or a percentage, rounded down but at least one.
	AtOnce string `json:"atOnce"` // default 25%
	// Soak is how long one must have been ready before the next is restarted.
	Soak time.Duration `json:"soak,omitempty"`
	// Rules are asked in order about what has ended; where none holds it is started again.
	Rules []RestartRule `json:"rules,omitempty"`
}

// Guardrails bound all healing.
type Guardrails struct {
	// MaxActionsPerHour over everything; 0 means 60.
	MaxActionsPerHour int `json:"maxActionsPerHour"`
	// MaxPerTargetPerHour; 0 means 10.
	MaxPerTargetPerHour int `json:"maxPerTargetPerHour"`
	// Never lists what may not be touched, whatever else is said.
	Never []Selector `json:"never,omitempty"`
	// Approval lists verbs for which a person must be asked.
	Approval []string `json:"approval,omitempty"`
	// MaxPerRunbookPerHour bounds the acts of one runbook; 0 means 20.
	MaxPerRunbookPerHour int              `json:"maxPerRunbookPerHour"`
	Shared               SharedDependency `json:"sharedDependency,omitzero"`
	Storm                Storm            `json:"storm,omitzero"`
	Recurrence           Recurrence       `json:"recurrence,omitzero"`
}

// SharedDependency says when instances that fail their liveness probes together are
// taken for victims of what they share, and are not restarted.
type SharedDependency struct {
	// Percent: more than this share of the live instances of the workloads concerned,
	// and at least two. 100: never. 0 means 50.
	Percent int `json:"percent"`
	// HoldFor is after how long one of them is restarted all the same, to see whether
	// that helps; 0 means 2 min.
	HoldFor time.Duration `json:"holdFor"`
}

// Storm says when so much is unhealthy that nothing that runs is ended any more.
type Storm struct {
	// Percent: more than this share of all instances that the policy covers, and at
	// least four. 100: never. 0 means 50.
	Percent int `json:"percent"`
	// Cooldown is for how long it must have been fewer; 0 means 1 min.
	Cooldown time.Duration `json:"cooldown"`
}

// MostBackoff is for how long a restart is remembered.
const MostBackoff = 24 * time.Hour

// MostRecurrences and MostRecurrence are how much is remembered of what was healed.
const (
	MostRecurrences = 32
	MostRecurrence  = 7 * 24 * time.Hour
)

// Recurrence says when what is healed again and again is a finding of its own.
type Recurrence struct {
	Count  int           `json:"count"`  // 0 means 5
	Within time.Duration `json:"within"` // 0 means 1 h
}

// Runbook is a compiled runbook for volumes: when Trigger holds, its steps are taken.
type Runbook struct {
	Name string `json:"name"`
	// Trigger and the conditions of the steps are CEL over `volume` (used, size,
	// max: bytes; usedPercent) and `instance` (workload, labels).
	Trigger string        `json:"trigger"`
	Steps   []RunbookStep `json:"steps"`
	// Scope: the workloads whose volumes it may touch; empty: those the policy names.
	Scope []Selector `json:"scope,omitempty"`
}

// RunbookStep is one step of a runbook.
type RunbookStep struct {
	// Verb is cleanTemp, cleanLogs, expand, notify or page.
	Verb string `json:"verb"`
	// Args are the verb's, in canonical JSON; of notify and page a text in which
	// ${...} holds CEL.
	Args json.RawMessage `json:"args,omitempty"`
	If   string          `json:"if,omitempty"`
	// Until is the goal: when it holds after the step, the runbook is done, and
	// people are told what was done; else the next step is taken.
	Until  string        `json:"until,omitempty"`
	Within time.Duration `json:"within,omitempty"` // for Until to come true; 0 means 5 s
}
