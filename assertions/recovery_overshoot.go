package assertions

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// RecoveryOvershoot bounds how hard a workload is hit when it is back (predicate H6):
// requests in a second, as its clients count those that they send, against the median of
// the last 60 s of the baseline. It counts from the end of the last fault, by itself, by
// a healer or by us, for 120 s or until the load ends. What was sent in the part of a
// second before that end did not arrive: as many as in the second before, by that part,
// are left out. Users must send the same all the time.
type RecoveryOvershoot struct {
	// To is the workload that is back; required.
	To string `json:"to"`
	// From is whose requests are looked at; empty: those of all that tell.
	From string `json:"from,omitempty"`
	// AtMost is how many more than before there may be. Not set: 25%.
	AtMost *Percent `json:"atMost,omitempty"`
}

// How long before and after is looked at, how many seconds before tell what is usual, and
// which share of that tells that the clients are back.
const (
	usualOver    = 60 * time.Second
	backFor      = 120 * time.Second
	enoughRounds = 3
	backAt       = 0.5
)

// Check makes the fold.
func (a RecoveryOvershoot) Check() (Check, error) {
	if err := called(a.To); err != nil {
		return nil, err
	}
	if a.AtMost == nil {
		a.AtMost = new(Percent(25))
	}
	return &recoveryOvershoot{args: a, clients: clientsOf(a.From, a.To), ends: map[string]*time.Duration{}}, nil
}

type recoveryOvershoot struct {
	args     RecoveryOvershoot
	during   window
	clients  clients
	ends     map[string]*time.Duration // of each fault that was confirmed; nil: it lasts
	baseline time.Duration             // the last time that it began
	loaded   time.Duration             // until when load was
	over     bool
}

func (c *recoveryOvershoot) Observe(e timeline.Event) {
	c.during.observe(e)
	switch {
	case e.Fault != nil:
		c.fault(e)
	case e.Phase != nil && e.Phase.Name == timeline.PhaseBaseline:
		c.baseline = e.At
	case e.Phase != nil && (e.Phase.Name == timeline.PhaseAudit || e.Phase.Name == timeline.PhaseTeardown), e.Stop != nil, e.End != nil:
		c.over = true
	}
	if !c.over {
		c.loaded = e.At
	}
	c.clients.observe(e)
}

func (c *recoveryOvershoot) fault(e timeline.Event) {
	end, known := c.ends[e.Fault.ID]
	switch e.Fault.State {
	case timeline.FaultActive:
		if !known {
			c.ends[e.Fault.ID] = nil
		}
	case timeline.FaultReapplied:
		if known {
			c.ends[e.Fault.ID] = nil
		}
	case timeline.FaultReverted, timeline.FaultOvertaken:
		if known && end == nil {
			c.ends[e.Fault.ID] = new(e.At)
		}
	case timeline.FaultInjecting, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultStuck:
	default:
	}
}

func (c *recoveryOvershoot) Verdict() Result {
	r := Result{ID: "recoveryOvershoot", Limit: fmt.Sprintf("at most %s more requests to %s in a second than before", *c.args.AtMost, c.args.To)}
	if len(c.ends) == 0 {
		return r.unsure("no fault was confirmed, so there was nothing to come back from")
	}
	if len(c.clients.last) == 0 {
		return r.unsure("no client told of its calls: " + c.clients.who())
	}
	usual, high, err := c.usual()
	if err != nil {
		return r.unsure(err.Error())
	}
	var back time.Duration
	for _, end := range c.ends {
		if end == nil {
			return r.unsure("not every fault ended, so it was not back")
		}
		back = max(back, *end)
	}
	peak := c.peak(back)
	r.Measured = fmt.Sprintf("%.0f before (%.0f at most)", usual, high)
	if peak.rate < backAt*usual {
		return r.unsure(fmt.Sprintf("its clients did not come back before the load ended: %.0f requests in a second at most, %.0f before", peak.rate, usual))
	}
	more := peak.rate/usual - 1
	r.Measured = fmt.Sprintf("%s, %.0f in the second until %s after it was back, %s", percent(more), peak.rate, span(peak.at-back), r.Measured)
	if more*100 > float64(*c.args.AtMost)+1e-6 {
		return r.fail(fmt.Sprintf("%s more came at once than before, %s are allowed", percent(more), *c.args.AtMost))
	}
	return r.pass("its clients came back without a herd")
}

// peak is the second with the most requests since the workload was back.
func (c *recoveryOvershoot) peak(back time.Duration) (peak round) {
	var last round
	for _, n := range c.clients.within(0, min(c.loaded, back+backFor)) {
		arrived := n
		if early := back - (n.at - time.Second); early > 0 {
			arrived.rate -= last.rate * min(1, early.Seconds())
		}
		if n.at > back && n.rated && arrived.rate > peak.rate {
			peak = arrived
		}
		last = n
	}
	return peak
}

// usual is the median of the requests in a second before the fault, and the most.
func (c *recoveryOvershoot) usual() (median, most float64, err error) {
	var rates []float64
	for _, r := range c.clients.within(max(c.baseline, c.during.from-usualOver), c.during.from) {
		if r.rated {
			rates = append(rates, r.rate)
		}
	}
	if len(rates) < enoughRounds {
		return 0, 0, errors.New("the clients told too little before the fault for what is usual to be known")
	}
	slices.Sort(rates)
	n := len(rates)
	median, most = (rates[(n-1)/2]+rates[n/2])/2, rates[n-1]
	if median <= 0 {
		return 0, 0, errors.New("there were no requests before the fault")
	}
	return median, most, nil
}
