package policy

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
)

// BreakerSpec says how the clients of a dependency stop asking it, and what they share of
// trying it again: {dependency: store, failures: 5, within: 30s, trialsPerSecond: 5}. The
// fields of each breaker are those of `rebound proxy`, but for name and identity, which
// are the clients' own.
type BreakerSpec struct {
	// Dependency is what is called: a workload, or something outside.
	Dependency string `json:"dependency"`
	settings.Breaker
	// TrialsPerSecond of all clients together begin at most; 0.2 is one in five seconds, and
	// 2.5 are two in 0.8 s. Default: 5.
	TrialsPerSecond settings.Factor `json:"trialsPerSecond,omitzero"`
	// Passes of trials or probes in a row close the breakers of all. Default: 3.
	Passes int `json:"passes,omitempty"`
	// RampOver is over what time those are closed, one after the other. Default: 30s.
	RampOver manifest.Duration `json:"rampOver,omitempty"`
	// HoldFor is for how long nobody tries after a probe failed, or after breakers that were
	// closed opened again. Default: 10s.
	HoldFor manifest.Duration `json:"holdFor,omitempty"`
	// Probe: the engine's own probes of the dependency count as trials; the readiness
	// probe of its workload or, without one, the liveness probe. It is up when any instance
	// is. Default: true, so that what is outside says false.
	Probe *bool `json:"probe,omitempty"`
}

// Breaker is how the clients of a dependency stop asking it, and what they share of trying
// it again.
type Breaker struct {
	Dependency string           `json:"dependency"`
	Settings   settings.Breaker `json:"settings"` // with the textbook's written out
	Budget     fleet.Budget     `json:"budget"`   // complete
	// Probe: what the engine's probes find counts as a trial.
	Probe bool `json:"probe,omitempty"`
}

func (c *compiler) breakers(specs []BreakerSpec, workloads []Workload) (out []Breaker) {
	for i := range specs {
		s, at := &specs[i], fmt.Sprintf("spec.breakers[%d]", i)
		if strings.TrimSpace(s.Dependency) != s.Dependency || s.Dependency == "" || len(s.Dependency) > maxDependency || strings.ContainsFunc(s.Dependency, unicode.IsControl) {
			c.add(at+".dependency", "expected the name of what is called, got %q", s.Dependency)
		}
		if j := slices.IndexFunc(specs[:i], func(o BreakerSpec) bool { return o.Dependency == s.Dependency }); j >= 0 {
			c.add(at+".dependency", "%s has its breaker already, in spec.breakers[%d]", s.Dependency, j)
		}
		probe := s.Probe == nil || *s.Probe
		if probe && s.Dependency != "" {
			c.probed(at, s, workloads)
		}
		out = append(out, Breaker{Dependency: s.Dependency, Settings: c.breaker(at, s), Budget: c.shared(at, s), Probe: probe})
	}
	return out
}

// maxDependency is the longest name, in bytes, that a fleet has.
const maxDependency = 200

// breaker are the settings of each client's.
func (c *compiler) breaker(at string, s *BreakerSpec) settings.Breaker {
	set := s.Breaker
	if set.Name != "" {
		c.add(at+".name", "leave it out: a breaker has the name of its dependency")
	}
	if set.Identity != "" {
		c.add(at+".identity", "leave it out: it would be the same for all clients, and each has its own")
	}
	set.Name, set.Identity = s.Dependency, ""
	checked := set
	if checked.Spread != 0 {
		checked.Identity = "any"
	}
	c.found = append(c.found, checked.Problems(c.doc, at)...)
	return set.Complete()
}

// shared is the budget of all clients together.
func (c *compiler) shared(at string, s *BreakerSpec) fleet.Budget {
	b := fleet.Budget{
		Trials: fleet.DefaultTrials, Per: fleet.DefaultPer, Passes: fleet.DefaultPasses,
		RampOver: or(s.RampOver, fleet.DefaultRampOver), HoldFor: or(s.HoldFor, fleet.DefaultHoldFor),
	}
	if s.Passes != 0 {
		b.Passes = s.Passes
	}
	if r := s.TrialsPerSecond; r != (settings.Factor{}) {
		b.Trials, b.Per = rate(r)
		if (fleet.Budget{Trials: b.Trials, Per: b.Per}).Validate() != nil || b.Trials == 0 {
			c.add(at+".trialsPerSecond", "expected a number above 0, of at least one in a day")
		}
	}
	for _, one := range []struct {
		field string
		of    fleet.Budget
	}{{"passes", fleet.Budget{Passes: b.Passes}}, {"rampOver", fleet.Budget{RampOver: b.RampOver}}, {"holdFor", fleet.Budget{HoldFor: b.HoldFor}}} {
		if err := one.of.Validate(); err != nil {
			_, text, _ := strings.Cut(strings.TrimPrefix(err.Error(), fleet.ErrConfig.Error()+": "), " ")
			c.add(at+"."+one.field, "%s %s", one.field, text)
		}
	}
	return b
}

// rate is as many trials as are whole in a second, at least one, and the time that they
// have: what is granted may wait for calls that come all at once, and 33.3 a second must
// not begin as 333.
func rate(perSecond settings.Factor) (trials int, per time.Duration) {
	if perSecond.Num == 0 {
		return 0, 0
	}
	trials = max(1, perSecond.Num/perSecond.Den)
	high, low := bits.Mul64(uint64(trials*perSecond.Den), uint64(time.Second)) // is more than 64 bits hold
	exact, rest := bits.Div64(high, low, uint64(perSecond.Num))
	return trials, time.Duration(exact + min(rest, 1))
}

// probed demands that the policy probes the dependency.
func (c *compiler) probed(at string, s *BreakerSpec, workloads []Workload) {
	field := at + ".dependency"
	if s.Probe != nil {
		field = at + ".probe"
	}
	var names []string
	named := false
	for i := range workloads {
		w := &workloads[i]
		name, known := w.Selector[workloadKey]
		if known && name != s.Dependency {
			names = append(names, name)
			continue
		}
		if w.Liveness != nil || w.Readiness != nil {
			return // it is probed or, where only labels are known, may be
		}
		named = named || known
	}
	if named {
		c.add(field, "%s has neither a readinessProbe nor a livenessProbe, so that the engine cannot tell when it is back; write one, or probe: false", s.Dependency)
		return
	}
	hint := ""
	if near := manifest.Nearest(s.Dependency, names); near != "" {
		hint = "did you mean " + near + "? "
	}
	c.add(field, "no workload of the policy is %s; %sfor what is outside of it write probe: false", s.Dependency, hint)
}
