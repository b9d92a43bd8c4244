package assertions

import (
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ErrNoHeader is what events are that do not begin with a header.
var ErrNoHeader = errors.New("the timeline has no header")

// Judgement is all that a timeline says about its run.
type Judgement struct {
	Verdict timeline.Verdict `json:"verdict"`
	// Aborted: a stop condition or a person ended the run. It is inconclusive.
	Aborted bool `json:"aborted"`
	// Control: the run is the negative control of its scenario, and Missed tells
	// whether it missed, as it must, and MissReason why. Verdict is as of any run.
	Control    bool   `json:"control,omitempty"`
	Missed     bool   `json:"missed,omitempty"`
	MissReason string `json:"missReason,omitempty"`

	Checks []Result `json:"checks"` // in the order of the header
	Gates  []Result `json:"gates"`
	// Reasons are what keeps the verdict from a pass: of the gates, where there
	// are any, else of the checks that decided. Empty: it passed.
	Reasons  []string          `json:"reasons,omitempty"`
	Recovery recovery.Recovery `json:"recovery"`
	Faults   []FaultSummary    `json:"faults"`
	Actions  []Action          `json:"actions"`
	// Warnings belong in the report and change no verdict.
	Warnings []string `json:"warnings,omitempty"`
}

// Judge computes the verdict of a run from its timeline alone. Its errors are a
// timeline without a header ([ErrNoHeader]), a check that this program does not
// have ([ErrUnknownCheck]) and arguments that it does not take ([ErrArgs]).
func Judge(events []timeline.Event) (Judgement, error) {
	if len(events) == 0 || events[0].Header == nil {
		return Judgement{}, ErrNoHeader
	}
	header := events[0].Header
	var j Judgement
	checks := make([]Check, 0, len(header.Checks))
	for i, c := range header.Checks {
		check, err := New(c)
		if err != nil {
			return Judgement{}, fmt.Errorf("check %d of the timeline: %w", i+1, err)
		}
		checks = append(checks, check)
	}
	gates := Gates()
	var meter recovery.Meter
	sum := newSummary()
	for _, e := range events {
		for _, c := range checks {
			c.Observe(e)
		}
		for _, g := range gates {
			g.Observe(e)
		}
		meter.Observe(e)
		sum.observe(e)
		j.Aborted = j.Aborted || e.Stop != nil
	}
	for _, g := range gates {
		r := g.Verdict()
		if r.Verdict == timeline.Fail {
			r.Verdict = timeline.Inconclusive // a gate says nothing about healing
		}
		j.Gates = append(j.Gates, r)
	}
	j.Checks = make([]Result, 0, len(checks))
	for _, c := range checks {
		j.Checks = append(j.Checks, c.Verdict())
	}
	j.Verdict, j.Reasons = verdict(j.Gates, j.Checks)
	j.Recovery = meter.Recovery()
	j.Faults, j.Actions, j.Warnings = sum.faults(), sum.actions, sum.warnings
	if j.Recovery.EndedBad {
		j.Warnings = append(j.Warnings, "users suffered again when observation ended")
	}
	if header.Control {
		j.Control = true
		j.Missed, j.MissReason = ControlVerdict(j, *header)
	}
	return j, nil
}

// verdict puts gates before checks, and a failed check before one that cannot
// tell. No check at all proves nothing.
func verdict(gates, checks []Result) (timeline.Verdict, []string) {
	if why := reasons(gates, timeline.Inconclusive); len(why) > 0 {
		return timeline.Inconclusive, why
	}
	if why := reasons(checks, timeline.Fail); len(why) > 0 {
		return timeline.Fail, why
	}
	if why := reasons(checks, timeline.Inconclusive); len(why) > 0 {
		return timeline.Inconclusive, why
	}
	if len(checks) == 0 {
		return timeline.Inconclusive, []string{"no check was asked for, so nothing was proven"}
	}
	return timeline.Pass, nil
}

func reasons(results []Result, v timeline.Verdict) []string {
	var all []string
	for _, r := range results {
		if r.Verdict == v {
			all = append(all, r.ID+": "+r.Reason)
		}
	}
	return all
}
