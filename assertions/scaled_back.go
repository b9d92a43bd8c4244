package assertions

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ScaledBack asks that what a fault made necessary does not stay: within a time of the
// end of the last fault that ends while the run observes (its `for`), no more replicas
// of a workload may be asked for, and no more instances of it run, than so many. It
// must stay so until observation ends.
type ScaledBack struct {
	// Workload is whose replicas are counted; required.
	Workload string `json:"workload"`
	// AtMost is how many there may be; required.
	AtMost int `json:"atMost"`
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
}

// Check makes the fold.
func (a ScaledBack) Check() (Check, error) {
	var few error
	if a.AtMost < 1 {
		few = fmt.Errorf("atMost: %d is below 1", a.AtMost)
	}
	if err := errors.Join(named(a.Workload), few, deadline(a.Within)); err != nil {
		return nil, err
	}
	return &scaledBack{args: a, replicas: replicasOf(a.Workload)}, nil
}

type scaledBack struct {
	args     ScaledBack
	planned  []timeline.Planned
	during   window
	faults   confirmations
	replicas replicas
}

func (c *scaledBack) Observe(e timeline.Event) {
	if e.Header != nil {
		c.planned = e.Header.Faults
	}
	c.during.observe(e)
	c.faults.observe(e)
	c.replicas.observe(e)
}

func (c *scaledBack) Verdict() Result {
	a, within, until := c.args, time.Duration(c.args.Within), c.during.until
	r := Result{ID: "scaledBack", Limit: fmt.Sprintf("%d of %s within %s of the end of the fault", a.AtMost, a.Workload, within)}
	if len(c.faults) == 0 {
		return r.unsure("no fault was confirmed, so nothing was scaled for it")
	}
	if err := c.replicas.observed(); err != nil {
		return r.unsure(err.Error())
	}
	end, err := c.ended()
	if err != nil {
		return r.unsure(err.Error())
	}
	if highest(c.replicas.desired.within(c.during.from, until)) <= a.AtMost {
		return r.unsure(fmt.Sprintf("more than %d were never asked for, so there was nothing to scale back", a.AtMost))
	}
	back := end
	var last string
	for _, of := range []struct {
		what string
		levels
	}{{"asked for", c.replicas.desired}, {"there", c.replicas.running}} {
		for _, p := range of.within(end, until) {
			if p.n > a.AtMost && p.until > back {
				back, last = p.until, fmt.Sprintf("%d were %s", p.n, of.what)
			}
		}
	}
	if back == until && last != "" {
		r.Measured = fmt.Sprintf("not in the %s observed: %s at last", span(until-end), last)
		if until-end <= within {
			return r.unsure("observation ended too early to tell: there was still time")
		}
		return r.fail(fmt.Sprintf("%s when observation ended, %d are enough", last, a.AtMost))
	}
	r.Measured = span(back - end)
	if back-end > within {
		return r.fail(fmt.Sprintf("%s until %s too late", last, span(back-end-within)))
	}
	return r.pass("no more than are enough were left in time, and it stayed so")
}

// ended is when the last fault ended that did while it was observed.
func (c *scaledBack) ended() (time.Duration, error) {
	var end time.Duration
	for _, f := range c.faults {
		if f.endedBy(c.during.until) {
			end = max(end, *f.reverted)
			continue
		}
		for _, p := range c.planned {
			if p.ID == f.id && p.For > 0 && f.overtaken == nil {
				return 0, fmt.Errorf("%s of %s did not end while it was observed", p.Fault, p.Target)
			}
		}
	}
	if end == 0 {
		return 0, errors.New("no fault ended while it was observed")
	}
	return end, nil
}
