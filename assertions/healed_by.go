package assertions

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// HealedBy asks who brought recovery about. As an argument "healer" is
// {by: healer}.
type HealedBy struct {
	// By is healer, platform, revert or none; required.
	By recovery.RestoredBy `json:"by"`
}

// UnmarshalJSON reads the name alone or the field.
func (a *HealedBy) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return json.Unmarshal(b, &a.By)
	}
	type fields HealedBy
	return decode(b, (*fields)(a))
}

// Check makes the fold.
func (a HealedBy) Check() (Check, error) {
	switch a.By {
	case recovery.ByHealer, recovery.ByPlatform, recovery.ByRevert, recovery.ByNone:
		return &healedBy{args: a}, nil
	default:
		return nil, fmt.Errorf("by: %q is none of healer, platform, revert, none", a.By)
	}
}

type healedBy struct {
	args  HealedBy
	meter recovery.Meter
}

func (c *healedBy) Observe(e timeline.Event) { c.meter.Observe(e) }

func (c *healedBy) Verdict() Result {
	rec := c.meter.Recovery()
	r := Result{ID: "healedBy", Limit: "by " + string(c.args.By)}
	if rec.InjectedAt == nil {
		return r.unsure("no fault was confirmed, so there was nothing to heal")
	}
	r.Measured = "by " + string(rec.RestoredBy)
	if rec.RestoredBy != c.args.By {
		return r.fail(fmt.Sprintf("restored by %s, not by %s", rec.RestoredBy, c.args.By))
	}
	return r.pass("restored by " + string(rec.RestoredBy))
}
