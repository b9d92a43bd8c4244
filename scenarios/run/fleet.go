package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// FleetVariable is where every instance of a system finds the URL at which the engine
// serves the breakers of its policy, if it does.
const FleetVariable = "REBOUND_FLEET"

// joinFleet gives the engine a port to serve the breakers of its policy at, and the
// workloads its URL. The port is held for the whole run, so that an engine that is started
// again has it again. Where instances do not share our loopback they try alone: what the
// engine serves is for nobody but them.
func (s *session) joinFleet() error {
	switch {
	case len(s.policy.Breakers) == 0 || s.cfg.Healers != sut.ArmRebound:
		return nil
	case s.cfg.System != nil:
		s.rec.note("the breakers of the policy are not shared: the system was started by somebody else")
		return nil
	case !s.platform.Loopback:
		s.rec.note(fmt.Sprintf("the breakers of the policy are not shared on %s, where instances do not reach the engine: each tries alone", s.platform.Name))
		return nil
	}
	for _, b := range s.policy.Breakers {
		if _, there := s.system.WorkloadNamed(b.Dependency); b.Probe && !there {
			s.rec.note(fmt.Sprintf("the policy has breakers of %s, which is no workload of the system: nothing probes it", b.Dependency))
		}
	}
	port, err := host.ReservePort()
	if err != nil {
		return err
	}
	s.cleanup("give up the port of the breakers", func(context.Context) error { return port.Close() })
	s.fleet = port.Address()
	s.system = withVariable(s.system, FleetVariable, "http://"+s.fleet)
	return nil
}

// withVariable is a system whose workloads have a variable, unless they have it by
// themselves.
func withVariable(system *manifest.System, name, value string) *manifest.System {
	out := *system
	out.Spec.Workloads = slices.Clone(system.Spec.Workloads)
	for i := range out.Spec.Workloads {
		w := &out.Spec.Workloads[i]
		if _, own := w.Env[name]; own {
			continue
		}
		env := map[string]string{name: value}
		maps.Copy(env, w.Env)
		w.Env = env
	}
	return &out
}
