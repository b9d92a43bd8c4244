package assertions

import (
	"fmt"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// NoAcknowledgedWriteLost asks for every write that was acknowledged to be there
// when the run ends. It has no arguments.
type NoAcknowledgedWriteLost struct{}

// Check makes the fold.
func (NoAcknowledgedWriteLost) Check() (Check, error) { return &noAcknowledgedWriteLost{}, nil }

type noAcknowledgedWriteLost struct {
	writes  timeline.Writes
	audited bool
}

func (c *noAcknowledgedWriteLost) Observe(e timeline.Event) {
	if e.Writes != nil {
		c.writes, c.audited = *e.Writes, true
	}
}

func (c *noAcknowledgedWriteLost) Verdict() Result {
	w := c.writes
	r := Result{ID: "noAcknowledgedWriteLost", Limit: "0 lost"}
	if !c.audited {
		return r.unsure("the writes were not read back")
	}
	r.Measured = fmt.Sprintf("%d lost of %d acknowledged", w.Lost, w.Acknowledged)
	if w.Asked != w.Acknowledged {
		r.Measured += fmt.Sprintf(", %d of %d read back", w.Asked, w.Acknowledged)
	}
	switch {
	case w.Lost > 0 && len(w.LostIDs) > 0:
		return r.fail(fmt.Sprintf("acknowledged writes are gone, %s the first of them", w.LostIDs[0]))
	case w.Lost > 0:
		return r.fail("acknowledged writes are gone")
	case w.Acknowledged == 0:
		return r.unsure("no write was acknowledged, so none could be lost")
	case w.Unread > 0:
		return r.unsure(fmt.Sprintf("%d of the writes could not be read back", w.Unread))
	case w.Asked == 0, w.Found < w.Asked:
		return r.unsure(fmt.Sprintf("only %d of %d writes were read back", w.Found, w.Acknowledged))
	case w.Asked < w.Acknowledged:
		return r.pass(fmt.Sprintf("every acknowledged write was found of the %d that were read back, evenly spread over the run", w.Asked))
	default:
		return r.pass("every acknowledged write was found")
	}
}
