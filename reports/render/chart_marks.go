package render

import (
	"cmp"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

func escape(s string) string { return html.EscapeString(s) }

// placed says which row each thing of a list goes to, and how many rows there are.
type placed struct {
	row  []int
	rows int
}

// placeRules finds a row for each rule's label; a label that would leave the
// picture hangs to the left of its line.
func (c *canvas) placeRules() placed {
	var r rows
	p := placed{row: make([]int, len(c.rules))}
	for i, u := range c.rules {
		x1, x2, _ := c.ruleLabel(u)
		p.row[i] = r.place(x1, x2)
	}
	p.rows = len(r.taken)
	return p
}

func (c *canvas) ruleLabel(u rule) (x1, x2 float64, anchor string) {
	x, w := c.clampPx(u.x), textWidth(u.label)+14
	if x+w > chartWidth-4 {
		return x - w, x, "end"
	}
	return x, x + w, "start"
}

func (c *canvas) drawRules(p placed, top float64) {
	for i, u := range c.rules { // all lines first, so that no line crosses words
		x := c.clampPx(u.x)
		c.line(x, top+float64(p.row[i])*labelRow+2, x, c.bottom, "rule "+u.class)
	}
	for i, u := range c.rules {
		_, _, anchor := c.ruleLabel(u)
		dx := 5.0
		if anchor == "end" {
			dx = -5
		}
		c.text(c.clampPx(u.x)+dx, top+float64(p.row[i])*labelRow+12, "label "+u.class, anchor, u.label)
	}
}

// dots marks on the healed curve the moment from which users were served again.
func (c *canvas) dots(top float64) {
	for _, u := range c.rules {
		cv := c.healed
		if u.class == "rule-control" {
			cv = c.control
		}
		if !u.dot || cv == nil {
			continue
		}
		y := top
		for _, s := range cv.steps {
			if s.x <= u.x+0.01 && u.x < s.x+1 && !math.IsNaN(s.share) {
				y = top + (1-s.share)*shareHeight
			}
		}
		x := c.clampPx(u.x)
		c.put("path", "d", "M"+num(x)+" "+num(y-7)+"l7 7l-7 7l-7 -7Z", "class", "dot "+u.class)
	}
}

// union is the time in which any of them was active, so that shades do not add up.
func union(bars []bar) []bar {
	sorted := slices.Clone(bars)
	slices.SortFunc(sorted, func(a, b bar) int { return cmp.Compare(a.from, b.from) })
	var all []bar
	for _, b := range sorted {
		if n := len(all); n > 0 && b.from <= all[n-1].to {
			all[n-1].to = math.Max(all[n-1].to, b.to)
		} else {
			all = append(all, b)
		}
	}
	return all
}

// maxFaultRows bounds the lane of faults; what does not fit is counted.
const maxFaultRows = 5

func (c *canvas) placeFaults() placed {
	var r rows
	p := placed{row: make([]int, len(c.faults))}
	for i, f := range c.faults {
		x1 := c.clampPx(f.from)
		p.row[i] = r.place(x1, math.Max(c.clampPx(f.to), x1+textWidth(f.label)+14))
	}
	p.rows = min(len(r.taken), maxFaultRows+1) // the last is for how many there are besides
	return p
}

func (c *canvas) drawFaults(p placed, top float64) {
	if len(c.faults) == 0 {
		return
	}
	c.text(chartLeft-8, top+14, "tick", "end", "faults")
	hidden := 0
	for i, f := range c.faults {
		if p.row[i] >= maxFaultRows {
			hidden++
			continue
		}
		x1 := c.clampPx(f.from)
		y := top + float64(p.row[i])*barRow
		c.open("g")
		c.tip(f.tip)
		c.rect(x1, y+1, math.Max(c.clampPx(f.to)-x1, 3), barRow-4, "faultbar")
		w := textWidth(f.label) + 10 // past the bar if it must
		if x1+w > chartWidth-chartRight {
			c.text(x1-5, y+13, "faultlabel", "end", f.label)
		} else {
			c.text(x1+6, y+13, "faultlabel", "", f.label)
		}
		c.end("g")
	}
	if hidden > 0 {
		c.text(chartLeft, top+maxFaultRows*barRow+13, "tick", "", "and "+strconv.Itoa(hidden)+" more, listed below")
	}
}

// group is a mark, or several so close together that one badge stands for all.
type group struct {
	marks []mark
	row   int
}

type placedLane struct {
	groups []group
	rows   int
}

const (
	badgeSize = 20.0
	maxStack  = 3 // more marks than this in one place become one badge
)

func (c *canvas) placeLane(l lane) placedLane {
	marks := slices.Clone(l.marks)
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.n, b.n)) })
	var p placedLane
	for i := 0; i < len(marks); {
		j := i + 1
		for j < len(marks) && c.clampPx(marks[j].x)-c.clampPx(marks[i].x) < badgeSize {
			j++
		}
		if j-i > maxStack {
			p.groups = append(p.groups, group{marks: marks[i:j]})
		} else {
			for _, m := range marks[i:j] {
				p.groups = append(p.groups, group{marks: []mark{m}})
			}
		}
		i = j
	}
	var r rows
	for i := range p.groups {
		g := &p.groups[i]
		x := c.clampPx(g.marks[0].x)
		half := c.badgeWidth(g.label())/2 + 1
		g.row = r.place(x-half, x+half)
	}
	p.rows = len(r.taken)
	return p
}

func (g group) label() string {
	if len(g.marks) == 1 {
		return strconv.Itoa(g.marks[0].n)
	}
	return strconv.Itoa(g.marks[0].n) + "–" + strconv.Itoa(g.marks[len(g.marks)-1].n)
}

func (c *canvas) badgeWidth(label string) float64 { return math.Max(badgeSize, textWidth(label)+9) }

func (c *canvas) drawLane(l lane, p placedLane, top, bottom float64) {
	if len(p.groups) == 0 {
		return
	}
	c.text(chartLeft-8, top+16, "tick", "end", l.name)
	class := "act"
	if l.square {
		class = "act act-control"
	}
	for _, g := range p.groups { // lines first, badges over them
		x, y := c.clampPx(g.marks[0].x), top+float64(g.row)*laneRow+laneRow/2
		c.line(x, y, x, bottom, "drop")
		for _, m := range g.marks {
			if !math.IsNaN(m.end) && c.clampPx(m.end)-x > badgeSize/2+2 {
				c.line(x, y, c.clampPx(m.end), y, class)
				c.line(c.clampPx(m.end), y-4, c.clampPx(m.end), y+4, class)
			}
		}
	}
	for _, g := range p.groups {
		x, y := c.clampPx(g.marks[0].x), top+float64(g.row)*laneRow+laneRow/2
		var tip strings.Builder
		hollow := true
		for _, m := range g.marks {
			tip.WriteString(m.tip + "\n")
			hollow = hollow && m.hollow
		}
		c.badge(x, y, g.label(), l.square, hollow, tip.String())
	}
}

// badge is a numbered mark: round, or square for the control, hollow for what
// was not done.
func (c *canvas) badge(x, y float64, label string, square, hollow bool, tip string) {
	class, radius := "badge", "10"
	if square {
		class, radius = "badge badge-control", "2"
	}
	if hollow {
		class += " hollow"
	}
	c.open("g", "class", class)
	if tip != "" {
		c.tip(tip)
	}
	w := c.badgeWidth(label)
	c.put("rect", "x", num(x-w/2), "y", num(y-badgeSize/2), "width", num(w), "height", num(badgeSize), "rx", radius)
	c.text(x, y+4, "", "middle", label)
	c.end("g")
}

// phaseStrip names the phases under the axis and returns the picture's height.
func (c *canvas) phaseStrip(y float64) float64 {
	if len(c.phases) == 0 {
		return y
	}
	c.text(chartLeft-8, y+13, "tick", "end", "phase")
	for _, p := range c.phases {
		x1, x2 := c.clampPx(p.from), c.clampPx(p.to)
		if x2-x1 < 1 {
			continue
		}
		c.open("g")
		c.tip(p.label)
		c.rect(x1, y, x2-x1-1, 18, "phase")
		if textWidth(p.label)+6 < x2-x1 {
			c.text((x1+x2)/2, y+13, "tick", "middle", p.label)
		}
		c.end("g")
	}
	return y + 22
}

// legend tells what is what and returns where the picture goes on.
func (c *canvas) legend() float64 {
	x, y := chartLeft, 12.0
	item := func(words string, draw func(x float64)) {
		draw(x)
		c.text(x+34, y+4, "legend", "", words)
		x += 34 + textWidth(words) + 24
	}
	if c.healed != nil {
		item(c.healed.name, func(x float64) { c.line(x, y, x+28, y, "healed") })
	}
	if c.control != nil {
		item(c.control.name, func(x float64) { c.line(x, y, x+28, y, "control") })
	}
	if len(c.faults) > 0 {
		item("fault active", func(x float64) { c.rect(x, y-7, 28, 14, "shade") })
	}
	for _, l := range c.lanes {
		if len(l.marks) > 0 {
			item("act, numbered as listed below", func(x float64) { c.badge(x+14, y, "1", l.square, false, "") })
			break
		}
	}
	return 30
}
