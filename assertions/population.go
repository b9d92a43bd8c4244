package assertions

import (
	"maps"
	"slices"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// population is how many connections there are to each workload before a fault:
// those who could come back all at once.
type population map[string]*connections

type connections struct {
	opened int            // were seen to be opened
	pooled map[string]int // by client, as its pool last told
}

func (p population) to(workload string) *connections {
	c := p[workload]
	if c == nil {
		c = &connections{pooled: map[string]int{}}
		p[workload] = c
	}
	return c
}

func (p population) opened(workload string, n int) { p.to(workload).opened += n }

// pool takes what a client told. What a server told of itself holds others' too.
func (p population) pool(client string, told *timeline.Pool) {
	if workloads := recovery.Workloads(client); len(workloads) == 1 && workloads[0] != told.To {
		p.to(told.To).pooled[client] = told.Open
	}
}

// count is what the pools tell, or, where none tells, what was opened.
func (c *connections) count() int {
	if len(c.pooled) == 0 {
		return c.opened
	}
	sum := 0
	for _, n := range c.pooled {
		sum += n
	}
	return sum
}

// told tells whether any client has told of a pool.
func (p population) told() bool {
	for _, c := range p {
		if len(c.pooled) > 0 {
			return true
		}
	}
	return false
}

// pooled tells whether a client keeps a pool to the workload.
func (p population) pooled(workload string) bool {
	return p[workload] != nil && len(p[workload].pooled) > 0
}

// largest is the workload with the most; of equals the first by name. Where pools
// tell, those to which none leads are left out: what was opened to them may have been
// closed again.
func (p population) largest() (workload string, n int) {
	told := p.told()
	for _, w := range slices.Sorted(maps.Keys(p)) {
		c := p[w]
		if told && len(c.pooled) == 0 {
			continue
		}
		if workload == "" || c.count() > n {
			workload, n = w, c.count()
		}
	}
	return workload, n
}
