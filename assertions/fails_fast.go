package assertions

import (
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// FailsFast asks that a call which cannot be served is refused and does not wait: of the
// calls to a workload that were rejected and of those attempts that failed while a
// client's breaker was open, as long as the first fault lasted, at least this share must
// have been rejected. From a client whose breaker did not open, or who has none, all that
// failed since the fault was confirmed counts.
type FailsFast struct {
	// To is the workload that is called; required.
	To string `json:"to"`
	// From is whose calls are looked at; empty: those of all that tell.
	From string `json:"from,omitempty"`
	// AtLeast is the share that must be rejected; required.
	AtLeast Percent `json:"atLeast"`
}

// Check makes the fold.
func (a FailsFast) Check() (Check, error) {
	var few error
	if a.AtLeast <= 0 {
		few = errors.New(`atLeast is required, such as "90%"`)
	}
	if err := errors.Join(called(a.To), few); err != nil {
		return nil, err
	}
	return &failsFast{args: a, clients: clientsOf(a.From, a.To), of: map[string]*unserved{}}, nil
}

type failsFast struct {
	args    FailsFast
	during  window
	faults  confirmations
	clients clients
	of      map[string]*unserved // by client
}

// unserved are the calls of a client that were not served.
type unserved struct {
	opened           bool
	rejected, failed int // while its breaker was open
	before           int // failed until it opened
}

func (c *failsFast) Observe(e timeline.Event) {
	c.during.observe(e)
	c.faults.observe(e)
	b := c.clients.theirs(e)
	if b != nil && c.during.open() && len(c.faults) > 0 && c.faults[0].lasts() {
		u := c.of[e.Target]
		if u == nil {
			u = &unserved{}
			c.of[e.Target] = u
		}
		switch was := refuses(c.clients.last[e.Target].State); {
		case was && refuses(b.State): // it was open all the time, or tried
			u.opened = true
			u.rejected += b.Rejected
			u.failed += b.Failed
		case was || refuses(b.State) || b.Opened > 0: // for a part of it, nobody knows which
			u.opened = true
		case !u.opened:
			u.before += b.Failed
		}
	}
	c.clients.observe(e)
}

func (c *failsFast) Verdict() Result {
	r := Result{ID: "failsFast", Limit: fmt.Sprintf("at least %s of the calls to %s that were not served", c.args.AtLeast, c.args.To)}
	if len(c.faults) == 0 {
		return r.unsure("no fault was confirmed, so every call could be served")
	}
	if len(c.clients.last) == 0 {
		return r.unsure("no client told of its calls: " + c.clients.who())
	}
	rejected, failed, shut := 0, 0, 0
	for _, u := range c.of {
		if u.opened {
			rejected, failed = rejected+u.rejected, failed+u.failed
		} else {
			failed += u.before
			shut++
		}
	}
	all := rejected + failed
	if all == 0 {
		return r.unsure("no call was rejected and none failed while a breaker was open")
	}
	share := percent(float64(rejected) / float64(all))
	r.Measured = fmt.Sprintf("%s, %d rejected and %d failed", share, rejected, failed)
	if shut > 0 {
		r.Measured += fmt.Sprintf(", %d of %d clients never open", shut, len(c.of))
	}
	if float64(rejected)*100 < float64(c.args.AtLeast)*float64(all)-1e-6 {
		return r.fail(fmt.Sprintf("%d calls were made that could not be served; only %s were refused at once", failed, share))
	}
	return r.pass("what could not be served was refused at once")
}
