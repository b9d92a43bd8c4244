package render

import "math"

// panel is a part of a chart besides good answers and latency, in the same time.
type panel interface {
	// room is how much it takes above itself for its name and legend, and its height.
	room() (above, height float64)
	draw(c *canvas, top, bottom float64)
}

const (
	panelGap  = 34.0 // above a panel with a name
	legendRow = 20.0 // for a legend of its own
)

// key is a part of the legend of a panel.
type key struct {
	words string
	draw  func(x, y float64)
}

// lineKey and areaKey are keys of what is drawn in a class.
func (c *canvas) lineKey(words, class string) key {
	return key{words, func(x, y float64) { c.line(x, y, x+28, y, class) }}
}

func (c *canvas) areaKey(words, class string) key {
	return key{words, func(x, y float64) { c.rect(x, y-7, 28, 14, class) }}
}

// keys puts the name of a panel and its legend above it.
func (c *canvas) keys(top float64, name string, all ...key) {
	c.text(chartLeft, top-8-legendRow, "panel", "", name)
	width := 0.0
	for _, k := range all {
		width += 34 + textWidth(k.words) + 24
	}
	x, y := chartLeft, top-14
	c.rect(x, y-9, math.Min(width, chartWidth-chartRight-x), 18, "page") // no line runs through words
	for _, k := range all {
		k.draw(x, y)
		c.text(x+34, y+4, "legend", "", k.words)
		x += 34 + textWidth(k.words) + 24
	}
}

// wholeScale draws the scale of what there is no half of, and returns it.
func (c *canvas) wholeScale(most, marks int, top, bottom float64) (scale func(float64) float64, end float64) {
	end, every := wholeMarks(math.Max(float64(most), 1), marks)
	scale = func(n float64) float64 { return bottom - math.Min(n, end)/end*(bottom-top) }
	for n := 0.0; n <= end; n += every {
		c.line(chartLeft, scale(n), chartWidth-chartRight, scale(n), "grid")
		c.text(chartLeft-8, scale(n)+4, "tick", "end", num(n))
	}
	return scale, end
}

// loadPanel is drawn above good answers where users did not always send the same: what
// they sent, and what of it was answered well.
type loadPanel struct {
	most            int
	healed, control *loadSteps
}

type loadSteps struct{ offered, good []step }

// unequal is how many times the rate must be offered in a second for it to be another
// load, and not just how seconds happened to be cut.
const unequal = 1.5

// loadPanel is nil where the load was as the header says.
func (u Run) loadPanel() panel {
	p := &loadPanel{healed: u.loadSteps()}
	if u.Control != nil {
		p.control = u.Control.loadSteps()
	}
	for _, l := range []*loadSteps{p.healed, p.control} {
		if l == nil {
			continue
		}
		for _, s := range l.offered {
			p.most = max(p.most, int(s.share))
		}
	}
	if float64(p.most) < unequal*u.Header.Rate || u.Header.Rate <= 0 {
		return nil
	}
	return p
}

func (u Run) loadSteps() *loadSteps {
	var l loadSteps
	for _, p := range u.Judgement.Recovery.Curve {
		x := u.story.since(p.Start)
		l.offered = append(l.offered, step{x: x, share: float64(p.Offered)})
		l.good = append(l.good, step{x: x, share: float64(p.Good)})
	}
	if n := len(l.offered); n > 1 && l.offered[n-1].share < l.offered[n-2].share {
		l.offered, l.good = l.offered[:n-1], l.good[:n-1] // the load ended within it
	}
	return &l
}

func (p *loadPanel) room() (above, height float64) { return panelGap - 4 + legendRow, 84 }

func (p *loadPanel) draw(c *canvas, top, bottom float64) {
	scale, _ := c.wholeScale(p.most, 3, top, bottom)
	keys := []key{c.lineKey("sent by users", "healed"), c.areaKey("answered well", "ready")}
	if p.control != nil {
		keys = append(keys, c.lineKey("answered well in the control", "control"))
	}
	c.keys(top, "Requests per second", keys...)
	at := func(s step) (float64, bool) { return scale(s.share), true }
	for _, s := range p.healed.good {
		x1, x2 := c.clampPx(s.x), c.clampPx(s.x+1)
		c.rect(x1, scale(s.share), x2-x1, bottom-scale(s.share), "ready")
	}
	if p.control != nil {
		c.put("path", "d", c.stairs(p.control.good, at), "class", "control")
	}
	c.put("path", "d", c.stairs(p.healed.offered, at), "class", "healed")
}
