package render

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// curves draws the control behind and the healed run before it.
func (c *canvas) curves(top, bottom float64, delay func(time.Duration) float64) {
	height := func(s step) (float64, bool) { return bottom - s.share*(bottom-top), !math.IsNaN(s.share) }
	late := func(s step) (float64, bool) { return delay(s.p99), s.p99 > 0 }
	if c.healed != nil {
		c.put("path", "d", c.lost(c.healed.steps, top, bottom), "class", "lost")
	}
	if c.control != nil {
		c.put("path", "d", c.stairs(c.control.steps, height), "class", "control")
		c.put("path", "d", c.stairs(c.control.steps, late), "class", "control")
	}
	if c.healed != nil {
		c.put("path", "d", c.stairs(c.healed.steps, height), "class", "healed")
		c.put("path", "d", c.stairs(c.healed.steps, late), "class", "healed")
	}
}

// stairs is a path of level seconds; a second without a value is a gap.
func (c *canvas) stairs(steps []step, at func(step) (float64, bool)) string {
	var b strings.Builder
	joined := false
	for i, s := range steps {
		y, ok := at(s)
		if !ok {
			joined = false
			continue
		}
		if joined && math.Abs(steps[i-1].x+1-s.x) < 0.01 {
			b.WriteString("V" + num(y))
		} else {
			b.WriteString("M" + num(c.clampPx(s.x)) + " " + num(y))
		}
		b.WriteString("H" + num(c.clampPx(s.x+1)))
		joined = true
	}
	return b.String()
}

// lost is the area between all good and what was, from the fault on.
func (c *canvas) lost(steps []step, top, bottom float64) string {
	var b strings.Builder
	for _, s := range steps {
		if math.IsNaN(s.share) || s.share >= 1 || s.x <= -1 || s.x >= c.lostUntil {
			continue
		}
		x1, x2 := c.clampPx(s.x), c.clampPx(math.Min(s.x+1, c.lostUntil))
		fmt.Fprintf(&b, "M%s %sH%sV%sH%sZ", num(x1), num(top), num(x2), num(bottom-s.share*(bottom-top)), num(x1))
	}
	return b.String()
}
