package assertions

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// RecoverWithin asks for recovery within a time of the confirmed fault, while
// the fault lasts, and for it to hold. As an argument "8s" is {within: 8s}.
type RecoverWithin struct {
	// Within is the most that TTM may be; required.
	Within Duration `json:"within"`
	// Sustained is how long the steady state must hold from then on; 0: as the
	// scenario says, else 10 s.
	Sustained Duration `json:"sustained,omitempty"`
}

// UnmarshalJSON reads the time alone or the fields.
func (a *RecoverWithin) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return a.Within.UnmarshalJSON(b)
	}
	type fields RecoverWithin
	return decode(b, (*fields)(a))
}

// Check makes the fold.
func (a RecoverWithin) Check() (Check, error) {
	if err := deadline(a.Within); err != nil {
		return nil, err
	}
	return &recoverWithin{args: a, meter: recovery.Meter{Sustained: time.Duration(a.Sustained)}}, nil
}

type recoverWithin struct {
	args      RecoverWithin
	meter     recovery.Meter
	sustained time.Duration
}

func (c *recoverWithin) Observe(e timeline.Event) {
	if e.Header != nil {
		c.sustained = cmp.Or(time.Duration(c.args.Sustained), e.Header.Sustained, 10*time.Second)
	}
	c.meter.Observe(e)
}

func (c *recoverWithin) Verdict() Result {
	rec := c.meter.Recovery()
	within := time.Duration(c.args.Within)
	r := Result{ID: "recoverWithin", Limit: fmt.Sprintf("within %s, sustained for %s", within, c.sustained)}
	if rec.InjectedAt == nil {
		return r.unsure("no fault was confirmed, so there is nothing to recover from")
	}
	if rec.TTM == nil {
		observed := rec.ObservedUntil - *rec.InjectedAt
		r.Measured = fmt.Sprintf("not recovered in the %s observed", span(observed))
		switch {
		case rec.TTMAtLeast != nil && *rec.TTMAtLeast <= within:
			return r.unsure("observation ended too early to tell: recovery was still possible in time")
		case rec.RecoverAfterRevert != nil:
			return r.fail(fmt.Sprintf("users were not served again while the fault lasted; only after our own revert, in %s, which is no healing", span(*rec.RecoverAfterRevert)))
		default:
			return r.fail("users were not served again while the fault lasted")
		}
	}
	r.Measured = span(*rec.TTM)
	switch {
	case *rec.TTM > within:
		return r.fail(fmt.Sprintf("recovery took %s too long", span(*rec.TTM-within)))
	case rec.EndedBad:
		return r.fail("it recovered in time but did not stay: it was bad again when observation ended")
	case *rec.TTM == 0:
		return r.pass("the steady state held throughout")
	default:
		return r.pass("users were served again in time, and it held")
	}
}
