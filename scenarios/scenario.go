package scenarios

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Kind is the kind of document that a scenario is.
const Kind = "Scenario"

// The times that hold where a scenario names none.
const (
	DefaultBaseline  = 5 * time.Second
	DefaultSustained = 10 * time.Second
	// DefaultMaxLag is what a machine that runs both arms at once can keep.
	DefaultMaxLag = 250 * time.Millisecond
)

// Baselines is how many baselines are taken at most, until the steady state holds over
// a whole one: a system that has just started may be slow at first.
const Baselines = 4

// Scenario is one claim, and how it is put to the test. Of a literal in Go,
// APIVersion and Kind may be empty.
type Scenario struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   manifest.Metadata `json:"metadata"`
	Spec       Spec              `json:"spec"`

	doc *manifest.Doc // nil: a literal
	dir string        // where its references are relative to; empty: here
}

// Spec is the body of a Scenario.
type Spec struct {
	// Claim is the sentence that a pass makes true.
	Claim string `json:"claim,omitempty"`
	// System is the name of an embedded one, or a file. Empty: shop.
	System string `json:"system,omitempty"`
	// Env is added to the environment of the system's workloads, by name: settings of
	// theirs that the claim is about. Of the manifests of a cluster it is that of the
	// container with the workload's name, or else the first.
	Env map[string]map[string]string `json:"env,omitempty"`
	// Load is what users do, all the time.
	Load manifest.Load `json:"load"`
	// SteadyState must hold before, and again after. Empty: 99 % success.
	SteadyState []SLI `json:"steadyState,omitempty"`
	// Baseline is how long the system is watched before it is broken, and up to three
	// times again where the steady state did not hold. 0: 5 s.
	Baseline manifest.Duration `json:"baseline,omitempty"`
	// Sustained is how long a recovery must hold to be one. 0: 10 s.
	Sustained manifest.Duration `json:"sustained,omitempty"`
	Faults    []Fault           `json:"faults"`
	Healing   Healing           `json:"healing,omitzero"`
	// Expect are the checks, each judged.
	Expect  []Check `json:"expect"`
	Control Control `json:"control,omitzero"`
	Stop    Stop    `json:"stop,omitzero"`
	// Gates are what makes a run inconclusive, whatever its checks say.
	Gates Gates `json:"gates,omitzero"`
}

// SLI is a bound on what users see: success, with AtLeast or Below, or latency,
// with Percentile and AtMost.
type SLI struct {
	SLI     string           `json:"sli"`
	AtLeast manifest.Percent `json:"atLeast,omitempty"`
	// Below is for stop conditions: the run is stopped while success is below it.
	Below      manifest.Percent  `json:"below,omitempty"`
	Percentile float64           `json:"percentile,omitempty"` // 99
	AtMost     manifest.Duration `json:"atMost,omitempty"`
	// For is how long a stop condition must hold. 0: one second.
	For manifest.Duration `json:"for,omitempty"`
}

// Healing is who repairs, when somebody does.
type Healing struct {
	// Policy is the name of an embedded one, or a file. Empty: that of the system's
	// name; a system of one's own has none and must name it.
	Policy string `json:"policy,omitempty"`
	// Trust grants runbooks a level for this run. Empty: actAndNotify, the only one so far.
	Trust string `json:"trust,omitempty"`
}

// Control is the negative control: the arm that must miss the objective.
type Control struct {
	// Healers is the arm: off, native or rebound. Empty: off.
	Healers sut.Arm `json:"healers,omitempty"`
	// Policy and System replace those of the scenario in the control. Empty: the same.
	Policy string `json:"policy,omitempty"`
	System string `json:"system,omitempty"`
	// Env replaces that of the scenario in the control, as a whole. Not set: the same, also
	// with a System of its own; {}: none.
	Env map[string]map[string]string `json:"env,omitempty"`
	// Misses are the checks that must not pass. Empty: any one.
	Misses []string `json:"misses,omitempty"`
	// Always: it is played unasked where the engine heals, since the claim is a comparison.
	Always bool `json:"always,omitempty"`
	// Apart: it is played after the run, and not beside it: of what takes so much of a
	// machine that each would suffer from the other. Where nodes are broken it always is.
	Apart bool `json:"apart,omitempty"`
}

// Stop is when a run ends early. It is watched in every arm but off.
type Stop struct {
	When []SLI `json:"when,omitempty"`
}

// Gates are limits on the harness itself. What is 0 has its default.
type Gates struct {
	// LoadFloor is the least share of the intended requests that must be sent. 0: 95%.
	LoadFloor manifest.Percent `json:"loadFloor,omitempty"`
	// MaxLag is the most that the 99th percentile of send lag may be. 0: 250 ms.
	MaxLag manifest.Duration `json:"maxLag,omitempty"`
	// MaxHostLag and MaxProberLag are the most that a timer of the harness, and of
	// the prober, may be late. 0: 1 s.
	MaxHostLag   manifest.Duration `json:"maxHostLag,omitempty"`
	MaxProberLag manifest.Duration `json:"maxProberLag,omitempty"`
}

// Name is the scenario's name.
func (s *Scenario) Name() string { return s.Metadata.Name }

// ControlArm is the arm of the negative control.
func (s *Scenario) ControlArm() sut.Arm {
	if s.Spec.Control.Healers == "" {
		return sut.ArmOff
	}
	return s.Spec.Control.Healers
}

// Env is what is added to the environment of workloads; control: in the negative control.
func (s *Scenario) Env(control bool) map[string]map[string]string {
	if control && s.Spec.Control.Env != nil {
		return s.Spec.Control.Env
	}
	return s.Spec.Env
}

// Differs is what the control has of its own besides its healers: policy, system, env.
func (c Control) Differs() []string {
	var own []string
	if c.Policy != "" {
		own = append(own, "policy")
	}
	if c.System != "" {
		own = append(own, "system")
	}
	if c.Env != nil {
		own = append(own, "env")
	}
	return own
}

// BaselineFor is how long the baseline lasts.
func (s *Scenario) BaselineFor() time.Duration {
	if s.Spec.Baseline == 0 {
		return DefaultBaseline
	}
	return time.Duration(s.Spec.Baseline)
}

// SustainedFor is how long a recovery must hold.
func (s *Scenario) SustainedFor() time.Duration {
	if s.Spec.Sustained == 0 {
		return DefaultSustained
	}
	return time.Duration(s.Spec.Sustained)
}
