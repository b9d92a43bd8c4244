package render

import "fmt"

// calleePanel is drawn below latency: what users ask of a workload, what its clients send
// there, and where their breakers stand.
type calleePanel struct {
	to              string
	most            int // the top of the scale
	healed, control *calleeSteps
}

// calleeSteps are the seconds of a run.
type calleeSteps struct {
	calls, attempts []step
	states          []bar  // seconds at whose end a breaker was not closed
	half            []bool // of each of them: one was half-open
}

const (
	maxCalleePanels = 2
	calleeHeight    = 84.0
	stateHeight     = 9.0 // of the band of states, below the panel's top
)

// calleePanels are for the workloads that had the most trouble; none where no client
// tells of its calls.
func (u Run) calleePanels() []panel {
	var all []panel
	for _, to := range u.shownCallees() {
		p := &calleePanel{to: to, most: 1, healed: u.calleeSteps(to), control: u.Control.calleeSteps(to)}
		for _, s := range []*calleeSteps{p.healed, p.control} {
			if s == nil {
				continue
			}
			for i := range s.calls {
				p.most = max(p.most, int(s.calls[i].share), int(s.attempts[i].share))
			}
		}
		all = append(all, p)
	}
	return all
}

func (u *Run) calleeSteps(to string) *calleeSteps {
	q := u.calleeOf(to)
	if q == nil {
		return nil
	}
	from, until := u.extent()
	s := &calleeSteps{}
	for _, n := range q.seconds {
		x := u.story.since(n.at) - 1 // it was told at its end
		if x+1 < from || x > until {
			continue
		}
		s.calls = append(s.calls, step{x: x, share: float64(n.calls)})
		s.attempts = append(s.attempts, step{x: x, share: float64(n.attempts)})
		if n.open+n.half > 0 {
			s.states = append(s.states, bar{from: x, to: x + 1, tip: fmt.Sprintf("%s at %s: %d open, %d half-open, %s refused, %s sent",
				q.to, offset(x+1), n.open, n.half, count(n.rejected), count(n.attempts))})
			s.half = append(s.half, n.half > 0)
		}
	}
	return s
}

func (p *calleePanel) room() (above, height float64) { return panelGap + legendRow, calleeHeight }

func (p *calleePanel) draw(c *canvas, top, bottom float64) {
	scale, _ := c.wholeScale(p.most, 3, top, bottom)
	keys := []key{c.areaKey("first calls", "ready"), c.lineKey("attempts", "healed")}
	if p.control != nil {
		keys = append(keys, c.lineKey("attempts in the control", "control"))
	}
	if p.healed != nil && len(p.healed.states) > 0 {
		keys = append(keys, c.areaKey("a breaker is open", "open"), c.areaKey("or half-open", "half"))
	}
	c.keys(top, "Attempts and first calls to "+p.to+", per second", keys...)
	at := func(s step) (float64, bool) { return scale(s.share), true }
	if p.healed != nil {
		for _, s := range p.healed.calls {
			x1, x2 := c.clampPx(s.x), c.clampPx(s.x+1)
			c.rect(x1, scale(s.share), x2-x1, bottom-scale(s.share), "ready")
		}
	}
	if p.control != nil {
		c.put("path", "d", c.stairs(p.control.attempts, at), "class", "control")
	}
	if p.healed == nil {
		return
	}
	for i, s := range p.healed.states {
		class := "open"
		if p.healed.half[i] {
			class = "half"
		}
		x1, x2 := c.clampPx(s.from), c.clampPx(s.to)
		c.open("rect", "x", num(x1), "y", num(top), "width", num(x2-x1), "height", num(stateHeight), "class", class)
		c.tip(s.tip)
		c.end("rect")
	}
	c.put("path", "d", c.stairs(p.healed.attempts, at), "class", "healed")
}
