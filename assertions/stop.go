package assertions

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// StopWatch is the fold behind `stop: when`: it trips when one of its conditions
// has held in every second of load for as long as the condition asks for. Its
// caller ends the run. The zero value never trips.
type StopWatch struct {
	// When are the conditions: success Below a share, or the latency of a
	// Percentile (0: 99) above AtMost, each For a time (0: one second).
	When []timeline.SLI

	held   []time.Duration
	reason string
}

// Observe takes the next event.
func (w *StopWatch) Observe(e timeline.Event) {
	if e.Load == nil || w.reason != "" {
		return
	}
	if w.held == nil {
		w.held = make([]time.Duration, len(w.When))
	}
	for i, c := range w.When {
		what, holds := condition(c, e.Load)
		if !holds {
			w.held[i] = 0
			continue
		}
		w.held[i] += time.Second
		if atLeast := cmp.Or(c.For, time.Second); w.held[i] >= atLeast {
			w.reason = fmt.Sprintf("stop condition: %s for %s", what, atLeast)
			return
		}
	}
}

// Tripped tells whether a condition was met, and which. Once it is, it stays so.
func (w *StopWatch) Tripped() (reason string, ok bool) { return w.reason, w.reason != "" }

func condition(c timeline.SLI, l *timeline.Load) (string, bool) {
	if l.Intended <= 0 {
		return "", false
	}
	switch c.SLI {
	case "success":
		return "success below " + percent(c.Below), float64(l.OK)/float64(l.Intended) < c.Below-1e-9
	case "latency":
		p := cmp.Or(c.Percentile, 99)
		return fmt.Sprintf("p%s above %s", strconv.FormatFloat(p, 'g', -1, 64), c.AtMost),
			c.AtMost > 0 && l.Latency.Quantile(p/100) > c.AtMost
	default:
		return "", false
	}
}
