package assertions

import (
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// opens are the connections opened to one workload.
type opens struct {
	recent []open // of the last second
	inside int
	peak   int
}

type open struct {
	at time.Duration
	n  int
}

// connection takes what was counted over a link. What was gathered for more than a
// second is spread evenly over that time.
func (c *noHerd) connection(at time.Duration, n *timeline.Connection) {
	opened := inSecond(n.Opened, n.Over)
	to := strings.Join(recovery.Workloads(n.To), ",")
	o := c.opens[to]
	if o == nil {
		o = &opens{}
		c.opens[to] = o
	}
	switch {
	case c.during.open():
		o.recent = append(o.recent, open{at, opened})
		o.inside += opened
		for len(o.recent) > 0 && o.recent[0].at <= at-time.Second {
			o.inside -= o.recent[0].n
			o.recent = o.recent[1:]
		}
		o.peak = max(o.peak, o.inside)
	case !c.during.begun:
		c.population.opened(to, n.Opened)
	}
}

// pool takes what a pool has opened since it last told, or since its client started. What
// it opened while it could not be asked is spread evenly over that time.
func (c *noHerd) pool(at time.Duration, client string, p *timeline.Pool) {
	if !c.during.begun {
		c.population.pool(client, p)
	}
	if !c.population.pooled(p.To) {
		return // a server tells of itself
	}
	t := c.told[p.To]
	if t == nil {
		t = &told{last: map[string]rate{}}
		c.told[p.To] = t
	}
	since := max(t.last[client].at, c.started[client])
	r := rate{at: at, opened: p.Opened}
	if since > 0 {
		r.opened = inSecond(p.Opened, at-since)
	}
	t.last[client] = r
	if c.during.open() {
		t.heard = true
		t.peak = max(t.peak, t.now(at))
	}
}

// inSecond is how many of what was opened over a time were opened in one second of it,
// rounded up.
func inSecond(opened int, over time.Duration) int {
	if over <= time.Second {
		return opened
	}
	return int((time.Duration(opened)*time.Second + over - 1) / over)
}

// told is what the pools of clients tell of connections to one workload.
type told struct {
	last  map[string]rate // by client
	peak  int
	heard bool // while it was observed
}

// rate is how many connections a pool opened in a second, as it last told.
type rate struct {
	at     time.Duration
	opened int
}

// stale is the age at which a reading says nothing about now: they come once a second,
// and take up to most of one.
const stale = 1800 * time.Millisecond

func (t *told) now(at time.Duration) int {
	sum := 0
	for _, r := range t.last {
		if at-r.at < stale {
			sum += r.opened
		}
	}
	return sum
}

// limit is how many connections may be opened to a workload in a second.
func (c *noHerd) limit(workload string) int {
	most := c.args.MaxReconnectsPerSecond
	if most == 0 {
		most = max(10, 2*c.population.to(workload).count())
	}
	if c.population.told() && !c.population.pooled(workload) {
		return max(most, c.asMany())
	}
	return most
}

// asMany is how many connections there are in a second at the most where each request
// has one: those of the second, and those that a stall of a second held up before.
// Requests that are tried a third time exceed it.
func (c *noHerd) asMany() int { return 2 * c.requests }

// peaks are the most connections in a second, by workload, as they were counted; where
// nobody counts, as pools told that were heard.
func (c *noHerd) peaks() (peaks map[string]int, what string) {
	peaks = map[string]int{}
	for w, o := range c.opens {
		peaks[w] = o.peak
	}
	if len(peaks) > 0 {
		return peaks, "connections in a second"
	}
	for w, t := range c.told {
		if t.heard {
			peaks[w] = t.peak
		}
	}
	return peaks, "connections in a second, by the word of the pools"
}

func (c *noHerd) judgeReconnects(f *herdFindings) {
	if c.args.MaxReconnectsPerSecond > 0 {
		f.limits = append(f.limits, fmt.Sprintf("%d connections opened to a workload in a second", c.args.MaxReconnectsPerSecond))
	} else {
		f.limits = append(f.limits, "twice a workload's pool opened in a second")
	}
	if c.population.told() && c.asMany() > c.args.MaxReconnectsPerSecond {
		last := len(f.limits) - 1
		f.limits[last] += fmt.Sprintf(" (%d where no pool leads: one for each request, after a stall)", c.asMany())
	}
	peaks, what := c.peaks()
	if len(peaks) == 0 {
		f.unseen = append(f.unseen, "connections were not observed")
	}
	w, peak, most := worstOf(peaks, func(w string) (int, int) { return peaks[w], c.limit(w) })
	f.measured = append(f.measured, atOnce(peak, most, w, what))
	if peak > most {
		f.herds = append(f.herds, fmt.Sprintf("%d connections were opened to %s within a second, %d are allowed", peak, w, most))
	}
	to, there := c.population.largest()
	if to != "" {
		f.measured = append(f.measured, fmt.Sprintf("population %d (%s)", there, to))
	}
	if least := c.args.MinPopulation; least > 0 {
		f.limits = append(f.limits, fmt.Sprintf("among at least %d connections", least))
		if there < least {
			f.unseen = append(f.unseen, fmt.Sprintf("%d connections to a workload before the fault are too few to be a herd: %d are asked for", there, least))
		}
	}
}
