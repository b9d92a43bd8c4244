package render

import "strconv"

// replicaPanel is drawn below latency: the replicas of a workload that was scaled.
type replicaPanel struct {
	name            string
	min, max        int
	healed, control *replicaSteps // control may be nil
}

// replicaSteps are what of a run falls into its picture.
type replicaSteps struct {
	asked, ready []level
	until        float64
}

// level is a number from a moment on.
type level struct {
	x   float64
	n   int
	tip string
}

const (
	maxReplicaPanels = 2
	replicaHeight    = 108.0
)

// replicaPanels are for the workloads that were scaled most.
func (u Run) replicaPanels() []panel {
	var all []panel
	for _, id := range u.scaledWorkloads() {
		if len(all) == maxReplicaPanels {
			break
		}
		p := &replicaPanel{name: workloadName(id), healed: u.replicaSteps(id), control: u.Control.replicaSteps(id)}
		for _, r := range []*replicas{u.replicasOf(id), u.Control.replicasOf(id)} {
			if r != nil && p.min == 0 && p.max == 0 {
				p.min, p.max = r.min, r.max
			}
		}
		all = append(all, p)
	}
	return all
}

func (u *Run) replicaSteps(id string) *replicaSteps {
	r := u.replicasOf(id)
	if r == nil {
		return nil
	}
	from, to := u.extent()
	s := &replicaSteps{until: to}
	for _, d := range r.desired {
		l := level{x: u.story.since(d.at), n: d.to}
		if d.says != "" {
			l.tip = r.name + ", " + offset(l.x) + ": " + d.says
			if n := u.story.numberOf(d.act); n > 0 {
				l.tip += " (act " + strconv.Itoa(n) + ")"
			}
		}
		s.asked = within(s.asked, l, from, to)
	}
	for _, y := range r.ready {
		s.ready = within(s.ready, level{x: u.story.since(y.at), n: y.n}, from, to)
	}
	return s
}

// within adds a level to those of a picture from from to to; what was before its
// beginning is how it begins.
func within(all []level, l level, from, to float64) []level {
	if l.x >= to {
		return all
	}
	if l.x <= from {
		return []level{{x: from, n: l.n}}
	}
	return append(all, l)
}

// most is the top of the scale, which shows the bound above where that would not press
// the rest to the ground.
func (p *replicaPanel) most() int {
	top := 1
	for _, s := range []*replicaSteps{p.healed, p.control} {
		if s == nil {
			continue
		}
		for _, all := range [][]level{s.asked, s.ready} {
			for _, l := range all {
				top = max(top, l.n)
			}
		}
	}
	if p.max <= 2*top {
		top = max(top, p.max)
	}
	return top
}

func (p *replicaPanel) room() (above, height float64) { return panelGap + legendRow, replicaHeight }

func (p *replicaPanel) draw(c *canvas, top, bottom float64) {
	scale, end := c.wholeScale(p.most(), 4, top, bottom)
	keys := []key{c.lineKey("asked for", "asked"), c.areaKey("ready", "ready")}
	moved := p.control != nil && len(p.control.asked) > 1
	if moved {
		keys = append(keys, c.lineKey("asked for in the control", "asked asked-control"))
	}
	if p.control != nil {
		keys = append(keys, c.lineKey("ready in the control", "control"))
	}
	if p.min > 0 || p.max > 0 {
		keys = append(keys, c.lineKey("least and most that the policy allows", "limit"))
	}
	c.keys(top, "Replicas of "+p.name, keys...)
	if p.healed != nil {
		if d := c.levels(p.healed.ready, p.healed.until, scale); d != "" {
			c.put("path", "d", d+"V"+num(bottom)+"H"+num(c.clampPx(p.healed.ready[0].x))+"Z", "class", "ready")
		}
	}
	c.limit(p.max, "max", end, scale, top, 13)
	c.limit(p.min, "min", end, scale, top, -5)
	if p.control != nil {
		if moved {
			c.put("path", "d", c.levels(p.control.asked, p.control.until, scale), "class", "asked asked-control")
		}
		if d := c.levels(p.control.ready, p.control.until, scale); d != "" {
			c.put("path", "d", d, "class", "control")
		}
		c.steps(p.control.asked, scale, "change asked-control")
	}
	if p.healed != nil && len(p.healed.asked) > 0 {
		c.put("path", "d", c.levels(p.healed.asked, p.healed.until, scale), "class", "asked")
		c.steps(p.healed.asked, scale, "change")
	}
}

// limit is a bound of the policy, its words dy beside it; one that is out of the picture is
// written at its edge.
func (c *canvas) limit(n int, name string, end float64, scale func(float64) float64, top, dy float64) {
	if n <= 0 {
		return
	}
	words, x := name+" "+strconv.Itoa(n), chartWidth-chartRight-4
	if float64(n) > end {
		c.text(x, top-8-legendRow, "inside", "end", words+", above the picture")
		return
	}
	y := scale(float64(n))
	c.line(chartLeft, y, chartWidth-chartRight, y, "limit")
	c.text(x, y+dy, "inside", "end", words)
}

// levels is a path of level lines and steps, until the run's end.
func (c *canvas) levels(all []level, until float64, scale func(float64) float64) string {
	var b pathWriter
	for _, l := range all {
		b.to(c.clampPx(l.x), scale(float64(l.n)))
	}
	b.lift(c.clampPx(until))
	return b.String()
}

// steps puts a dot where another number was asked for, which tells why.
func (c *canvas) steps(all []level, scale func(float64) float64, class string) {
	for _, l := range all {
		if l.tip == "" {
			continue
		}
		c.open("circle", "cx", num(c.clampPx(l.x)), "cy", num(scale(float64(l.n))), "r", "3.5", "class", class)
		c.tip(l.tip)
		c.end("circle")
	}
}

// numberOf is the number of an act in the list below the picture; 0: it has none.
func (s story) numberOf(act string) int {
	for _, a := range s.acts {
		if act != "" && a.id == act {
			return a.n
		}
	}
	return 0
}
