package healers

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

// replaced: the old instance goes and a new one serves, under an ID of its own or the same.
const replaced Expr = "gone && succeeded || changed && instance.ready"

var replaceHealer = Definition{
	Name:      "replace",
	Summary:   "puts a new instance in the place of one that lives but stays unready",
	Of:        []FindingKind{FindingNotReady},
	Order:     3,
	Retry:     backoff.Config{Initial: 30 * time.Second, Max: 10 * time.Minute},
	PageAfter: 1,
	Healer:    proposal(proposeReplacement),
}

func proposeReplacement(v *View, f Finding) []Plan {
	w, ok := v.Policy(f.Target.ID)
	if !ok || w.ReplaceAfter <= 0 || v.Has(FindingNotLive, f.Target.ID) || v.Has(FindingExited, f.Target.ID) {
		return nil
	}
	return []Plan{{
		Healer: "replace", Targets: []sut.Target{f.Target}, NotBefore: f.Since + w.ReplaceAfter,
		Steps: []PlanStep{{
			Verb: verbReplace, Target: f.Target, Args: grace(w.Restart.Grace), Verify: replaced, Within: 15*time.Second + startsWithin(w),
		}},
	}}
}
