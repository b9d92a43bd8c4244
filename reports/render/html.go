package render

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

//go:embed report.html.tmpl
var pageText string

//go:embed report.css
var pageStyle string

// HTML writes one page that needs nothing but itself: styles and pictures are in
// it, it has no script, and it is readable in light and dark and in print.
func HTML(w io.Writer, r Report) error {
	page, err := template.New("report").Parse(pageText)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	if err := page.Execute(w, newPage(r)); err != nil {
		return fmt.Errorf("write report.html: %w", err)
	}
	return nil
}

// page and its parts are what the template reads: words, but for the chart.
type page struct {
	Title, Lead, Tool string
	Word, Sign, Class string
	Style             template.CSS
	Many              bool
	Runs              []section
}

type section struct {
	Anchor, Scenario, Claim string
	Arm                     string // where several runs of the scenario need telling apart
	Word, Sign, Class, Lead string
	Reasons, Warnings       []string
	Meta, Tiles             []fact
	Summary                 []string
	Chart                   template.HTML
	Acts                    []actRow
	Numbers                 []number
	Checks, Gates           []checkRow
	GatesHeld, FewActs      bool
	GatesWord, ActsWord     string
	Faults                  []faultRow
	HasControl              bool
	ArmName, ControlName    string
	ControlWord             string
	ControlLine             string
	Commands                []string
	Settings                []fact
}

type fact struct{ Name, Value, Other string }

type actRow struct {
	N                                                 int
	At, Healer, Verb, Target, Decision, Outcome, Text string
	Says                                              string
	Square, Hollow                                    bool
}

type checkRow struct {
	ID, Word, Sign, Class, Measured, Limit, Reason, Control string
	Gate                                                    bool
}

type faultRow struct{ Name, Target, Evidence, Confirmed, Reverted, Residue string }

func newPage(r Report) page {
	v, aborted := r.Verdict(), r.Aborted()
	p := page{
		Title: r.Title, Style: template.CSS(pageStyle), Many: len(r.Runs) != 1,
		Word: headline(v, aborted), Sign: verdictSign(v, aborted), Class: class(v, aborted),
		Lead: r.lead(),
	}
	seen := map[string]int{}
	for _, u := range r.Runs {
		seen[u.Header.Scenario]++
		p.Tool = oneLine(u.Header.Tool)
	}
	for i, u := range r.Runs {
		s := newSection(u, "run-"+strconv.Itoa(i+1))
		if seen[u.Header.Scenario] > 1 {
			s.Arm = u.sketchOf()
		}
		p.Runs = append(p.Runs, s)
	}
	return p
}

func newSection(u Run, anchor string) section {
	h, j := u.Header, u.Judgement
	v := u.Verdict()
	s := section{
		Anchor: anchor, Scenario: oneLine(h.Scenario), Claim: oneLine(h.Claim),
		Word: headline(v, j.Aborted), Sign: verdictSign(v, j.Aborted), Class: class(v, j.Aborted), Lead: u.lead(),
		Warnings: u.warnings(),
		Numbers:  u.numbers(),
		ArmName:  capital(u.arm()), HasControl: u.Control != nil,
		Commands: u.commands(),
	}
	if len(j.Recovery.Curve) > 0 || u.Control != nil && len(u.Control.Judgement.Recovery.Curve) > 0 {
		s.Chart = template.HTML(u.picture().draw(anchor)) // draw escapes every word
	}
	if v != j.Verdict || len(u.reasons()) > 1 {
		s.Reasons = u.reasons()
	}
	s.Meta = []fact{
		{Name: "Platform", Value: oneLine(h.Platform)},
		{Name: "Healers", Value: oneLine(h.Healers)},
		{Name: "Policy", Value: orNone(h.Policy)},
		{Name: "Load", Value: rate(h.Rate)},
		{Name: "Seed", Value: strconv.FormatUint(h.Seed, 10)},
		{Name: "Run", Value: oneLine(h.Run)},
		{Name: "Began", Value: h.Began.UTC().Format("2006-01-02 15:04:05 UTC")},
	}
	for _, i := range []int{0, 2, 5, 6} {
		n := s.Numbers[i]
		s.Tiles = append(s.Tiles, fact{Name: n.Name, Value: n.Healed, Other: n.Control})
		s.Summary = append(s.Summary, n.Healed)
	}
	for _, e := range u.settings() {
		s.Settings = append(s.Settings, fact{Name: capital(u.arm()), Value: e})
	}
	if u.Control != nil && len(u.Control.Header.Differs) > 0 {
		for _, e := range u.Control.settings() {
			s.Settings = append(s.Settings, fact{Name: capital(u.Control.arm()), Value: e})
		}
	}
	s.ControlWord = none
	if u.Control != nil {
		s.ControlName = capital(u.Control.arm())
		s.ControlWord, s.ControlLine = u.controlWords()
	}
	s.GatesHeld = true
	for _, c := range u.checkRows() {
		if c.Gate {
			s.Gates = append(s.Gates, c)
			s.GatesHeld = s.GatesHeld && c.Word == timeline.Pass.String()
		} else {
			s.Checks = append(s.Checks, c)
		}
	}
	s.GatesWord = "Gates, which come before every check: not all held"
	if s.GatesHeld {
		s.GatesWord = "Gates, which come before every check: all " + strconv.Itoa(len(s.Gates)) + " held"
	}
	for _, f := range j.Faults {
		s.Faults = append(s.Faults, u.faultRow(f))
	}
	s.Acts = u.actRows(false)
	if u.Control != nil {
		s.Acts = append(s.Acts, u.Control.actRows(true)...)
	}
	s.FewActs = len(s.Acts) <= 20
	s.ActsWord = actsWord(s.Acts)
	return s
}

func (u Run) faultRow(f assertions.FaultSummary) faultRow {
	at := func(s *float64) string {
		if s == nil {
			return none
		}
		return offset(*s - u.story.zero.Seconds())
	}
	row := faultRow{
		Name: oneLine(f.Name), Target: called(f.Target), Evidence: u.evidence(f),
		Confirmed: at(f.ConfirmedAtSeconds), Reverted: at(f.RevertedAtSeconds), Residue: oneLine(strings.Join(f.Residue, "; ")),
	}
	switch f.State {
	case "":
		row.Evidence = "it was never injected"
	case timeline.FaultOvertaken:
		row.Reverted = "not needed: a healer ended it"
	case timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultStuck:
		row.Evidence = strings.TrimSpace(string(f.State) + " " + row.Evidence)
	case timeline.FaultInjecting, timeline.FaultActive, timeline.FaultReapplied, timeline.FaultReverted:
	default:
	}
	if row.Evidence == "" {
		row.Evidence = "none was seen"
	}
	return row
}

// lead is the report in a sentence.
func (r Report) lead() string {
	if len(r.Runs) == 0 {
		return "Nothing was run, so nothing can be concluded."
	}
	n := map[string]int{}
	for _, u := range r.Runs {
		n[class(u.Verdict(), u.Judgement.Aborted)]++
	}
	var parts []string
	for _, c := range []struct{ class, words string }{
		{"pass", "healed"}, {"fail", "did not heal as promised"}, {"inconclusive", "inconclusive"}, {"aborted", "stopped"},
	} {
		if n[c.class] > 0 {
			parts = append(parts, strconv.Itoa(n[c.class])+" "+c.words)
		}
	}
	return plural(len(r.Runs), "scenario", "scenarios") + ": " + strings.Join(parts, ", ") + "."
}

// controlWords say of the control whether it missed, in two words and in a
// sentence.
func (u Run) controlWords() (short, long string) {
	missed, why, _ := u.missed()
	if missed {
		return "✓ missed", capital(sentence(why))
	}
	return "✗ did not miss", capital(sentence(why))
}

func (u Run) checkRows() []checkRow {
	row := func(c assertions.Result) checkRow {
		return checkRow{
			ID: c.ID, Word: c.Verdict.String(), Sign: sign(c.Verdict), Class: c.Verdict.String(),
			Measured: orNone(c.Measured), Limit: orNone(c.Limit), Reason: oneLine(c.Reason), Control: none,
		}
	}
	var all []checkRow
	for _, c := range u.Judgement.Checks {
		r := row(c)
		if u.Control != nil {
			for _, d := range u.Control.Judgement.Checks {
				if d.ID == c.ID {
					r.Control = sign(d.Verdict) + " " + d.Verdict.String()
				}
			}
		}
		all = append(all, r)
	}
	for _, c := range u.Judgement.Gates {
		r := row(c)
		r.Gate = true
		all = append(all, r)
	}
	return all
}

func (u Run) actRows(square bool) []actRow {
	var all []actRow
	for _, a := range u.story.acts {
		outcome := orNone(a.outcome)
		if a.id != "" && a.outcome == "" {
			outcome = "none seen"
		}
		decision, why := a.decision(), a.reason
		if a.n == 0 {
			decision, why = none, a.says+" (not an act of the engine)"
			if square {
				why = a.says + " (in the control)"
			}
		}
		all = append(all, actRow{
			N: a.n, At: offset(u.story.since(a.at)), Healer: orNone(a.healer), Verb: a.verb, Target: a.target,
			Decision: decision, Outcome: outcome, Text: why, Says: a.says, Square: square, Hollow: !a.done(),
		})
	}
	return all
}

// commands recompute the verdict and repeat the run.
func (u Run) commands() []string {
	h := u.Header
	all := []string{"rebound judge " + quote(u.file("timeline.jsonl"))}
	if u.Control != nil {
		all = append(all, "rebound judge "+quote(u.Control.file("timeline.jsonl")))
	}
	again := fmt.Sprintf("rebound run %s --on %s --healers %s --seed %d", quote(oneLine(h.Scenario)), oneLine(h.Platform), oneLine(h.Healers), h.Seed)
	if u.Control != nil {
		again += " --control"
	}
	return append(all, again)
}
