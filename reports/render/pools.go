package render

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// pool is what the pools of connections to one workload told, those of all its
// clients together.
type pool struct {
	to      string
	seconds []poolSecond
	open    map[string]int // by client, as it last told
	server  int
	// The most that were seen at once.
	mostOpen, mostServer int
}

// poolSecond is one second of a pool, from at.
type poolSecond struct {
	at          time.Duration
	open, waits int
	waited      time.Duration
}

// maxPoolName keeps the name of a workload within a table.
const maxPoolName = 24

// pools folds what pools tell. Clients tell one after another, once a second: what
// comes within half a second of a round belongs to it.
type pools struct {
	of    map[string]*pool
	first time.Duration
}

func (p *pools) observe(e timeline.Event) {
	switch {
	case e.Pool != nil:
		p.told(e)
	case e.Instance != nil && (e.Instance.State == timeline.InstanceExited || e.Instance.State == timeline.InstanceGone):
		for _, q := range p.of {
			delete(q.open, e.Target) // its connections ended with it
		}
	}
}

func (p *pools) told(e timeline.Event) {
	if p.of == nil {
		p.of, p.first = map[string]*pool{}, e.At
	}
	q := p.of[e.Pool.To]
	if q == nil {
		q = &pool{to: cut(oneLine(e.Pool.To), maxPoolName), open: map[string]int{}}
		p.of[e.Pool.To] = q
	}
	if e.Pool.Server > 0 {
		q.server = e.Pool.Server
		q.mostServer = max(q.mostServer, q.server)
		return
	}
	at := p.first + (e.At - p.first + time.Second/2).Truncate(time.Second)
	if n := len(q.seconds); n == 0 || q.seconds[n-1].at < at {
		q.seconds = append(q.seconds, poolSecond{at: at})
	}
	s := &q.seconds[len(q.seconds)-1]
	q.open[e.Target] = e.Pool.Open
	s.open = 0
	for _, n := range q.open {
		s.open += n
	}
	s.waits, s.waited = s.waits+e.Pool.Waits, s.waited+e.Pool.Waited
	q.mostOpen = max(q.mostOpen, s.open)
}

// all are the pools, that with the most connections first.
func (p *pools) all() []*pool {
	return slices.SortedFunc(maps.Values(p.of), func(a, b *pool) int {
		return cmp.Or(cmp.Compare(b.mostOpen, a.mostOpen), cmp.Compare(a.to, b.to))
	})
}

// poolNumbers are rows for the pools of a run and its control, side by side; none
// where no instance told of one.
func (u Run) poolNumbers() []number {
	var names []string
	for _, v := range []*Run{&u, u.Control} {
		if v == nil {
			continue
		}
		for _, q := range v.story.pools {
			if !slices.Contains(names, q.to) {
				names = append(names, q.to)
			}
		}
	}
	var rows []number
	for _, to := range names {
		open := number{
			Name: "Connections to " + to, Explain: "most at once in its clients' pools, and at the server where it tells",
			Healed: u.poolOf(to).most(),
		}
		waits := number{
			Name: "Waits for one", Explain: "requests that found none free in a pool, from the injection to the end of observation; the most in a second",
			Healed: u.waits(to),
		}
		if u.Control != nil {
			open.Control, waits.Control = u.Control.poolOf(to).most(), u.Control.waits(to)
		}
		rows = append(rows, open, waits)
	}
	return rows
}

func (u *Run) poolOf(to string) *pool {
	for _, q := range u.story.pools {
		if q.to == to {
			return q
		}
	}
	return nil
}

func (q *pool) most() string {
	switch {
	case q == nil:
		return none
	case q.mostServer > 0:
		return count(q.mostOpen) + ", server " + count(q.mostServer)
	default:
		return count(q.mostOpen)
	}
}

// waits are those while something was broken.
func (u *Run) waits(to string) string {
	q := u.poolOf(to)
	if q == nil {
		return none
	}
	var n, most int
	for _, s := range q.seconds {
		if s.at+time.Second > u.story.broken && s.at < u.Judgement.Recovery.ObservedUntil {
			n += s.waits
			most = max(most, s.waits)
		}
	}
	if n == 0 {
		return "0"
	}
	return count(n) + ", " + count(most) + " in 1 s"
}

// poolPanel is the panel of a chart for the largest pool; nil: no instance told of one.
func (u Run) poolPanel() *poolPanel {
	if len(u.story.pools) == 0 {
		return nil
	}
	q := u.story.pools[0]
	p := &poolPanel{to: q.to, most: 1, healed: u.poolSteps(q)}
	if u.Control != nil {
		if c := u.Control.poolOf(q.to); c != nil {
			p.control = u.Control.poolSteps(c)
		}
	}
	for _, s := range slices.Concat(p.healed, p.control) {
		p.most = max(p.most, s.open, s.waits)
	}
	return p
}

func (u Run) poolSteps(q *pool) []poolStep {
	var all []poolStep
	for _, s := range q.seconds {
		all = append(all, poolStep{x: u.story.since(s.at), open: s.open, waits: s.waits})
	}
	return all
}

// poolPanel is drawn below latency.
type poolPanel struct {
	to              string
	most            int // the top of the scale
	healed, control []poolStep
}

type poolStep struct {
	x           float64
	open, waits int
}

func (p *poolPanel) room() (above, height float64) { return panelGap, 72 }

// draw draws the connections as lines, and those who waited for one as bars.
func (p *poolPanel) draw(c *canvas, top, bottom float64) {
	scale := func(n int) float64 { return bottom - float64(n)/float64(p.most)*(bottom-top) }
	for _, n := range []int{0, p.most} {
		c.line(chartLeft, scale(n), chartWidth-chartRight, scale(n), "grid")
		c.text(chartLeft-8, scale(n)+4, "tick", "end", strconv.Itoa(n))
	}
	c.text(chartLeft, top-8, "panel", "", "Connections to "+p.to+" (lines), requests that waited for one in that second (bars)")
	for _, s := range p.healed {
		if s.waits > 0 {
			x1, x2 := c.clampPx(s.x), c.clampPx(s.x+1)
			c.rect(x1+1, scale(s.waits), x2-x1-2, bottom-scale(s.waits), "waits")
		}
	}
	for _, of := range []struct {
		steps []poolStep
		class string
	}{{p.control, "control"}, {p.healed, "healed"}} {
		var path []step
		for _, s := range of.steps {
			if s.x+1 >= c.from && s.x <= c.to {
				path = append(path, step{x: s.x, share: float64(s.open)})
			}
		}
		if len(path) > 0 {
			c.put("path", "d", c.stairs(path, func(s step) (float64, bool) {
				return scale(int(math.Round(s.share))), true
			}), "class", of.class)
		}
	}
}
