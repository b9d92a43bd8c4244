package assertions

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// TrialsInFlight bounds how many ask at once whether a workload is back (predicate H5),
// between the first injection and the end of observation: the trials of half-open
// breakers that are in flight at once, of all clients together, and those that are begun
// within a second. Clients tell once a second the most that each had in flight within
// about two, so that what they had one shortly after the other counts as at once.
type TrialsInFlight struct {
	// To is the workload that is called; required.
	To string `json:"to"`
	// From is whose trials are looked at; empty: those of all that tell.
	From string `json:"from,omitempty"`
	// AtMost is how many trials may be in flight, of all clients together; required.
	AtMost int `json:"atMost"`
	// PerClient is how many of them may be one client's, which is what the permits of its
	// breaker bound, where it has one. Not set: as many as AtMost, so that some clients may
	// have more while others have none.
	PerClient int `json:"perClient,omitzero"`
	// PerSecond is how many may be begun within a second: a number, or a share of the
	// clients that have a breaker, rounded up. Not set: 5%, which is at least one.
	PerSecond Share `json:"perSecond,omitzero"`
}

// Check makes the fold.
func (a TrialsInFlight) Check() (Check, error) {
	var few, odd error
	if a.AtMost < 1 {
		few = fmt.Errorf("atMost: %d is below 1, and without a trial no breaker closes", a.AtMost)
	}
	if a.PerClient < 0 {
		odd = fmt.Errorf("perClient: %d is below 0", a.PerClient)
	}
	if err := errors.Join(called(a.To), few, odd); err != nil {
		return nil, err
	}
	if a.PerSecond == (Share{}) {
		a.PerSecond.Percent = 5
	}
	return &trialsInFlight{args: a, clients: clientsOf(a.From, a.To)}, nil
}

type trialsInFlight struct {
	args    TrialsInFlight
	during  window
	clients clients
}

func (c *trialsInFlight) Observe(e timeline.Event) {
	c.during.observe(e)
	c.clients.observe(e)
}

func (c *trialsInFlight) Verdict() Result {
	r := Result{ID: "trialsInFlight", Limit: fmt.Sprintf("at most %d trials of %s in flight, and %s of its clients' begun in a second", c.args.AtMost, c.args.To, c.args.PerSecond)}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be tried")
	}
	if c.args.PerClient > 0 {
		r.Limit += fmt.Sprintf("; at most %d of one client in flight", c.args.PerClient)
	}
	there := c.clients.breakers()
	if there == 0 {
		return r.unsure("no breaker was told of: " + c.clients.who())
	}
	var flying, one, begun, all int
	for _, n := range c.clients.within(c.during.from, c.during.until) {
		flying, one, begun, all = max(flying, n.peak), max(one, n.most), max(begun, n.trials), all+n.trials
	}
	most := c.args.PerSecond.Of(there)
	r.Measured = fmt.Sprintf("%d in flight at once, %d begun in a second, %d in all, by %d clients", flying, begun, all, there)
	if c.args.PerClient > 0 {
		r.Measured += fmt.Sprintf("; %d of one client in flight at once", one)
	}
	var high []string
	if flying > c.args.AtMost {
		high = append(high, fmt.Sprintf("%d trials were in flight at once, %d are allowed", flying, c.args.AtMost))
	}
	if c.args.PerClient > 0 && one > c.args.PerClient {
		high = append(high, fmt.Sprintf("%d trials of one client were in flight at once, %d are allowed", one, c.args.PerClient))
	}
	if begun > most {
		high = append(high, fmt.Sprintf("%d trials were begun within a second, %d are allowed", begun, most))
	}
	switch {
	case len(high) > 0:
		return r.fail(strings.Join(high, "; "))
	case flying == 0 && all == 0:
		return r.unsure("no trial was made, so nothing is known of how many there are at once")
	default:
		return r.pass("no more tried than may")
	}
}
