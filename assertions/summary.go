package assertions

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// FaultSummary is what became of one planned fault.
type FaultSummary struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Target string `json:"target"`
	// State is the last that was recorded; empty: it was never injected.
	State timeline.FaultState `json:"state,omitempty"`
	// Evidence is what was seen of its effect; empty: nothing.
	Evidence string `json:"evidence"`
	// ConfirmedAtSeconds and RevertedAtSeconds are on the run's clock; null: never.
	ConfirmedAtSeconds *float64 `json:"confirmedAtSeconds"`
	RevertedAtSeconds  *float64 `json:"revertedAtSeconds"`
	// Residue is what it left behind, as far as it can be told whose it is.
	Residue []string `json:"residue"`
}

// Action is one act of the engine, telling people among them, or one that its
// guard held back.
type Action struct {
	// ID is the act's in the engine's journal; empty: it was held back.
	ID     string `json:"id"`
	Healer string `json:"healer"`
	Kind   string `json:"kind"` // the verb
	Target string `json:"target"`
	// Decision is the guard's answer, and Reason the rule that bound with what it
	// compared, or what allowed it in words.
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	// Outcome is ok, already, refused, failed, cancelled or unknown; empty: none.
	Outcome string `json:"outcome"`
	// AtSeconds is when it was issued, or held back, on the run's clock.
	AtSeconds float64 `json:"atSeconds"`
}

// summary folds what a report tells besides verdicts.
type summary struct {
	order    []string
	byID     map[string]*FaultSummary
	actions  []Action
	allowed  map[[2]string]string // target and verb to the reason
	warnings []string
	residue  []string
}

func newSummary() *summary {
	return &summary{byID: map[string]*FaultSummary{}, actions: []Action{}, allowed: map[[2]string]string{}}
}

func (s *summary) observe(e timeline.Event) {
	switch {
	case e.Header != nil:
		for _, p := range e.Header.Faults {
			s.of(p.ID, p.Fault, p.Target)
		}
	case e.Fault != nil:
		s.fault(e)
	case e.Healing != nil:
		s.healing(e)
	case e.Note != nil:
		s.warnings = append(s.warnings, e.Note.Text)
	case e.End != nil:
		s.residue = append(s.residue, e.End.Residue...)
		for _, r := range e.End.Residue {
			s.warnings = append(s.warnings, "the run left something behind: "+r)
		}
	}
}

func (s *summary) of(id, name, target string) *FaultSummary {
	f := s.byID[id]
	if f == nil {
		f = &FaultSummary{ID: id, Name: name, Target: target, Residue: []string{}}
		s.byID[id] = f
		s.order = append(s.order, id)
	}
	return f
}

func (s *summary) fault(e timeline.Event) {
	f := s.of(e.Fault.ID, e.Fault.Fault, e.Target)
	f.Target = cmp.Or(f.Target, e.Target)
	f.State = e.Fault.State
	switch e.Fault.State {
	case timeline.FaultActive:
		if f.ConfirmedAtSeconds == nil {
			f.ConfirmedAtSeconds = new(seconds(e.At))
			f.Evidence = e.Fault.Proof
		}
	case timeline.FaultReverted:
		f.RevertedAtSeconds = new(seconds(e.At))
	case timeline.FaultStuck:
		f.Residue = append(f.Residue, cmp.Or(e.Fault.Proof, "it could not be undone"))
		s.warnings = append(s.warnings, fmt.Sprintf("%s on %s could not be undone: %s", f.Name, f.Target, e.Fault.Proof))
	case timeline.FaultInjecting, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultOvertaken, timeline.FaultReapplied:
	default:
	}
}

func (s *summary) healing(e timeline.Event) {
	h := e.Healing
	key := [2]string{e.Target, h.Verb}
	a := Action{
		ID: h.Act, Healer: h.Healer, Kind: h.Verb, Target: e.Target,
		Decision: h.Effect, AtSeconds: seconds(e.At),
	}
	switch h.State {
	case timeline.HealingDecision:
		a.Reason = h.Text
		if h.Rule != "" {
			a.Reason = fmt.Sprintf("%s (%d of %d)", h.Rule, h.Have, h.Limit)
		}
		if h.Effect == "allow" {
			s.allowed[key] = a.Reason
			return
		}
		a.ID = ""
		s.actions = append(s.actions, a)
	case timeline.HealingAct, timeline.HealingNotified:
		if h.Act == "" {
			return // not an act: people were told by other means
		}
		a.Decision = cmp.Or(h.Effect, "allow") // none is issued without a grant
		a.Reason = cmp.Or(s.allowed[key], h.Text)
		s.actions = append(s.actions, a)
	case timeline.HealingOutcome:
		i := slices.IndexFunc(s.actions, func(a Action) bool { return a.ID != "" && a.ID == h.Act })
		if i >= 0 && s.actions[i].Outcome == "" {
			s.actions[i].Outcome = h.Outcome
		}
	case timeline.HealingFinding, timeline.HealingWork:
	default:
	}
}

func (s *summary) faults() []FaultSummary {
	all := make([]FaultSummary, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, *s.byID[id])
	}
	if len(all) == 1 {
		all[0].Residue = append(all[0].Residue, s.residue...)
	}
	return all
}

// seconds is exact to the millisecond, and written with no more digits.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}
