package assertions

import (
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// AvailabilityLost bounds the area that was lost under the availability curve.
type AvailabilityLost struct {
	// AtMost is in seconds of full outage: half of the users for four seconds are
	// 2s. 0 allows no loss at all.
	AtMost Duration `json:"atMost"`
}

// Check makes the fold.
func (a AvailabilityLost) Check() (Check, error) { return &availabilityLost{args: a}, nil }

type availabilityLost struct {
	args  AvailabilityLost
	meter recovery.Meter
}

func (c *availabilityLost) Observe(e timeline.Event) { c.meter.Observe(e) }

func (c *availabilityLost) Verdict() Result {
	rec := c.meter.Recovery()
	most := time.Duration(c.args.AtMost)
	r := Result{ID: "availabilityLost", Limit: fmt.Sprintf("at most %s of full outage", most)}
	switch {
	case rec.InjectedAt == nil:
		return r.unsure("no fault was confirmed, so nothing can have been lost to it")
	case rec.AvailabilityLost == nil:
		return r.unsure("there is no baseline to compare with")
	}
	lost := *rec.AvailabilityLost
	r.Measured = span(lost)
	failed := fmt.Sprintf("%d of %d requests failed", rec.FailedRequests, rec.TotalRequests)
	if lost > most {
		return r.fail(fmt.Sprintf("%s too much was lost: %s", span(lost-most), failed))
	}
	return r.pass(failed)
}
