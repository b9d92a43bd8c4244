package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// traffic: users come in at one place, and nowhere else can there be more of them.
func (j *judge) traffic(system *manifest.System) {
	for i, f := range j.s.Spec.Faults {
		def, ok := faults.Lookup(f.Fault)
		_, known := system.WorkloadNamed(f.Target.Workload)
		if entry := system.Spec.Entry.Workload; ok && known && def.Of == sut.KindTraffic && f.Target.Workload != entry {
			j.add(fmt.Sprintf("spec.faults[%d].target.workload", i), "expected %s, where users come in, got %q", entry, f.Target.Workload)
		}
	}
}

// oneLoad: what one fault does to it another cannot do over again before that is undone.
// How long it lasts counts from its confirmation, so that it ends later than is said.
func (j *judge) oneLoad() {
	all := j.s.Spec.Faults
	var surges []int
	for i, f := range all {
		if def, ok := faults.Lookup(f.Fault); ok && def.Of == sut.KindTraffic {
			surges = append(surges, i)
		}
	}
	slices.SortStableFunc(surges, func(a, b int) int { return cmp.Compare(all[a].At, all[b].At) })
	for n, later := range surges {
		for _, earlier := range surges[:n] {
			end := all[earlier].At + all[earlier].For
			at := fmt.Sprintf("spec.faults[%d].at", later)
			if all[earlier].For == 0 {
				j.add(at, "there is one load, and spec.faults[%d] changes it until the end: give that a for", earlier)
				break
			}
			if all[later].At <= end {
				j.add(at, "there is one load, and spec.faults[%d].for has it changed until %s at least: begin after that", earlier, time.Duration(end))
				break
			}
		}
	}
}
