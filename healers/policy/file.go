package policy

import (
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// HealingPolicy is a `kind: HealingPolicy` document as people write it.
type HealingPolicy struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   manifest.Metadata `json:"metadata"`
	Spec       HealingPolicySpec `json:"spec"`
}

// HealingPolicySpec is the body of a HealingPolicy.
type HealingPolicySpec struct {
	// Workloads are tried in order; the first whose selector matches holds.
	Workloads []WorkloadSpec `json:"workloads,omitempty"`
	// Runbooks names the runbooks that may run.
	Runbooks   []string       `json:"runbooks,omitempty"`
	Guardrails GuardrailsSpec `json:"guardrails,omitzero"`
	// Breakers say when clients stop asking a dependency, and how they try it again together.
	Breakers []BreakerSpec `json:"breakers,omitempty"`

	// Known, and refused by name until its feature is there.
	Trust any `json:"trust,omitempty"`
}

// SelectorSpec says what is meant: by workload, by labels, or by both, which
// must then both match. It must not be empty.
type SelectorSpec struct {
	Workload string            `json:"workload,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

// WorkloadSpec says how the instances of a workload are kept well.
type WorkloadSpec struct {
	Selector       SelectorSpec  `json:"selector"`
	LivenessProbe  *corev1.Probe `json:"livenessProbe,omitempty"`
	ReadinessProbe *corev1.Probe `json:"readinessProbe,omitempty"`
	StartupProbe   *corev1.Probe `json:"startupProbe,omitempty"`
	Probing        ProbingSpec   `json:"probing,omitzero"`
	Restart        RestartSpec   `json:"restart,omitzero"`
	// Rotate takes an instance that is not ready out of rotation, and back in when
	// it is. Default: true where there is a readinessProbe.
	Rotate *bool `json:"rotate,omitempty"`
	// ReplaceAfter is how long an instance may stay unready before another takes
	// its place. Default: never.
	ReplaceAfter manifest.Duration `json:"replaceAfter,omitempty"`
	// DisruptionBudget bounds how many may be down at once by our own acts.
	// Default: maxUnavailable 1.
	DisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"disruptionBudget,omitempty"`
	// Autoscaling says how many instances there are. Default: as many as the platform has.
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`
}

// AutoscalingSpec is autoscaling/v2's HorizontalPodAutoscalerSpec, whose scaleTargetRef the
// selector stands for: it must name a workload. What upstream lacks is in [scaler.Spec].
type AutoscalingSpec struct {
	scaler.Spec
	// Compat is v2 for upstream's integers, its defects included. Default: without them.
	Compat string `json:"compat,omitempty"`
	// Every is the time between two decisions. Default: 15s.
	Every manifest.Duration `json:"every,omitempty"`
	// MaxAge is how old a sample of cpu or memory may be that counts; older ones are missing.
	// Default: three times Every, and at least 2m, since a metrics server may measure but
	// once a minute.
	MaxAge manifest.Duration `json:"maxAge,omitempty"`
	// Sources say where metrics come from that are no resources: cpu and memory are metered
	// by the platform.
	Sources []MetricSourceSpec `json:"sources,omitempty"`
}

// MetricSourceSpec says where one metric comes from: from one of scrape (each instance's own
// page), prometheus and http (one number for all).
type MetricSourceSpec struct {
	Metric     string          `json:"metric"`
	Scrape     *ScrapeSpec     `json:"scrape,omitempty"`
	Prometheus *PrometheusSpec `json:"prometheus,omitempty"`
	HTTP       *HTTPSpec       `json:"http,omitempty"`
	// Every is how often it is asked, and MaxAge how old an answer may be that counts.
	// Default: as often as is decided, and three times that.
	Every   manifest.Duration `json:"every,omitempty"`
	MaxAge  manifest.Duration `json:"maxAge,omitempty"`
	Timeout manifest.Duration `json:"timeout,omitempty"` // default: 2s
}

// ScrapeSpec is a page in the format of Prometheus.
type ScrapeSpec struct {
	Port   string            `json:"port"`
	Path   string            `json:"path,omitempty"`   // default: /metrics
	Name   string            `json:"name,omitempty"`   // of the series; default: the metric's
	Labels map[string]string `json:"labels,omitempty"` // that a series must carry
	Rate   bool              `json:"rate,omitempty"`   // of a counter: its growth in a second
}

// PrometheusSpec is a query to a Prometheus; the sum of what it answers counts.
type PrometheusSpec struct {
	URL        string `json:"url"`
	Query      string `json:"query"`
	BearerFile string `json:"bearerFile,omitempty"`
}

// HTTPSpec is a number in a JSON document.
type HTTPSpec struct {
	URL            string `json:"url"`
	Field          string `json:"field,omitempty"`          // queue.depth, items[0].value; default: the document
	TimestampField string `json:"timestampField,omitempty"` // default: the time of the answer
}

// ProbingSpec says how the probes of a workload are asked where core/v1 has no
// field for it. Left out, they are asked as kubelet asks them.
type ProbingSpec struct {
	// KeepConnections lets each httpGet probe use its connection again: cheaper for
	// both sides, and blind for an instance that takes no new connections. Default:
	// a fresh one for each look.
	KeepConnections bool `json:"keepConnections,omitempty"`
}

// RestartSpec says when an instance that ended, or hangs, is started again.
type RestartSpec struct {
	Backoff BackoffSpec `json:"backoff,omitzero"`
	Stagger StaggerSpec `json:"stagger,omitzero"`
	// Grace is how long one that hangs may take to end by itself. Default: none.
	Grace manifest.Duration `json:"grace,omitempty"`
	// Rules say what is done about what has ended, by why it did; the first that holds
	// counts. Default: it is started again.
	Rules []RestartRuleSpec `json:"rules,omitempty"`
}

// RestartRuleSpec is one rule: {cause: config, do: page}, {codes: [0], do: never}.
type RestartRuleSpec struct {
	// Cause is done (code 0), error, signal, oom or config (codes 78, 126 and 127).
	Cause string `json:"cause,omitempty"`
	Codes []int  `json:"codes,omitempty"`
	// Do is restart, page (a person is woken, and nothing is started) or never.
	Do string `json:"do"`
	// Backoff is for these ends, of a rule that restarts. Default: the workload's.
	Backoff *BackoffSpec `json:"backoff,omitempty"`
}

// BackoffSpec is kubelet's back-off: the first restart is immediate, then
// Initial (10s) doubles up to Max (5m); who ran longer than Reset (10m) starts over.
type BackoffSpec struct {
	Initial manifest.Duration `json:"initial,omitempty"`
	Max     manifest.Duration `json:"max,omitempty"`
	Reset   manifest.Duration `json:"reset,omitempty"`
}

// StaggerSpec keeps restarts of one workload apart: at most AtOnce (25%, a
// number or a percentage, at least one) are between restart and ready, and the
// next comes when one has been ready for Soak (0s).
type StaggerSpec struct {
	AtOnce *intstr.IntOrString `json:"atOnce,omitempty"`
	Soak   manifest.Duration   `json:"soak,omitempty"`
}

// GuardrailsSpec bounds all healing.
type GuardrailsSpec struct {
	MaxActionsPerHour   int            `json:"maxActionsPerHour,omitempty"`   // default 60
	MaxPerTargetPerHour int            `json:"maxPerTargetPerHour,omitempty"` // default 10
	Never               []SelectorSpec `json:"never,omitempty"`
	// Approval lists the verbs for which a person is asked.
	Approval []string `json:"approval,omitempty"`
	// MaxPerRunbookPerHour bounds the acts of each runbook. Default: 20.
	MaxPerRunbookPerHour int                  `json:"maxPerRunbookPerHour,omitempty"`
	SharedDependency     SharedDependencySpec `json:"sharedDependency,omitzero"`
	Storm                StormSpec            `json:"storm,omitzero"`
	Recurrence           RecurrenceSpec       `json:"recurrence,omitzero"`
}

// SharedDependencySpec says that when more than Share (50%) of the live instances of
// the workloads concerned, and at least two, fail their liveness probes together, what
// they share is suspected, and none is restarted for HoldFor (2m). Then one is, to see
// whether it helps. A share of 100% switches it off.
type SharedDependencySpec struct {
	Share   string            `json:"share,omitempty"`
	HoldFor manifest.Duration `json:"holdFor,omitempty"`
}

// StormSpec says that when more than Threshold (50%) of all instances that the policy
// covers, and at least four, are unhealthy, nothing that runs is ended until there were fewer
// for Cooldown (1m). What has ended is still started again. A threshold of 100%
// switches it off.
type StormSpec struct {
	Threshold string            `json:"threshold,omitempty"`
	Cooldown  manifest.Duration `json:"cooldown,omitempty"`
}

// RecurrenceSpec says that what was healed Count (5) times Within (1h) hides a problem,
// of which people are told.
type RecurrenceSpec struct {
	Count  int               `json:"count,omitempty"`
	Within manifest.Duration `json:"within,omitempty"`
}

// RunbookFile is a `kind: Runbook` document as people write it.
type RunbookFile struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   manifest.Metadata `json:"metadata"`
	Spec       RunbookSpec       `json:"spec"`
}

// RunbookSpec is the body of a Runbook: what to do about a volume, step by step.
type RunbookSpec struct {
	// Trigger is a condition in CEL: `volume.usedPercent >= 90`.
	Trigger string     `json:"trigger"`
	Steps   []StepSpec `json:"steps"`
	// Scope narrows the volumes to those of these workloads. Default: of all
	// workloads that the policy names.
	Scope []SelectorSpec `json:"scope,omitempty"`
}

// StepSpec is one step: exactly one verb, and when to take it.
type StepSpec struct {
	CleanTemp *struct{}      `json:"cleanTemp,omitempty"`
	CleanLogs *CleanLogsSpec `json:"cleanLogs,omitempty"`
	Expand    *ExpandSpec    `json:"expand,omitempty"`
	Notify    *TextSpec      `json:"notify,omitempty"`
	Page      *TextSpec      `json:"page,omitempty"`

	// If is a condition in CEL; when it does not hold the step is passed over.
	If string `json:"if,omitempty"`
	// Until is the goal in CEL: when it holds after the step the runbook is done.
	Until string `json:"until,omitempty"`
	// Within is how long the goal may take to come true. Default: 5s.
	Within manifest.Duration `json:"within,omitempty"`
}

// CleanLogsSpec deletes log files last written longer ago than OlderThan.
type CleanLogsSpec struct {
	OlderThan manifest.Duration `json:"olderThan"`
}

// ExpandSpec makes a volume larger by a share of its present size (50).
type ExpandSpec struct {
	ByPercent int `json:"byPercent,omitempty"`
}

// TextSpec is a message to people; ${...} in it holds CEL.
type TextSpec struct {
	Text string `json:"text"`
}
