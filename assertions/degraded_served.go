package assertions

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// DegradedServed bounds the share of good answers that were marked as degraded, in the
// whole seconds in which the first fault lasted: not too few, so that users got something
// instead of nothing, and not too many. At least one of the two must be set.
type DegradedServed struct {
	AtLeast *Percent `json:"atLeast,omitempty"`
	AtMost  *Percent `json:"atMost,omitempty"`
}

// Check makes the fold.
func (a DegradedServed) Check() (Check, error) {
	switch {
	case a.AtLeast == nil && a.AtMost == nil:
		return nil, errors.New(`atLeast or atMost is required, such as "90%"`)
	case a.AtLeast != nil && a.AtMost != nil && *a.AtLeast > *a.AtMost:
		return nil, fmt.Errorf("atLeast: %s is more than %s, which is the most", *a.AtLeast, *a.AtMost)
	}
	return &degradedServed{args: a}, nil
}

type degradedServed struct {
	args    DegradedServed
	during  window
	faults  confirmations
	seconds []graded
}

// graded are the good answers of one second.
type graded struct {
	start        time.Duration
	ok, degraded int
}

func (c *degradedServed) Observe(e timeline.Event) {
	c.during.observe(e)
	c.faults.observe(e)
	if e.Load != nil && len(c.faults) > 0 {
		c.seconds = append(c.seconds, graded{e.Load.Start, e.Load.OK, e.Load.Degraded})
	}
}

func (c *degradedServed) Verdict() Result {
	r := Result{ID: "degradedServed", Limit: c.limit()}
	if len(c.faults) == 0 {
		return r.unsure("no fault was confirmed, so nothing had to be degraded")
	}
	from, until := c.faults[0].at, c.faults.lasted(c.during.until)
	var sum graded
	for _, s := range c.seconds {
		if s.start >= from && s.start+time.Second <= until {
			sum.ok, sum.degraded = sum.ok+s.ok, sum.degraded+s.degraded
		}
	}
	if sum.ok == 0 {
		return r.unsure("there was no good answer in a whole second of the fault")
	}
	share := percent(float64(sum.degraded) / float64(sum.ok))
	r.Measured = fmt.Sprintf("%s, %d of %d", share, sum.degraded, sum.ok)
	of := func(p Percent) float64 { return float64(p) * float64(sum.ok) }
	switch is := float64(sum.degraded) * 100; {
	case c.args.AtLeast != nil && is < of(*c.args.AtLeast)-1e-6:
		return r.fail(fmt.Sprintf("only %s of the good answers were degraded ones, %s are asked for", share, *c.args.AtLeast))
	case c.args.AtMost != nil && is > of(*c.args.AtMost)+1e-6:
		return r.fail(fmt.Sprintf("%s of the good answers were degraded ones, %s are allowed", share, *c.args.AtMost))
	default:
		return r.pass("as many were degraded as should be")
	}
}

func (c *degradedServed) limit() string {
	switch a := c.args; {
	case a.AtMost == nil:
		return fmt.Sprintf("at least %s of the good answers, while the fault lasts", *a.AtLeast)
	case a.AtLeast == nil:
		return fmt.Sprintf("at most %s of the good answers, while the fault lasts", *a.AtMost)
	default:
		return fmt.Sprintf("%s to %s of the good answers, while the fault lasts", *a.AtLeast, *a.AtMost)
	}
}
