package assertions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ControlVerdict tells whether a negative control missed, as it must: whether
// every one of header.Misses failed in it, or any check where that is empty. A
// control that met its objective or one of them, was stopped, or whose gates did
// not hold has not missed: then the healed run proves nothing, and reason says why.
func ControlVerdict(control Judgement, header timeline.Header) (missed bool, reason string) {
	if control.Aborted || len(reasons(control.Gates, timeline.Inconclusive)) > 0 {
		return false, "the control is inconclusive: " + strings.Join(control.Reasons, "; ")
	}
	var failed, why, met, unsure []string
	asked := map[string]bool{}
	for _, r := range control.Checks {
		if len(header.Misses) > 0 && !slices.Contains(header.Misses, r.ID) {
			continue
		}
		asked[r.ID] = true
		switch r.Verdict {
		case timeline.Fail:
			failed, why = append(failed, r.ID), append(why, r.Reason)
		case timeline.Inconclusive:
			unsure = append(unsure, r.ID+": "+r.Reason)
		case timeline.Pass:
			met = append(met, r.ID)
		default:
		}
	}
	if len(header.Misses) == 0 && len(failed) > 0 {
		failed, why, met, unsure = failed[:1], why[:1], nil, nil // one is enough
	}
	unasked := slices.DeleteFunc(slices.Clone(header.Misses), func(id string) bool { return asked[id] })
	switch {
	case len(met) > 0 && (len(unsure) == 0 || len(header.Misses) > 0):
		return false, "the control met " + strings.Join(met, " and ") + " as well, so the healed run proves nothing"
	case len(unsure) > 0:
		return false, "the control is inconclusive: " + strings.Join(unsure, "; ")
	case len(failed) == 0:
		return false, "the control was asked for nothing that it could miss"
	case len(unasked) > 0:
		return false, "the control was not asked for " + strings.Join(unasked, " and ") + ", which it must miss"
	default:
		return true, fmt.Sprintf("the control missed %s, as it must: %s", strings.Join(failed, " and "), strings.Join(why, "; "))
	}
}

// The exit codes of a run that was started.
const (
	ExitPass         = 0
	ExitFail         = 1
	ExitInconclusive = 3
	ExitAborted      = 4
)

// ExitCode is that of one or several runs: of what they are, the first of
// aborted, failed, inconclusive, else pass. A control that missed counts as a
// pass and one that did not as inconclusive. No run at all, since all were
// skipped, is a pass.
func ExitCode(js ...Judgement) int {
	var failed, unsure bool
	for _, j := range js {
		switch {
		case j.Aborted:
			return ExitAborted
		case j.Control && j.Missed:
		case j.Control:
			unsure = true
		case j.Verdict == timeline.Fail:
			failed = true
		case j.Verdict != timeline.Pass:
			unsure = true
		}
	}
	switch {
	case failed:
		return ExitFail
	case unsure:
		return ExitInconclusive
	default:
		return ExitPass
	}
}
