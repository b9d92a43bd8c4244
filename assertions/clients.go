package assertions

import (
	"errors"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// clients follow those who call one workload, as they tell of it once a second, one after
// another: what they tell together is a round.
type clients struct {
	from, to string
	last     map[string]timeline.Breaker // what each told last
	started  map[string]time.Duration    // when each instance last started
	rounds   []round
	told     map[string]bool // in the last round
}

// round is what all clients told at about the same time.
type round struct {
	begun, at       time.Duration // the first and the last of them
	calls, attempts int
	trials, peak    int     // trials begun in a second, and in flight at once
	most            int     // in flight at once of one of them
	rate            float64 // attempts in a second, of those whose time is known
	rated           bool    // there are some
}

// apart is more than the time in which all tell, and less than that between rounds.
const apart = 500 * time.Millisecond

// called is the error of a workload that must be given.
func called(to string) error {
	if to == "" {
		return errors.New("to is required, such as store")
	}
	return nil
}

func clientsOf(from, to string) clients {
	return clients{from: from, to: to, last: map[string]timeline.Breaker{}, started: map[string]time.Duration{}}
}

// theirs is what one of them tells; nil: the event is no such thing.
func (c *clients) theirs(e timeline.Event) *timeline.Breaker {
	if e.Breaker == nil || e.Breaker.To != c.to || c.from != "" && !slices.Contains(recovery.Workloads(e.Target), c.from) {
		return nil
	}
	return e.Breaker
}

func (c *clients) observe(e timeline.Event) {
	if e.Instance != nil && e.Instance.State == timeline.InstanceStarted {
		c.started[e.Target] = e.At
	}
	b := c.theirs(e)
	if b == nil {
		return
	}
	if n := len(c.rounds); n == 0 || c.told[e.Target] || e.At-c.rounds[n-1].begun >= apart {
		c.rounds, c.told = append(c.rounds, round{begun: e.At}), map[string]bool{}
	}
	over := b.Over
	if over == 0 && c.started[e.Target] > 0 {
		over = e.At - c.started[e.Target]
	}
	r := &c.rounds[len(c.rounds)-1]
	r.at = e.At
	r.calls += b.Calls
	r.attempts += b.Attempts
	r.trials += inSecond(b.Trials, over)
	flying := max(b.Peak, b.InFlight)
	r.peak += flying
	r.most = max(r.most, flying)
	if over > 0 {
		r.rate += float64(b.Attempts) * float64(time.Second) / float64(over)
		r.rated = true
	}
	c.told[e.Target], c.last[e.Target] = true, *b
}

// breakers are how many of them have one.
func (c *clients) breakers() int {
	n := 0
	for _, b := range c.last {
		if b.State != "" {
			n++
		}
	}
	return n
}

// who names them.
func (c *clients) who() string {
	if c.from == "" {
		return "clients of " + c.to
	}
	return c.from + " as a client of " + c.to
}

// within are the rounds from after one moment until another.
func (c *clients) within(from, until time.Duration) []round {
	var all []round
	for _, r := range c.rounds {
		if r.at > from && r.at <= until {
			all = append(all, r)
		}
	}
	return all
}

// refuses tells whether a breaker in this state lets calls through only to find out.
func refuses(s timeline.BreakerState) bool {
	return s == timeline.BreakerOpen || s == timeline.BreakerHalfOpen || s == timeline.BreakerForcedOpen
}

// lasted is until when the first fault lasted, if observation ended then.
func (c confirmations) lasted(until time.Duration) time.Duration { return c[0].ends(until) }
