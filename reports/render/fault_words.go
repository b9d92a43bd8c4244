package render

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// called is what people call the target of a fault.
func called(target string) string {
	target = oneLine(target)
	if to, ok := strings.CutPrefix(target, "traffic:"); ok {
		return "traffic to " + to
	}
	return target
}

// broken is a fault with its target in a few words.
func broken(fault, target string) string {
	fault, target = oneLine(fault), called(target)
	if fault == "rollout" {
		return "rollout of " + target
	}
	return fault + " " + target
}

// effect is what a fault of traffic has users do; empty: it is of something else, or its
// arguments do not tell.
func effect(h timeline.Header, id string) string {
	i := slices.IndexFunc(h.Faults, func(p timeline.Planned) bool { return p.ID == id })
	if i < 0 || !strings.HasPrefix(h.Faults[i].Target, "traffic:") {
		return ""
	}
	var args struct {
		Factor float64 `json:"factor"`
	}
	if err := json.Unmarshal(h.Faults[i].Args, &args); err != nil || args.Factor <= 0 {
		return "" // the proof says it
	}
	return "users send " + strconv.FormatFloat(args.Factor, 'g', 4, 64) + " times as much"
}

// evidence is what was seen of a fault.
func (u Run) evidence(f assertions.FaultSummary) string {
	proof := oneLine(f.Evidence)
	does := effect(u.Header, f.ID)
	switch {
	case does == "" || f.ConfirmedAtSeconds == nil:
		return proof
	case proof == "":
		return does
	default:
		return does + ": " + proof
	}
}
