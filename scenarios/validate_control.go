package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func (j *judge) control() {
	c := j.s.Spec.Control
	switch c.Healers {
	case "", sut.ArmOff, sut.ArmNative, sut.ArmRebound:
	default:
		j.add("spec.control.healers", "expected off, native or rebound, got %q", c.Healers)
	}
	for i, id := range c.Misses {
		if len(j.s.Spec.Expect) > 0 && !slices.ContainsFunc(j.s.Spec.Expect, func(e Check) bool { return e.ID == id }) {
			j.add(fmt.Sprintf("spec.control.misses[%d]", i), "expected a check of expect, got %q", id)
		}
	}
	if c.Policy != "" {
		if _, _, err := j.s.Policy("process", true); err != nil {
			j.refer("spec.control.policy", err)
		}
	}
	system, err := j.s.System("process", true)
	switch {
	case err == nil:
		j.env("spec.control.env", c.Env, system)
		if c.System != "" && c.Env == nil {
			j.env("spec.env", j.s.Spec.Env, system)
		}
	case c.System != "": // else it is told of spec.system
		j.refer("spec.control.system", err)
	}
}

// env: what is set for a workload that is not there would change nothing, unseen.
func (j *judge) env(at string, env map[string]map[string]string, system *manifest.System) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if _, known := system.WorkloadNamed(name); !known {
			j.add(at+"."+name, "%s", unknown("workload", name, workloadNames(system)))
			continue
		}
		for _, v := range slices.Sorted(maps.Keys(env[name])) {
			if v == "" || strings.ContainsAny(v, "=\x00") {
				j.add(at+"."+name, "expected the name of a variable, got %q", v)
			}
		}
	}
}
