package assertions

import (
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// CapacityRestored asks for all replicas of all workloads to be ready again, and
// in rotation where there is one, within a time of the confirmed fault. Losing a
// dead endpoint brings users back; it is not healing.
type CapacityRestored struct {
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
}

// Check makes the fold.
func (a CapacityRestored) Check() (Check, error) {
	if err := deadline(a.Within); err != nil {
		return nil, err
	}
	return &capacityRestored{args: a}, nil
}

type capacityRestored struct {
	args  CapacityRestored
	meter recovery.Meter
}

func (c *capacityRestored) Observe(e timeline.Event) { c.meter.Observe(e) }

func (c *capacityRestored) Verdict() Result {
	rec := c.meter.Recovery()
	within := time.Duration(c.args.Within)
	r := Result{ID: "capacityRestored", Limit: fmt.Sprintf("within %s", within)}
	switch {
	case rec.InjectedAt == nil:
		return r.unsure("no fault was confirmed, so no capacity was taken")
	case !rec.FullBefore:
		return r.unsure("not all replicas were seen ready before the fault")
	case rec.Capacity == nil:
		r.Measured = fmt.Sprintf("not restored in the %s observed", span(rec.ObservedUntil-*rec.InjectedAt))
		if rec.CapacityAtLeast != nil && *rec.CapacityAtLeast <= within {
			return r.unsure("observation ended too early to tell: there was still time")
		}
		return r.fail("not all replicas were ready again while the fault lasted")
	}
	r.Measured = span(*rec.Capacity)
	if *rec.Capacity > within {
		return r.fail(fmt.Sprintf("it took %s too long until all replicas were ready", span(*rec.Capacity-within)))
	}
	return r.pass("all replicas were ready in time")
}
