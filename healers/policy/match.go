package policy

import "github.com/rebound-chaos/rebound/fixtures/sut"

// workloadKey is the key of a [Selector] that stands for the workload's name.
const workloadKey = "workload"

// Matches tells whether a workload's name and labels fit. An empty selector
// matches nothing.
func (s Selector) Matches(workload string, labels map[string]string) bool {
	for k, v := range s {
		if k == workloadKey {
			if workload != v {
				return false
			}
			continue
		}
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return len(s) > 0
}

// For is what the policy says of an instance: the first workload that matches.
func (p *Policy) For(in sut.Instance) (*Workload, bool) {
	for i := range p.Workloads {
		if p.Workloads[i].Selector.Matches(in.Workload, in.Labels) {
			return &p.Workloads[i], true
		}
	}
	return nil, false
}
