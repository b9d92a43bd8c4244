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

// add counts n more that were opened to a workload.
func add(of map[string]*opens, to string, at time.Duration, n int) {
	o := of[to]
	if o == nil {
		o = &opens{}
		of[to] = o
	}
	o.recent = append(o.recent, open{at, n})
	o.inside += n
	for len(o.recent) > 0 && o.recent[0].at <= at-time.Second {
		o.inside -= o.recent[0].n
		o.recent = o.recent[1:]
	}
	o.peak = max(o.peak, o.inside)
}

func (c *noHerd) connection(at time.Duration, n *timeline.Connection) {
	to := strings.Join(recovery.Workloads(n.To), ",")
	switch {
	case c.during.open():
		add(c.opens, to, at, n.Opened)
	case !c.during.begun:
		add(c.opens, to, at, 0)
		c.population.opened(to, n.Opened)
	}
}

// pool takes what a pool has opened since it last told. What it opened while it could
// not be asked is spread evenly over that time.
func (c *noHerd) pool(at time.Duration, client string, p *timeline.Pool) {
	if !c.during.begun {
		c.population.pool(client, p)
	}
	if !c.population.pooled(p.To) {
		return // a server tells of itself
	}
	key := client + ">" + p.To
	seconds := 1
	if last, ok := c.asked[key]; ok {
		seconds = max(1, int((at-last).Round(time.Second)/time.Second))
	}
	c.asked[key] = at
	n := 0
	if c.during.open() {
		n = (p.Opened + seconds - 1) / seconds
	}
	add(c.told, p.To, at, n)
}

// limit is how many connections may be opened to a workload in a second.
func (c *noHerd) limit(workload string) int {
	most := c.args.MaxReconnectsPerSecond
	if most == 0 {
		most = max(10, 2*c.population.to(workload).count())
	}
	if c.population.told() && !c.population.pooled(workload) {
		return max(most, c.requests)
	}
	return most
}

func (c *noHerd) judgeReconnects(f *herdFindings) {
	if c.args.MaxReconnectsPerSecond > 0 {
		f.limits = append(f.limits, fmt.Sprintf("%d connections opened to a workload in a second", c.args.MaxReconnectsPerSecond))
	} else {
		f.limits = append(f.limits, "twice a workload's pool opened in a second")
	}
	if c.population.told() && c.requests > c.args.MaxReconnectsPerSecond {
		last := len(f.limits) - 1
		f.limits[last] += fmt.Sprintf(" (%d where no pool leads: one for each request)", c.requests)
	}
	opens, what := c.opens, "connections in a second"
	if len(opens) == 0 {
		opens, what = c.told, "connections in a second, by the word of the pools"
	}
	if len(opens) == 0 {
		f.unseen = append(f.unseen, "connections were not observed")
	}
	w, peak, most := worstOf(opens, func(w string) (int, int) {
		return opens[w].peak, c.limit(w)
	})
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
