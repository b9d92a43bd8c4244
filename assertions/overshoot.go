package assertions

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Overshoot bounds how many replicas beyond those that are needed the platform is asked
// for, between the first injection and the end of observation: the peak counts, and not
// how long it lasts, which the result says.
type Overshoot struct {
	// Workload is whose replicas are counted; required.
	Workload string `json:"workload"`
	// Needed is how many are enough; required.
	Needed int `json:"needed"`
	// AtMost is how many more may be asked for: a number, or a share of those needed,
	// rounded down. Not set: none.
	AtMost Share `json:"atMost,omitzero"`
}

// Check makes the fold.
func (a Overshoot) Check() (Check, error) {
	var few error
	if a.Needed < 1 {
		few = fmt.Errorf("needed: %d is below 1", a.Needed)
	}
	if err := errors.Join(named(a.Workload), few); err != nil {
		return nil, err
	}
	return &overshoot{args: a, replicas: replicasOf(a.Workload)}, nil
}

type overshoot struct {
	args     Overshoot
	during   window
	replicas replicas
}

func (c *overshoot) Observe(e timeline.Event) {
	c.during.observe(e)
	c.replicas.observe(e)
}

func (c *overshoot) Verdict() Result {
	a, more := c.args, c.args.AtMost.Most(c.args.Needed)
	r := Result{ID: "overshoot", Limit: fmt.Sprintf("%s more than the %d of %s that are needed", a.AtMost, a.Needed, a.Workload)}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be scaled")
	}
	if err := c.replicas.asked(); err != nil {
		return r.unsure(err.Error())
	}
	asked := c.replicas.desired.within(c.during.from, c.during.until)
	peak := highest(asked)
	var above time.Duration
	for _, p := range asked {
		if p.n > a.Needed {
			above += p.until - p.from
		}
	}
	r.Measured = fmt.Sprintf("%d at most", peak)
	if peak > a.Needed {
		r.Measured += fmt.Sprintf(", %d more (%s), for %s more than %d", peak-a.Needed, percent(float64(peak-a.Needed)/float64(a.Needed)), span(above), a.Needed)
	}
	switch {
	case peak < a.Needed:
		return r.unsure(fmt.Sprintf("the %d that are needed were never asked for", a.Needed))
	case peak > a.Needed+more:
		return r.fail(fmt.Sprintf("%d were asked for, %d are needed and %d allowed", peak, a.Needed, a.Needed+more))
	case peak == a.Needed:
		return r.pass("no more were asked for than are needed")
	default:
		return r.pass("no more were asked for than are allowed")
	}
}
