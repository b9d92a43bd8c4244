package run

import (
	"cmp"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// header is the first line of the timeline: all that a judge needs besides events.
func header(c Config, id string, began time.Time, system *manifest.System, plan faults.Schedule, p *policy.Policy) timeline.Header {
	s := c.Scenario.Spec
	h := timeline.Header{
		SchemaVersion: timeline.SchemaVersion, Tool: c.Tool, Run: id, Began: began,
		Scenario: c.Scenario.Name(), Layer: c.Scenario.Metadata.Layer, Claim: s.Claim,
		Platform: c.Platform, Healers: string(c.Healers), Seed: c.Seed,
		Steady: slis(s.SteadyState), Rate: float64(s.Load.Rate), Sustained: c.Scenario.SustainedFor(),
		Gates: timeline.Gates{
			LoadFloor:    cmp.Or(float64(s.Gates.LoadFloor), recovery.DefaultLoadFloor),
			MaxLag:       cmp.Or(time.Duration(s.Gates.MaxLag), scenarios.DefaultMaxLag),
			MaxHostLag:   cmp.Or(time.Duration(s.Gates.MaxHostLag), assertions.DefaultMaxHostLag),
			MaxProberLag: cmp.Or(time.Duration(s.Gates.MaxProberLag), assertions.DefaultMaxProberLag),
		},
		Control: c.Control, Env: c.Scenario.Env(c.Control),
	}
	if c.Control {
		h.Differs = s.Control.Differs()
	}
	if len(h.Steady) == 0 {
		h.Steady = []timeline.SLI{{SLI: "success", AtLeast: 0.99}}
	}
	if c.Healers == sut.ArmRebound {
		h.Policy = p.Name + "@" + p.Digest[:min(12, len(p.Digest))]
	}
	for _, e := range s.Expect {
		h.Checks = append(h.Checks, timeline.Check{ID: e.ID, Args: e.Args})
	}
	// The healed arm carries them too: a report of both is made from either.
	h.Misses = s.Control.Misses
	for _, w := range system.Spec.Workloads {
		one := timeline.Workload{Name: w.Name, Replicas: max(w.Replicas, 1)}
		if c.Healers == sut.ArmRebound {
			one.Min, one.Max = bounds(p, w.Name)
		}
		h.Workloads = append(h.Workloads, one)
	}
	for _, i := range plan.Items {
		h.Faults = append(h.Faults, timeline.Planned{ID: i.ID, Fault: i.Fault, Target: string(i.Target), At: i.At, For: i.For, Args: i.Args})
	}
	return h
}

// bounds are between what a policy scales a workload; zeros: it does not.
func bounds(p *policy.Policy, workload string) (least, most int) {
	for _, w := range p.Workloads {
		if w.Scaling != nil && w.Selector["workload"] == workload {
			return int(*w.Scaling.Spec.MinReplicas), int(w.Scaling.Spec.MaxReplicas)
		}
	}
	return 0, 0
}

func slis(bounds []scenarios.SLI) []timeline.SLI {
	var all []timeline.SLI
	for _, b := range bounds {
		all = append(all, timeline.SLI{
			SLI: b.SLI, AtLeast: float64(b.AtLeast), Below: float64(b.Below),
			Percentile: b.Percentile, AtMost: time.Duration(b.AtMost), For: time.Duration(b.For),
		})
	}
	return all
}
