package assertions

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Amplification bounds how much more retries ask of a workload than users do (predicate
// H7): in any ten seconds between the first injection and the end of observation, the
// requests that its clients sent, to the calls that were asked of them, each counted once.
// A call that a breaker refused is a call: it was asked for, and brought nothing there.
// Ten seconds with fewer than 100 calls tell nothing.
type Amplification struct {
	// To is the workload that is called; required.
	To string `json:"to"`
	// From is whose calls are looked at; empty: those of all that tell.
	From string `json:"from,omitempty"`
	// AtMost is the most requests to a call. 0: 1.25.
	AtMost float64 `json:"atMost,omitempty"`
}

// What of the time is looked at together, and how many calls of it tell something.
const (
	amplifiedOver = 10 * time.Second
	enoughCalls   = 100
)

// Check makes the fold.
func (a Amplification) Check() (Check, error) {
	var low error
	if a.AtMost != 0 && !(a.AtMost >= 1) {
		low = fmt.Errorf("atMost: %v is below 1, which is no retry at all", a.AtMost)
	}
	if err := errors.Join(called(a.To), low); err != nil {
		return nil, err
	}
	if a.AtMost == 0 {
		a.AtMost = 1.25
	}
	return &amplification{args: a, clients: clientsOf(a.From, a.To)}, nil
}

type amplification struct {
	args    Amplification
	during  window
	clients clients
}

func (c *amplification) Observe(e timeline.Event) {
	c.during.observe(e)
	c.clients.observe(e)
}

func (c *amplification) Verdict() Result {
	r := Result{ID: "amplification", Limit: fmt.Sprintf("at most %s requests to %s for each call, in any %s", times(c.args.AtMost), c.args.To, amplifiedOver)}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be tried again")
	}
	if len(c.clients.last) == 0 {
		return r.unsure("no client told of its calls: " + c.clients.who())
	}
	worst, sent := c.worst()
	if worst == nil {
		return r.unsure(fmt.Sprintf("there were no %s with %d calls or more between the injection and the end of observation", amplifiedOver, enoughCalls))
	}
	factor := float64(worst.attempts) / float64(worst.calls)
	r.Measured = fmt.Sprintf("%s, %d requests for %d calls in the %s until %s after the injection",
		times(factor), worst.attempts, worst.calls, amplifiedOver, span(worst.at-c.during.from))
	switch {
	case float64(worst.attempts) > c.args.AtMost*float64(worst.calls)+1e-6:
		return r.fail(fmt.Sprintf("retries made %s requests of a call, %s are allowed", times(factor), times(c.args.AtMost)))
	case !sent:
		return r.unsure("no request was sent since the injection, so nothing is known of retries")
	default:
		return r.pass("retries stayed within their budget")
	}
}

// worst are the ten seconds with the most requests to a call, nil: there are none, and
// whether any request was sent at all.
func (c *amplification) worst() (worst *round, sent bool) {
	all := c.clients.within(c.during.from, c.during.until)
	var sum round
	first := 0
	for _, r := range all {
		sum.calls, sum.attempts, sum.at = sum.calls+r.calls, sum.attempts+r.attempts, r.at
		sent = sent || r.attempts > 0
		for ; all[first].at <= r.at-amplifiedOver; first++ {
			sum.calls, sum.attempts = sum.calls-all[first].calls, sum.attempts-all[first].attempts
		}
		if r.at-c.during.from < amplifiedOver || sum.calls < enoughCalls {
			continue
		}
		if worst == nil || sum.attempts*worst.calls > worst.attempts*sum.calls {
			worst = new(sum)
		}
	}
	return worst, sent
}

// times writes a factor, to the hundredth.
func times(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
