package assertions

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// SteadyBaseline asks for every bound of the steady state to hold over the
// baseline phase as a whole: the last, where it was taken again. It has no arguments; it is a gate of every run too.
type SteadyBaseline struct{}

// Check makes the fold.
func (SteadyBaseline) Check() (Check, error) { return &steadyBaseline{}, nil }

type steadyBaseline struct {
	steady       []timeline.SLI
	begin, end   time.Duration
	begun, ended bool
	sent, good   int
	latency      timeline.Sketch
}

func (c *steadyBaseline) Observe(e timeline.Event) {
	switch {
	case e.Header != nil:
		c.steady = e.Header.Steady
		if len(c.steady) == 0 {
			c.steady = []timeline.SLI{{SLI: "success", AtLeast: 0.99}}
		}
	case e.Phase != nil && e.Phase.Name == timeline.PhaseBaseline:
		*c = steadyBaseline{steady: c.steady, begin: e.At, begun: true}
	case c.begun && !c.ended && (e.Phase != nil || e.Fault != nil || e.Stop != nil || e.End != nil):
		c.end, c.ended = e.At, true
	case c.begun && e.Load != nil && e.Load.Start >= c.begin && (!c.ended || e.Load.Start+time.Second <= c.end):
		c.sent += e.Load.Sent // what was not sent is the load floor's affair
		c.good += e.Load.OK
		c.latency.Merge(e.Load.Latency)
	}
}

func (c *steadyBaseline) Verdict() Result {
	r := Result{ID: "steadyBaseline"}
	if c.sent == 0 {
		r.Limit = "steady for a second at least"
		return r.unsure("no whole second of load lies in the baseline")
	}
	var measured, limits, broken []string
	for _, s := range c.steady {
		switch s.SLI {
		case "success":
			share := float64(c.good) / float64(c.sent)
			measured = append(measured, "success "+percent(share))
			limits = append(limits, "success at least "+percent(s.AtLeast))
			if share < s.AtLeast-1e-9 {
				broken = append(broken, fmt.Sprintf("success was %s, below %s", percent(share), percent(s.AtLeast)))
			}
		case "latency":
			p := cmp.Or(s.Percentile, 99)
			name := "p" + strconv.FormatFloat(p, 'g', -1, 64)
			q := c.latency.Quantile(p / 100)
			measured = append(measured, name+" "+span(q))
			limits = append(limits, fmt.Sprintf("%s at most %s", name, s.AtMost))
			if q > s.AtMost {
				broken = append(broken, fmt.Sprintf("%s was %s, above %s", name, span(q), s.AtMost))
			}
		default:
			r.Limit = s.SLI
			return r.unsure(fmt.Sprintf("this program knows no SLI %q", s.SLI))
		}
	}
	r.Measured, r.Limit = strings.Join(measured, ", "), strings.Join(limits, ", ")
	if len(broken) > 0 {
		return r.fail("the system was not steady before anything was broken: " + strings.Join(broken, "; "))
	}
	return r.pass("the system was steady before anything was broken")
}

// percent writes a share, rounded down so that nothing is called 100 % that is not.
func percent(share float64) string {
	whole := float64(int(share*10000+1e-6)) / 100
	return strconv.FormatFloat(whole, 'g', -1, 64) + " %"
}
