package assertions

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// EnoughReplicas asks for as many replicas as a fault makes necessary, such as a surge:
// within a time of the confirmation of the first fault so many instances of a workload
// must be able to serve, and from then on as many until that fault ends, or observation
// does. They can serve when they are ready, and in rotation where the workload was seen
// in one.
type EnoughReplicas struct {
	// Workload is whose instances are counted; required.
	Workload string `json:"workload"`
	// AtLeast is how many are enough; required.
	AtLeast int `json:"atLeast"`
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
	// Dips is for how long there may be fewer again, each time, as when an instance is
	// replaced. 0: not at all.
	Dips Duration `json:"dips,omitempty"`
}

// Check makes the fold.
func (a EnoughReplicas) Check() (Check, error) {
	var few error
	if a.AtLeast < 1 {
		few = fmt.Errorf("atLeast: %d is below 1", a.AtLeast)
	}
	if err := errors.Join(named(a.Workload), few, deadline(a.Within)); err != nil {
		return nil, err
	}
	return &enoughReplicas{args: a, replicas: replicasOf(a.Workload)}, nil
}

type enoughReplicas struct {
	args     EnoughReplicas
	during   window
	faults   confirmations
	replicas replicas
}

func (c *enoughReplicas) Observe(e timeline.Event) {
	c.during.observe(e)
	c.faults.observe(e)
	c.replicas.observe(e)
}

func (c *enoughReplicas) Verdict() Result {
	a, within := c.args, time.Duration(c.args.Within)
	r := Result{ID: "enoughReplicas", Limit: fmt.Sprintf("%d of %s within %s, while the fault lasts", a.AtLeast, a.Workload, within)}
	if a.Dips > 0 {
		r.Limit += fmt.Sprintf(", and fewer for at most %s", a.Dips)
	}
	if len(c.faults) == 0 {
		return r.unsure("no fault was confirmed, so no more replicas were necessary")
	}
	if err := c.replicas.observed(); err != nil {
		return r.unsure(err.Error())
	}
	f := c.faults.measured()
	from, until := f.at, f.ends(c.during.until)
	had := c.replicas.serving.within(from, until)
	reached, dips := c.reached(had)
	if reached == nil {
		r.Measured = fmt.Sprintf("%d at most in the %s of the fault", highest(had), span(until-from))
		if until-from <= within {
			return r.unsure("the fault was not observed for long enough to tell: there was still time")
		}
		return r.fail(fmt.Sprintf("there were never %d that could serve while the fault lasted", a.AtLeast))
	}
	took := *reached - from
	r.Measured = fmt.Sprintf("%d after %s", a.AtLeast, span(took))
	var worst period
	for _, d := range dips {
		if d.until-d.from > worst.until-worst.from {
			worst = d
		}
	}
	if len(dips) > 0 {
		r.Measured += fmt.Sprintf(", then fewer %d times, down to %d for %s", len(dips), worst.n, span(worst.until-worst.from))
	}
	switch {
	case took > within:
		return r.fail(fmt.Sprintf("it took %s too long until there were %d", span(took-within), a.AtLeast))
	case worst.until-worst.from > time.Duration(a.Dips):
		return r.fail(fmt.Sprintf("there were enough in time, but it fell to %d for %s while the fault lasted", worst.n, span(worst.until-worst.from)))
	case took == 0:
		return r.pass("there were enough all along")
	default:
		return r.pass("there were enough in time, and for as long as the fault lasted")
	}
}

// reached is when there were enough, nil: never, and the times in which there were too
// few again, each with how many were left.
func (c *enoughReplicas) reached(had []period) (at *time.Duration, dips []period) {
	short := false
	for _, p := range had {
		switch {
		case p.n >= c.args.AtLeast:
			if at == nil {
				at = new(p.from)
			}
			short = false
		case at == nil:
		case short:
			d := &dips[len(dips)-1]
			d.until, d.n = p.until, min(d.n, p.n)
		default:
			short = true
			dips = append(dips, p)
		}
	}
	return at, dips
}
