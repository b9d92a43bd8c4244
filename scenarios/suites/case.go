package suites

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// Case is a scenario that a suite plays in one arm.
type Case struct {
	Scenario *scenarios.Scenario
	Platform string
	Arm      sut.Arm
	// Control: the scenario's own control is played too, beside it where it can be.
	Control bool
	// MayLack: the scenario is about something that this platform may not have, so
	// that it is skipped by name, whatever is required.
	MayLack bool
}

// The labels of a scenario in the catalogue that say where it is played.
const (
	labelSmoke    = "smoke"    // "true": on all platforms
	labelSlow     = "slow"     // "true": it takes minutes
	labelPlatform = "platform" // the cheapest platform that shows it; none: process
	labelAlso     = "also"     // one more on which it is played
	labelWithout  = "without"  // platforms, separated by commas, on which it says nothing
	labelBusy     = "busy"     // "true": it takes all of two cores, so that none is played beside it
	labelArm      = "arm"      // "native": our engine does not heal it yet, and what the platform does is told
)

// harness is the layer of scenarios that are about Rebound itself and not meant to pass.
const harness = "harness"

// Nightly tells whether everything is to be played.
func Nightly() bool { return os.Getenv("REBOUND_NIGHTLY") != "" }

// Cases are what a suite plays on a platform: what the catalogue's labels ask for,
// with REBOUND_NIGHTLY every scenario in every arm.
func Cases(platform string) []Case {
	p, err := run.PlatformNamed(platform)
	if err != nil {
		panic(err) // a suite names one that there is
	}
	var all []Case
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			panic(fmt.Sprintf("the catalogue is tested: %v", err))
		}
		labels := s.Metadata.Labels
		home := labels[labelPlatform]
		if home == "" {
			home = run.PlatformProcess
		}
		asked := home == platform || labels[labelAlso] == platform || labels[labelSmoke] == "true" || Nightly()
		if s.Metadata.Layer == harness || slices.Contains(strings.Split(labels[labelWithout], ","), platform) || !asked {
			continue
		}
		c := Case{
			Scenario: s, Platform: platform, Arm: sut.ArmRebound,
			MayLack: labels[labelPlatform] != "" && labels[labelPlatform] != platform,
		}
		// Where a node is broken the control cannot be played beside the run.
		c.Control = Nightly() || !c.Alone()
		if labels[labelArm] == string(sut.ArmNative) {
			c.Arm, c.Control = sut.ArmNative, false
		}
		all = append(all, c)
		if c.Arm != sut.ArmNative && Nightly() && slices.Contains(p.Arms, sut.ArmNative) {
			c.Arm, c.Control = sut.ArmNative, false
			all = append(all, c)
		}
	}
	return all
}

// Alone tells whether the case breaks what others stand on, so that nothing can be
// played beside it.
func (c Case) Alone() bool { return c.Scenario.Metadata.Layer == "node" }

// busy tells whether none may be played beside the case.
func (c Case) busy() bool { return c.Alone() || c.Scenario.Metadata.Labels[labelBusy] == "true" }

// Name is that of the case in reports.
func (c Case) Name() string { return c.Scenario.Name() + ", healers " + string(c.Arm) }

// Labels are those by which specs are chosen.
func (c Case) Labels() []string {
	labels := []string{c.Platform, string(c.Arm), "layer-" + c.Scenario.Metadata.Layer}
	if c.Control {
		labels = append(labels, string(c.Scenario.ControlArm()))
	}
	for _, l := range []string{labelSmoke, labelSlow} {
		if c.Scenario.Metadata.Labels[l] == "true" || l == labelSlow && c.Arm == sut.ArmNative {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// Within is how long the case may take, with all that has to be made for it.
func (c Case) Within() time.Duration {
	p, err := run.PlatformNamed(c.Platform)
	if err != nil {
		panic(err)
	}
	w := p.Within
	once := w.Start + w.Ready + w.Revert + w.Close + time.Minute + scenarios.Baselines*c.Scenario.BaselineFor() + c.Scenario.Observe()
	if c.Control && (c.Alone() || c.Scenario.Spec.Control.Apart) {
		return 2 * once // one after the other
	}
	return once
}

// args reads the arguments of one of the scenario's checks, if it has that.
func (c Case) args(check string, into any) {
	for _, e := range c.Scenario.Spec.Expect {
		if e.ID != check {
			continue
		}
		if err := json.Unmarshal(e.Args, into); err != nil {
			panic(fmt.Sprintf("the catalogue is tested: %s of %s: %v", check, c.Scenario.Name(), err))
		}
	}
}

// RecoverWithin is how long recovery may take; 0: the scenario does not ask for it.
func (c Case) RecoverWithin() time.Duration {
	var d manifest.Duration
	c.args("recoverWithin", &d)
	return time.Duration(d)
}

// Stays is a workload of which the scenario allows no restart at all, and how many
// replicas it has; "": there is none.
func (c Case) Stays() (workload string, replicas int) {
	a := assertions.Restarts{AtMost: 1}
	c.args("restarts", &a)
	if a.AtMost > 0 {
		return "", 0
	}
	system, err := c.Scenario.System(c.Platform, false)
	if err != nil {
		panic(fmt.Sprintf("the catalogue is tested: %v", err))
	}
	w, _ := system.WorkloadNamed(a.Workload)
	return a.Workload, max(w.Replicas, 1)
}

// storm is more requests of a call than any client makes that bounds its retries.
const storm = 2

// Storms is the workload that the control asks more than twice for each call, which is what
// the scenario shows; "": it shows something else. Its own limit is missed by far less.
func (c Case) Storms() (workload string) {
	if c.Scenario.Metadata.Name == "retry-storm" {
		var a assertions.Amplification
		c.args("amplification", &a)
		workload = a.To
	}
	return workload
}

// Databases tells whether the shop is on real ones.
func (c Case) Databases() bool { return c.Platform != run.PlatformProcess }

// pooled are the connections that the shop's pools hold to the store, where it is a
// real database.
const pooled = 60

// tooFew connections a second are fewer than what one pool opens that has lost all.
const tooFew = 5

// LosesPool tells whether an instance ends in the scenario that is healed, and with it
// the connections of its pool to a real store.
func (c Case) LosesPool() bool { return c.Databases() && c.Scenario.Metadata.Layer == "process" }

// NoHerd is the scenario's own limit on herds, over a population that is large
// enough to tell. Processes have a stand-in for a database, whose pools are filled
// by what is asked for; their absence of herds is claimed of what there was.
func (c Case) NoHerd() assertions.NoHerd {
	var a assertions.NoHerd
	c.args("noHerd", &a)
	if c.Databases() {
		a.MinPopulation = pooled
	}
	return a
}
