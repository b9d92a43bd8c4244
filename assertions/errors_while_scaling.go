package assertions

import (
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ErrorsWhileScaling bounds the share of requests that fail while a workload is scaled,
// of all that were meant to be sent in the seconds in which a change was under way:
// those that were not sent count as failed. A change begins when another number of
// replicas is asked for, between the first injection and the end of observation. Up it
// is over when as many instances can serve; down a second after no more than that run.
// The changes up are taken together, and those down; one of them may be missing.
type ErrorsWhileScaling struct {
	// Workload is what is scaled; required.
	Workload string `json:"workload"`
	// Up and Down are the shares that may fail. Not set: none.
	Up   Percent `json:"up,omitempty"`
	Down Percent `json:"down,omitempty"`
}

// Check makes the fold.
func (a ErrorsWhileScaling) Check() (Check, error) {
	if err := named(a.Workload); err != nil {
		return nil, err
	}
	return &errorsWhileScaling{args: a, replicas: replicasOf(a.Workload)}, nil
}

type errorsWhileScaling struct {
	args     ErrorsWhileScaling
	during   window
	replicas replicas
	seconds  answers
}

func (c *errorsWhileScaling) Observe(e timeline.Event) {
	c.during.observe(e)
	c.replicas.observe(e)
	c.seconds.observe(e)
}

func (c *errorsWhileScaling) Verdict() Result {
	r := Result{
		ID:    "errorsWhileScaling",
		Limit: fmt.Sprintf("%s while %s is scaled up, %s down", c.args.Up, c.args.Workload, c.args.Down),
	}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be scaled")
	}
	if err := c.replicas.observed(); err != nil {
		return r.unsure(err.Error())
	}
	up, down := c.changes()
	if len(up)+len(down) == 0 {
		return r.unsure(c.args.Workload + " was not scaled while it was observed")
	}
	var measured, high, unseen, without []string
	for _, w := range []struct {
		way     string
		changes []period
		limit   Percent
	}{{"up", up, c.args.Up}, {"down", down, c.args.Down}} {
		if len(w.changes) == 0 {
			measured, without = append(measured, w.way+": no change"), append(without, "it was not scaled "+w.way)
			continue
		}
		of := c.seconds.during(w.changes, c.during.until)
		if of.intended <= 0 {
			measured, unseen = append(measured, w.way+": no load"), append(unseen, "there was no load while it was scaled "+w.way)
			continue
		}
		share := percent(float64(of.failed) / float64(of.intended))
		measured = append(measured, fmt.Sprintf("%s: %s, %d of %d", w.way, share, of.failed, of.intended))
		if float64(of.failed)*100 > float64(w.limit)*float64(of.intended)+1e-6 {
			high = append(high, fmt.Sprintf("%s failed while it was scaled %s, %s may", share, w.way, w.limit))
		}
	}
	r.Measured = strings.Join(measured, ", ")
	switch {
	case len(high) > 0:
		return r.fail(strings.Join(high, "; "))
	case len(unseen) > 0:
		return r.unsure(strings.Join(unseen, "; "))
	case len(without) > 0:
		return r.pass("no more failed than may; " + without[0])
	default:
		return r.pass("no more failed than may, up and down")
	}
}

// changes are the times in which more were asked for than could serve, or fewer than
// ran.
func (c *errorsWhileScaling) changes() (up, down []period) {
	asked := c.replicas.desired.within(c.during.from, c.during.until)
	for i, p := range asked {
		switch {
		case i == 0 || p.n == asked[i-1].n:
		case p.n > asked[i-1].n:
			p.until = reaches(c.replicas.serving.within(p.from, p.until), p, func(n int) bool { return n >= p.n })
			up = append(up, p)
		default:
			p.until = reaches(c.replicas.running.within(p.from, p.until), p, func(n int) bool { return n <= p.n })
			p.until = min(p.until+time.Second, c.during.until)
			down = append(down, p)
		}
	}
	return up, down
}

// reaches is when a number is first as it should be, or the end of the period.
func reaches(n []period, in period, is func(int) bool) time.Duration {
	for _, p := range n {
		if is(p.n) {
			return p.from
		}
	}
	return in.until
}
