package render

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

//go:embed replay.css
var replayStyle string

// The geometry of the picture, beside that of the chart of a run.
const (
	replicasHeight = 250.0
	loadHeight     = 130.0
	loadColours    = 4 // in replay.css; more metrics begin again
	maxLegendName  = 44
)

// replayCanvas is a replay while it is drawn.
type replayCanvas struct {
	svg
	*Replay
}

// ReplaySVG writes one picture that needs nothing but itself: above, the replicas that are
// there, ready and wanted; below, what the ready ones bear; where they are too few both are
// shaded. It is readable in light and dark.
func ReplaySVG(w io.Writer, r Replay) error {
	c := &replayCanvas{Replay: &r}
	c.text(chartLeft, 26, "title", "", cut(oneLine(r.Title), 100))
	c.text(chartLeft, 47, "lead", "", cut(oneLine(r.Lead), 150))
	top := c.legend(96) + 18
	bottom := top + replicasHeight
	loadTop, loadBottom := bottom, bottom
	if len(r.Metrics) > 0 {
		loadTop = c.loadLegend(bottom+58) + 18
		loadBottom = loadTop + loadHeight
	}
	c.shades(top, bottom)
	c.shades(loadTop, loadBottom)
	c.times([][2]float64{{top, bottom}, {loadTop, loadBottom}}, loadBottom)
	c.replicas(top, bottom)
	if len(r.Metrics) > 0 {
		c.loads(loadTop, loadBottom)
	}
	height := loadBottom + 46
	var head svg
	head.open("svg", "xmlns", "http://www.w3.org/2000/svg", "viewBox", "0 0 "+num(chartWidth)+" "+num(height),
		"width", num(chartWidth), "height", num(height), "role", "img")
	head.tip(cut(oneLine(r.Title), 100) + ": " + cut(oneLine(r.Lead), 150))
	head.b.WriteString("\n<style>\n" + replayStyle + "</style>\n")
	head.rect(0, 0, chartWidth, height, "page")
	if _, err := io.WriteString(w, head.b.String()+c.b.String()+"</svg>\n"); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

func (c *replayCanvas) px(at time.Duration) float64 {
	share := float64(at) / float64(max(c.Length, 1))
	return chartLeft + min(max(share, 0), 1)*(chartWidth-chartLeft-chartRight)
}

// item puts words of the legend behind their sign and returns where the next may begin.
func (c *replayCanvas) item(x, y float64, words string, sign func()) float64 {
	sign()
	c.text(x+34, y+4, "legend", "", words)
	return x + 34 + textWidth(words) + 24
}

// legend tells what is what in the upper panel, below its name, and returns where the
// picture goes on.
func (c *replayCanvas) legend(y float64) float64 {
	title := "Replicas"
	if end, _ := c.replicaMarks(); c.replicasScale().beyond > end {
		title += fmt.Sprintf(" (up to %s were wanted, cut off here)", num(c.replicasScale().beyond))
	}
	c.text(chartLeft, y-18, "panel", "", title)
	x := chartLeft
	x = c.item(x, y, "replicas", func() { c.line(x, y, x+28, y, "replicas") })
	x = c.item(x, y, "of them ready", func() { c.rect(x, y-7, 28, 14, "ready") })
	x = c.item(x, y, "wanted by the metrics", func() { c.line(x, y, x+28, y, "wanted") })
	x = c.item(x, y, "minReplicas, maxReplicas", func() { c.line(x, y, x+28, y, "limit") })
	if len(c.Short) > 0 {
		c.item(x, y, "too few ready", func() { c.rect(x, y-7, 28, 14, "short") })
	}
	return y
}

// loadLegend names the metrics of the lower panel, in as many rows as they take.
func (c *replayCanvas) loadLegend(y float64) float64 {
	title, beyond := "Load of each ready replica, % of its target", c.loadScale().beyond
	switch {
	case math.IsInf(beyond, 1):
		title += " (cut off where none was ready)"
	case beyond > 0:
		title += fmt.Sprintf(" (up to %s %%, cut off here)", num(math.Round(beyond*100)))
	}
	c.text(chartLeft, y-18, "panel", "", title)
	x := chartLeft
	for i, name := range c.Metrics {
		name = cut(oneLine(name), maxLegendName)
		if x > chartLeft && x+34+textWidth(name) > chartWidth-chartRight {
			x, y = chartLeft, y+20
		}
		x = c.item(x, y, name, func() { c.line(x, y, x+28, y, loadClass(i)) })
	}
	return y
}

func loadClass(i int) string { return "load load" + strconv.Itoa(i%loadColours) }

// shades are where too few were ready; however short that was, it can be seen.
func (c *replayCanvas) shades(top, bottom float64) {
	const least = 2.0
	end := math.Inf(-1)
	for i := 0; i < len(c.Short); {
		x1, x2 := c.px(c.Short[i].From), max(c.px(c.Short[i].Until), c.px(c.Short[i].From)+least)
		for i++; i < len(c.Short) && c.px(c.Short[i].From) <= x2; i++ {
			x2 = max(x2, c.px(c.Short[i].Until)) // what meets is one, so that shades do not add up
		}
		if x1 = max(x1, end); x2 > x1 {
			c.rect(x1, top, x2-x1, bottom-top, "short")
		}
		end = x2
	}
}

// times draws the axis of time under the panels.
func (c *replayCanvas) times(panels [][2]float64, bottom float64) {
	for _, m := range c.clockMarks(13) {
		x := c.px(m.at)
		for _, p := range panels {
			if p[1] > p[0] {
				c.line(x, p[0], x, p[1], "grid")
			}
		}
		anchor := "middle"
		if x > chartWidth-chartRight-textWidth(m.label)/2 {
			anchor = "end"
		}
		c.text(x, bottom+17, "tick", anchor, m.label)
	}
	c.text(chartWidth-chartRight, bottom+35, "axis", "end", c.clockName())
}

// replicas draws the upper panel.
func (c *replayCanvas) replicas(top, bottom float64) {
	end, every := c.replicaMarks()
	height := func(n float64) float64 { return bottom - min(n, end)/end*(bottom-top) }
	for n := 0.0; n <= end; n += every {
		c.line(chartLeft, height(n), chartWidth-chartRight, height(n), "grid")
		c.text(chartLeft-8, height(n)+4, "tick", "end", num(n))
	}
	line := func(of func(*ReplayStep) int) string {
		return c.trail(func(i int) float64 { return float64(of(&c.Steps[i])) }, height)
	}
	if area := line(func(s *ReplayStep) int { return s.Ready }); area != "" {
		c.put("path", "d", area+"V"+num(bottom)+"H"+num(chartLeft)+"Z", "class", "ready")
	}
	c.limit(c.Max, "max", end, top, height)
	c.limit(c.Min, "min", end, top, height)
	c.put("path", "d", line(func(s *ReplayStep) int { return s.Wanted }), "class", "wanted")
	c.put("path", "d", line(func(s *ReplayStep) int { return s.Replicas }), "class", "replicas")
}

// replicaMarks are the end of the scale of replicas, and how far apart its marks are.
func (c *replayCanvas) replicaMarks() (end, every float64) {
	return wholeMarks(c.replicasScale().top, 6)
}

// limit is a bound of the replicas; one that is out of the picture is written at its edge.
func (c *replayCanvas) limit(n int, name string, end, top float64, height func(float64) float64) {
	words := name + " " + strconv.Itoa(n)
	if float64(n) > end {
		c.text(chartWidth-chartRight-4, top-6, "inside", "end", words+", above the picture")
		return
	}
	y := height(float64(n))
	c.line(chartLeft, y, chartWidth-chartRight, y, "limit")
	c.text(chartWidth-chartRight-4, y-5, "inside", "end", words)
}

// loads draws the lower panel, in percent of the target.
func (c *replayCanvas) loads(top, bottom float64) {
	end, every := roundUp(c.loadScale().top*100, 4)
	height := func(load float64) float64 { return bottom - min(load*100, end)/end*(bottom-top) }
	for p := 0.0; p <= end; p += every {
		c.line(chartLeft, height(p/100), chartWidth-chartRight, height(p/100), "grid")
		c.text(chartLeft-8, height(p/100)+4, "tick", "end", num(p)+" %")
	}
	c.line(chartLeft, height(1), chartWidth-chartRight, height(1), "limit")
	if t := c.tolerated(); t > 1 && t*100 < end {
		c.line(chartLeft, height(t), chartWidth-chartRight, height(t), "bound")
		c.text(chartWidth-chartRight-4, height(t)-4, "inside", "end", num(math.Round(t*100))+" % is tolerated")
	}
	for m := range c.Metrics {
		c.put("path", "d", c.trail(func(i int) float64 { return c.Steps[i].Loads[m] }, height), "class", loadClass(m))
	}
}

// trail is a path of level steps; NaN is a gap. What falls into the same pixel is
// drawn as the span of it, so that a year takes no more room than a day, and no peak of it
// is lost.
func (c *replayCanvas) trail(at func(int) float64, height func(float64) float64) string {
	var b pathWriter
	for i := 0; i < len(c.Steps); {
		x := math.Floor(c.px(c.Steps[i].At))
		first, last := at(i), at(i)
		low, high := first, first
		for i++; i < len(c.Steps) && math.Floor(c.px(c.Steps[i].At)) == x; i++ {
			last = at(i)
			low, high = math.Min(low, last), math.Max(high, last) // NaN if one is
		}
		if math.IsNaN(low) {
			b.lift(x)
			continue
		}
		b.to(x, height(first))
		if low != high {
			b.to(x, height(low))
			b.to(x, height(high))
			b.to(x, height(last))
		}
	}
	if n := len(c.Steps); n > 0 {
		b.lift(c.px(c.until(n - 1)))
	}
	return b.String()
}

// pathWriter writes a path of level lines and steps, in as few strokes as it takes.
type pathWriter struct {
	b    []byte
	x, y string // where it is, as it is written
	down bool   // it draws
}

// to goes level to x, and then to y.
func (p *pathWriter) to(x, y float64) {
	nx, ny := num(x), num(y)
	switch {
	case !p.down:
		p.b = append(p.b, "M"+nx+" "+ny...)
		p.x = nx
	case ny != p.y:
		p.level(nx)
		p.b = append(p.b, "V"+ny...)
	}
	p.y, p.down = ny, true
}

// lift goes level to x and ends the line there.
func (p *pathWriter) lift(x float64) {
	if p.down {
		p.level(num(x))
	}
	p.down = false
}

func (p *pathWriter) level(x string) {
	if x != p.x {
		p.b = append(p.b, "H"+x...)
		p.x = x
	}
}

func (p *pathWriter) String() string { return string(p.b) }
