package healers

import (
	"encoding/json"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
)

const tellName = "tell"

var tellHealer = Definition{
	Name:      tellName,
	Summary:   "tells people what no act of healing is for: a blind prober, a storm, a shared dependency, what recurs",
	Of:        []FindingKind{FindingBlind, FindingShared, FindingStorm, FindingRecurring},
	Order:     5,
	Retry:     backoff.Config{Initial: time.Minute, Max: time.Hour},
	PageAfter: 1,
	Healer:    proposal(proposeTelling),
}

// proposeTelling wakes a person, but for a prober that cannot look: nothing is known to
// be wrong with the system then.
func proposeTelling(_ *View, f Finding) []Plan {
	verb := VerbPage
	if f.Kind == FindingBlind {
		verb = VerbNotify
	}
	return []Plan{telling("tell", verb, f, textFinding(&f))}
}

// telling is a plan that does nothing but tell people of a finding, once.
func telling(healer string, v Verb, f Finding, text string) Plan {
	args, err := json.Marshal(Message{Text: text})
	if err != nil {
		args = nil // not possible: a string
	}
	return Plan{
		Healer: healer, Runbook: f.Runbook, Targets: []sut.Target{f.Target},
		Steps: []PlanStep{{Verb: v, Target: f.Target, Args: args}},
	}
}
