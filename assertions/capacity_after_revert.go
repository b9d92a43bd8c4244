package assertions

import (
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// CapacityAfterRevert asks for all replicas of all workloads to be ready again, and in
// rotation where there is one, within a time of the end of a fault that ends while the
// run observes (its `for`). That is no healing; it shows that nothing was done meanwhile
// that had to be made good first.
type CapacityAfterRevert struct {
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
}

// Check makes the fold.
func (a CapacityAfterRevert) Check() (Check, error) {
	if err := deadline(a.Within); err != nil {
		return nil, err
	}
	return &capacityAfterRevert{args: a}, nil
}

type capacityAfterRevert struct {
	args  CapacityAfterRevert
	meter recovery.Meter
}

func (c *capacityAfterRevert) Observe(e timeline.Event) { c.meter.Observe(e) }

func (c *capacityAfterRevert) Verdict() Result {
	rec := c.meter.Recovery()
	within := time.Duration(c.args.Within)
	r := Result{ID: "capacityAfterRevert", Limit: fmt.Sprintf("within %s of the end of the fault", within)}
	switch {
	case rec.InjectedAt == nil:
		return r.unsure("no fault was confirmed, so no capacity was taken")
	case !rec.FullBefore:
		return r.unsure("not all replicas were seen ready before the fault")
	case rec.EndedAt == nil:
		return r.unsure("not every fault ended while it was observed")
	case rec.CapacityAfterRevert == nil:
		left := rec.ObservedUntil - *rec.EndedAt
		r.Measured = fmt.Sprintf("not in the %s observed", span(left))
		if left <= within {
			return r.unsure("observation ended too early to tell: there was still time")
		}
		return r.fail("not all replicas were ready again, although the fault was over")
	}
	r.Measured = span(*rec.CapacityAfterRevert)
	if *rec.CapacityAfterRevert > within {
		return r.fail(fmt.Sprintf("it took %s too long until all replicas were ready", span(*rec.CapacityAfterRevert-within)))
	}
	return r.pass("all replicas were ready in time")
}
