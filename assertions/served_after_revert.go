package assertions

import (
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ServedAfterRevert asks for users to be served well again, and for that to hold, within a
// time of the end of the last fault, where all end while the run observes (their `for`).
// That is no healing; it shows that those who had given up on what was away came back to
// it in time.
type ServedAfterRevert struct {
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
}

// Check makes the fold.
func (a ServedAfterRevert) Check() (Check, error) {
	if err := deadline(a.Within); err != nil {
		return nil, err
	}
	return &servedAfterRevert{args: a}, nil
}

type servedAfterRevert struct {
	args  ServedAfterRevert
	meter recovery.Meter
}

func (c *servedAfterRevert) Observe(e timeline.Event) { c.meter.Observe(e) }

func (c *servedAfterRevert) Verdict() Result {
	rec := c.meter.Recovery()
	within := time.Duration(c.args.Within)
	r := Result{ID: "servedAfterRevert", Limit: fmt.Sprintf("within %s of the end of the last fault", within)}
	switch {
	case rec.InjectedAt == nil:
		return r.unsure("no fault was confirmed, so nobody was kept from being served")
	case rec.EndedAt == nil:
		return r.unsure("not every fault ended while it was observed")
	}
	back, ok := c.meter.ServedFrom(*rec.EndedAt)
	if !ok {
		left := rec.ObservedUntil - *rec.EndedAt
		r.Measured = fmt.Sprintf("not in the %s observed", span(left))
		if left <= within {
			return r.unsure("observation ended too early to tell: there was still time")
		}
		return r.fail("users were not served again, although the fault was over")
	}
	took := max(0, back-*rec.EndedAt)
	r.Measured = span(took)
	if took > within {
		return r.fail(fmt.Sprintf("it took %s too long until users were served", span(took-within)))
	}
	return r.pass("users were served in time")
}
