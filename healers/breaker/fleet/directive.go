package fleet

import "time"

// Do is what a directive says.
type Do string

// What directives say.
const (
	Nothing Do = ""
	Close   Do = "close" // the breakers, in the member's slot
	Hold    Do = "hold"  // try nothing, and close nothing
)

// Directive is what members of a dependency are to do, as one of them is told it. The
// latest replaces those before it.
type Directive struct {
	Sequence uint64
	Do       Do
	In       time.Duration // Close: until the member's slot
	For      time.Duration // Hold: how long
}

// directive is one for all members.
type directive struct {
	sequence     uint64
	do           Do
	begun, until time.Duration
}

// ramping: breakers are being closed, one after the other.
func (d *dependency) ramping(now time.Duration) bool {
	return d.directive.do == Close && now < d.directive.until
}

// Directive is what the member is to do if that is newer than after.
func (c *Core) Directive(now time.Duration, id string, after uint64) (Directive, error) {
	m, err := c.member(now, id)
	if err != nil {
		return Directive{}, err
	}
	e := m.of.directive
	out := Directive{Sequence: e.sequence}
	if e.sequence == after || now >= e.until+c.set.Lease { // a slot at the end may be heard of late
		return out, nil
	}
	switch out.Do = e.do; e.do {
	case Close:
		out.In = max(0, e.begun+spot(uint64(m.index), e.until-e.begun)-now)
	case Hold:
		out.For = max(0, e.until-now)
	case Nothing:
	}
	return out, nil
}

// passed: the dependency did what was asked of it.
func (c *Core) passed(now time.Duration, d *dependency) {
	if d.passes++; d.open == 0 || d.ramping(now) {
		d.passes = 0 // what passed while nobody needed it says nothing when somebody does
	}
	if d.passes < d.set.Passes {
		return
	}
	d.passes, d.closed, d.reopened, d.hold = 0, 0, 0, now
	c.direct(d, directive{do: Close, begun: now, until: now + d.set.RampOver})
}

// relapse ends a ramp in which breakers open again: at least three, and a tenth of those
// that have closed.
func (c *Core) relapse(now time.Duration, d *dependency) {
	if d.reopened >= 3 && 10*d.reopened >= d.closed {
		d.passes = 0
		c.hold(now, d, d.set.HoldFor)
	}
}

// hold keeps all from trying. One that goes on is told when half of it is over, not with
// every probe.
func (c *Core) hold(now time.Duration, d *dependency, howLong time.Duration) {
	if d.directive.do == Hold && d.hold-now > howLong/2 {
		return
	}
	d.hold = now + howLong
	c.direct(d, directive{do: Hold, begun: now, until: d.hold})
}

func (c *Core) direct(d *dependency, e directive) {
	e.sequence = d.directive.sequence + 1
	d.directive = e
	c.version++
}
