package scenarios

import (
	"fmt"

	"github.com/rebound-chaos/rebound/faults"
)

// Schedule is what a seed makes of the scenario's faults, drawn from the system
// as its file declares it for a platform, so that it is known before anything runs.
func (s *Scenario) Schedule(platform string, seed uint64) (faults.Schedule, error) {
	system, err := s.System(platform, false)
	if err != nil {
		return faults.Schedule{}, err
	}
	plan, err := faults.Plan(s.specs(), seed, system.Snapshot())
	if err != nil {
		return faults.Schedule{}, fmt.Errorf("plan the faults of %s: %w", s.Name(), err)
	}
	return plan, nil
}

func (s *Scenario) specs() []faults.Spec {
	all := make([]faults.Spec, len(s.Spec.Faults))
	for i, f := range s.Spec.Faults {
		all[i] = f.spec()
	}
	return all
}
