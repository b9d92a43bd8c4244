package assertions

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Flaps bounds how often the number of replicas that the platform is asked for turns its
// direction between the first injection and the end of observation. That it rises and
// then falls is one turn, in however many steps.
type Flaps struct {
	// Workload is whose replicas are counted; required.
	Workload string `json:"workload"`
	// AtMost is how many turns there may be. 0 allows none: after a rise no fall.
	AtMost int `json:"atMost"`
}

// Check makes the fold.
func (a Flaps) Check() (Check, error) {
	var few error
	if a.AtMost < 0 {
		few = fmt.Errorf("atMost: %d is below 0", a.AtMost)
	}
	if err := errors.Join(named(a.Workload), few); err != nil {
		return nil, err
	}
	return &flaps{args: a, replicas: replicasOf(a.Workload)}, nil
}

type flaps struct {
	args     Flaps
	during   window
	replicas replicas
}

func (c *flaps) Observe(e timeline.Event) {
	c.during.observe(e)
	c.replicas.observe(e)
}

func (c *flaps) Verdict() Result {
	r := Result{ID: "flaps", Limit: fmt.Sprintf("at most %d turns of %s", c.args.AtMost, c.args.Workload)}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be scaled")
	}
	if err := c.replicas.asked(); err != nil {
		return r.unsure(err.Error())
	}
	turns, rose, fell := 0, false, false
	var way []string // the values at which it turned, and the ends
	last := 0
	for i, p := range c.replicas.desired.within(c.during.from, c.during.until) {
		up, down := i > 0 && p.n > last, i > 0 && p.n < last
		if up && fell || down && rose {
			turns++
		}
		switch {
		case i == 0, up && !rose, down && !fell:
			way = append(way, strconv.Itoa(p.n))
		case up, down:
			way[len(way)-1] = strconv.Itoa(p.n)
		}
		if up || down {
			rose, fell = up, down
		}
		last = p.n
	}
	r.Measured = fmt.Sprintf("%d turns: %s", turns, strings.Join(way, ", "))
	switch {
	case len(way) == 0:
		return r.unsure("observation was over before it was known how many are asked for")
	case turns > c.args.AtMost:
		return r.fail(fmt.Sprintf("the number of replicas turned its direction %d times, %d are allowed: %s", turns, c.args.AtMost, strings.Join(way, ", ")))
	case len(way) == 1:
		return r.pass("as many were asked for all the time")
	default:
		return r.pass("it turned no more often than is allowed")
	}
}
