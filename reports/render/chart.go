package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// chart is the picture of one run and its control: the share of good answers
// above, latency below, both over seconds since the zero that axis names.
type chart struct {
	title string // for those who cannot see it
	axis  string // "seconds since the fault was confirmed"
	from  float64
	to    float64
	// healed and control are the two curves; control may be nil.
	healed, control *curve
	above           panel // before good answers; nil: there is none
	below           []panel
	faults          []bar
	lanes           []lane
	rules           []rule
	phases          []bar
	// lostUntil is where the shade of lost availability ends: at our own revert.
	lostUntil float64
	// atLeast (share) and atMost (latency) are the bounds of the steady state; 0: none.
	atLeast float64
	atMost  time.Duration
}

// curve is the seconds of one run.
type curve struct {
	name  string
	steps []step
}

// step is one second: from x for one second, share good answers (NaN: nothing
// was asked), p99 latency (0: nothing was answered).
type step struct {
	x, share float64
	p99      time.Duration
}

// bar is a span of time with words.
type bar struct {
	from, to float64
	label    string
	tip      string
}

// lane is a row of numbered acts.
type lane struct {
	name   string
	square bool // the control's; its shape tells it apart without colour
	marks  []mark
}

// mark is an act: n is its number in the list below the picture.
type mark struct {
	n      int
	x      float64
	end    float64 // when its outcome was known; NaN: never
	hollow bool    // it was decided against, or did not work
	tip    string
}

// rule is a moment worth a line through both panels.
type rule struct {
	x     float64
	label string
	class string // rule-fault, rule-healed, rule-control or rule-plain
	dot   bool   // with a dot on the curve: here users were served again
}

// The geometry, in px of a picture that is shown at its natural size or smaller.
const (
	chartWidth  = 1040.0
	chartLeft   = 62.0
	chartRight  = 16.0
	shareHeight = 210.0
	delayHeight = 96.0
	labelRow    = 17.0
	barRow      = 20.0
	laneRow     = 24.0
)

// canvas is a chart while it is drawn.
type canvas struct {
	svg
	chart
	bottom float64 // of the last panel
}

func (c *canvas) px(x float64) float64 {
	return chartLeft + (x-c.from)/(c.to-c.from)*(chartWidth-chartLeft-chartRight)
}

func (c *canvas) clampPx(x float64) float64 {
	return math.Min(math.Max(c.px(x), chartLeft), chartWidth-chartRight)
}

// draw returns the SVG element. id must differ among the pictures of one page.
func (ch chart) draw(id string) string {
	if ch.to <= ch.from {
		ch.to = ch.from + 1
	}
	c := &canvas{chart: ch}
	y := c.legend()
	labels := c.placeRules()
	rulesTop := y
	y += float64(labels.rows)*labelRow + 4
	faultTop := y
	faultRows := c.placeFaults()
	y += float64(faultRows.rows) * barRow
	lanesTop := y
	lanes := make([]placedLane, len(c.lanes))
	for i, l := range c.lanes {
		lanes[i] = c.placeLane(l)
		y += float64(lanes[i].rows) * laneRow
	}
	var panels [][2]float64
	if c.above != nil {
		gap, height := c.above.room()
		panels = append(panels, [2]float64{y + gap, y + gap + height})
		y += gap + height + 12
	}
	shareTop := y + 22
	shareBottom := shareTop + shareHeight
	delayTop := shareBottom + 34
	delayBottom := delayTop + delayHeight
	panels = append(panels, [2]float64{shareTop, shareBottom}, [2]float64{delayTop, delayBottom})
	c.bottom = delayBottom
	for _, p := range c.below {
		gap, height := p.room()
		c.bottom += gap + height
		panels = append(panels, [2]float64{c.bottom - height, c.bottom})
	}

	// From the back to the front: shades, grids, lines, curves, marks, words.
	for _, f := range union(c.faults) {
		x := c.clampPx(f.from)
		for _, p := range panels {
			c.rect(x, p[0], c.clampPx(f.to)-x, p[1]-p[0], "shade")
		}
	}
	c.shareGrid(shareTop, shareBottom)
	delayScale := c.delayGrid(delayTop, delayBottom)
	c.timeGrid(panels)
	c.drawRules(labels, rulesTop)
	c.text(chartLeft, shareTop-8, "panel", "", "Good answers, % of offered load")
	c.text(chartLeft, delayTop-8, "panel", "", "Latency, 99th percentile, log scale")
	c.curves(shareTop, shareBottom, delayScale)
	if c.above != nil {
		c.above.draw(c, panels[0][0], panels[0][1])
	}
	for i, p := range c.below {
		at := panels[len(panels)-len(c.below)+i]
		p.draw(c, at[0], at[1])
	}
	c.dots(shareTop)
	c.drawFaults(faultRows, faultTop)
	for i, l := range lanes {
		c.drawLane(c.lanes[i], l, lanesTop, shareBottom)
		lanesTop += float64(l.rows) * laneRow
	}
	height := c.phaseStrip(c.bottom + 40)

	var head svg
	head.open("svg", "viewBox", fmt.Sprintf("0 0 %s %s", num(chartWidth), num(height)),
		"class", "chart", "role", "img", "aria-labelledby", id+"-title")
	head.open("title", "id", id+"-title")
	return head.b.String() + escape(ch.title) + "</title>\n" + c.b.String() + "</svg>"
}

// shareGrid draws the scale of good answers.
func (c *canvas) shareGrid(top, bottom float64) {
	for _, p := range []float64{0, 25, 50, 75, 100} {
		y := bottom - p/100*(bottom-top)
		c.line(chartLeft, y, chartWidth-chartRight, y, "grid")
		c.text(chartLeft-8, y+4, "tick", "end", num(p)+" %")
	}
	if c.atLeast > 0 {
		y := bottom - c.atLeast*(bottom-top)
		c.line(chartLeft, y, chartWidth-chartRight, y, "bound")
	}
}

// delayGrid draws the logarithmic scale of latency and returns it.
func (c *canvas) delayGrid(top, bottom float64) func(time.Duration) float64 {
	low, high := math.Inf(1), c.atMost.Seconds()
	for _, cv := range []*curve{c.healed, c.control} {
		if cv == nil {
			continue
		}
		for _, s := range cv.steps {
			if s.p99 > 0 {
				low, high = math.Min(low, s.p99.Seconds()), math.Max(high, s.p99.Seconds())
			}
		}
	}
	lo, hi := -3.0, 0.0 // 1 ms to 1 s where nothing was measured
	if high > 0 {
		lo, hi = math.Floor(math.Log10(math.Min(low, high))+1e-9), math.Ceil(math.Log10(high)-1e-9)
	}
	if hi <= lo {
		hi = lo + 1
	}
	scale := func(d time.Duration) float64 {
		v := math.Log10(math.Max(d.Seconds(), math.Pow(10, lo)))
		return bottom - (v-lo)/(hi-lo)*(bottom-top)
	}
	for e := lo; e <= hi; e++ {
		d := time.Duration(math.Pow(10, e) * float64(time.Second))
		c.line(chartLeft, scale(d), chartWidth-chartRight, scale(d), "grid")
		c.text(chartLeft-8, scale(d)+4, "tick", "end", tickTime(e))
	}
	if c.atMost > 0 {
		c.line(chartLeft, scale(c.atMost), chartWidth-chartRight, scale(c.atMost), "bound")
	}
	return scale
}

func tickTime(exp float64) string {
	switch {
	case exp < -3:
		return strconv.FormatFloat(math.Pow(10, exp+6), 'f', -1, 64) + " µs"
	case exp < 0:
		return strconv.FormatFloat(math.Round(math.Pow(10, exp+3)), 'f', -1, 64) + " ms"
	default:
		return strconv.FormatFloat(math.Pow(10, exp), 'f', -1, 64) + " s"
	}
}

// timeGrid draws the axis of time under the lowest of the panels, each from its top
// to its bottom.
func (c *canvas) timeGrid(panels [][2]float64) {
	every := 1.0
	for _, e := range []float64{1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400} {
		every = e
		if (c.to-c.from)/e <= 14 {
			break
		}
	}
	for x := math.Ceil(c.from/every) * every; x <= c.to; x += every {
		for _, p := range panels {
			c.line(c.px(x), p[0], c.px(x), p[1], "grid")
		}
		c.text(c.px(x), c.bottom+16, "tick", "middle", strings.Replace(num(x), "-", "−", 1))
	}
	c.text(chartWidth-chartRight, c.bottom+33, "axis", "end", c.axis)
}
