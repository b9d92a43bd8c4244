package render

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ResultVersion is the schemaVersion of result.json. It rises when a field
// changes its meaning or goes; a new field does not raise it.
const ResultVersion = 1

// Result is result.json of one run.
type Result struct {
	SchemaVersion int              `json:"schemaVersion"`
	Verdict       timeline.Verdict `json:"verdict"`
	Aborted       bool             `json:"aborted"`
	Scenario      string           `json:"scenario"`
	Platform      string           `json:"platform"`
	Healers       string           `json:"healers"`
	// Seed is a number up to 2^64-1: read it as such, not as a float.
	Seed     uint64                    `json:"seed"`
	Run      string                    `json:"run"`
	Path     string                    `json:"path,omitempty"` // where the run's files are; empty: here
	Reasons  []string                  `json:"reasons"`        // why it is no pass
	Recovery recovery.Recovery         `json:"recovery"`
	Checks   []assertions.Result       `json:"checks"`
	Gates    []assertions.Result       `json:"gates"`
	Faults   []assertions.FaultSummary `json:"faults"`
	Actions  []assertions.Action       `json:"actions"`
	Control  *ControlResult            `json:"control"` // null: none ran
	// Scaling is of the workloads that were scaled, or could have been; left out where
	// there are none.
	Scaling  []Scaling `json:"scaling,omitempty"`
	Warnings []string  `json:"warnings"`
}

// ControlResult is the negative control in result.json. Its own verdict should
// not be pass; Missed tells whether it missed what it must.
type ControlResult struct {
	Verdict  timeline.Verdict  `json:"verdict"`
	Missed   bool              `json:"missed"`
	Reason   string            `json:"reason"`
	Healers  string            `json:"healers"`
	Recovery recovery.Recovery `json:"recovery"`
	Path     string            `json:"path"`
	Scaling  []Scaling         `json:"scaling,omitempty"`
}

// JointResult is result.json of several runs.
type JointResult struct {
	SchemaVersion int              `json:"schemaVersion"`
	Verdict       timeline.Verdict `json:"verdict"`
	Aborted       bool             `json:"aborted"`
	Runs          []Result         `json:"runs"`
}

// NewResult is result.json of a run.
func NewResult(u Run) Result {
	j := u.Judgement
	res := Result{
		SchemaVersion: ResultVersion, Verdict: u.Verdict(), Aborted: j.Aborted,
		Scenario: u.Header.Scenario, Platform: u.Header.Platform, Healers: u.Header.Healers, Seed: u.Header.Seed,
		Run: u.Header.Run, Path: u.Dir, Reasons: full(j.Reasons), Recovery: j.Recovery,
		Checks: full(j.Checks), Gates: full(j.Gates), Faults: full(j.Faults), Actions: full(j.Actions), Warnings: full(u.warnings()),
		Scaling: u.scalings(),
	}
	if c := u.Control; c != nil {
		missed, why, _ := u.missed()
		res.Control = &ControlResult{
			Verdict: c.Judgement.Verdict, Missed: missed, Reason: why,
			Healers: c.Header.Healers, Recovery: c.Judgement.Recovery, Path: c.Dir,
			Scaling: c.scalings(),
		}
	}
	return res
}

// full makes what is empty an empty list, for null would be one more case for
// every reader.
func full[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// JSON writes result.json: a [Result] for one run, else a [JointResult].
func JSON(w io.Writer, r Report) error {
	var v any
	if len(r.Runs) == 1 {
		v = NewResult(r.Runs[0])
	} else {
		all := JointResult{SchemaVersion: ResultVersion, Verdict: r.Verdict(), Aborted: r.Aborted(), Runs: []Result{}}
		for _, u := range r.Runs {
			all.Runs = append(all.Runs, NewResult(u))
		}
		v = all
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write result.json: %w", err)
	}
	return nil
}
