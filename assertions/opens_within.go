package assertions

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// OpensWithin asks that clients stop asking what does not answer: within a time of the
// confirmation of the first fault, and while it lasts, the breakers of a workload must
// have opened. Clients tell of them once a second, so that up to a second of the time is
// theirs. What was open before the fault has not opened. A client is an instance: one that
// stands for many has opened with the first of theirs.
type OpensWithin struct {
	// To is the workload that is called; required.
	To string `json:"to"`
	// From is whose breakers are looked at; empty: those of all that tell.
	From string `json:"from,omitempty"`
	// Within is the most that it may take; required.
	Within Duration `json:"within"`
	// Share is how many clients' breakers must open: a number, or a share of those that
	// have one, rounded up. Not set: all.
	Share Share `json:"share,omitzero"`
}

// Check makes the fold.
func (a OpensWithin) Check() (Check, error) {
	if err := errors.Join(called(a.To), deadline(a.Within)); err != nil {
		return nil, err
	}
	if a.Share == (Share{}) {
		a.Share.Percent = 100
	}
	return &opensWithin{args: a, clients: clientsOf(a.From, a.To), opened: map[string]time.Duration{}}, nil
}

type opensWithin struct {
	args    OpensWithin
	during  window
	faults  confirmations
	clients clients
	opened  map[string]time.Duration // when each first did, since the injection
}

func (c *opensWithin) Observe(e timeline.Event) {
	c.during.observe(e)
	c.faults.observe(e)
	if b := c.clients.theirs(e); b != nil && c.during.open() {
		_, before := c.opened[e.Target]
		if !before && (b.Opened > 0 || refuses(b.State) && !refuses(c.clients.last[e.Target].State)) {
			c.opened[e.Target] = e.At
		}
	}
	c.clients.observe(e)
}

func (c *opensWithin) Verdict() Result {
	within := time.Duration(c.args.Within)
	r := Result{ID: "opensWithin", Limit: fmt.Sprintf("breakers of %s open in %s of its clients within %s", c.args.To, c.args.Share, within)}
	if len(c.faults) == 0 {
		return r.unsure("no fault was confirmed, so no breaker had to open")
	}
	there := c.clients.breakers()
	if there == 0 {
		return r.unsure("no breaker was told of: " + c.clients.who())
	}
	from := c.faults[0].at
	until := c.faults.lasted(c.during.until)
	var at []time.Duration
	for _, t := range c.opened {
		if t <= until {
			at = append(at, t)
		}
	}
	slices.Sort(at)
	need := c.args.Share.Of(there)
	r.Measured = fmt.Sprintf("%d of %d clients in the %s of the fault", len(at), there, span(until-from))
	if len(at) < need {
		if until-from <= within {
			return r.unsure("the fault was not observed for long enough to tell: there was still time")
		}
		return r.fail(fmt.Sprintf("the breakers of %d clients did not open while the fault lasted", there-len(at)))
	}
	took := max(0, at[need-1]-from)
	r.Measured = fmt.Sprintf("%d of %d clients after %s", need, there, span(took))
	if took > within {
		return r.fail(fmt.Sprintf("it took %s too long until they were open", span(took-within)))
	}
	return r.pass("they were open in time")
}
