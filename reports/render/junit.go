package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// The elements that Jenkins, GitLab and the actions for GitHub all read. Of
// several failures in a case Jenkins keeps one, so there is one at most.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        *junitText      `xml:"system-out,omitempty"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure,omitempty"`
		Error   *junitProblem `xml:"error,omitempty"`
		Skipped *junitProblem `xml:"skipped,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
	junitText struct {
		Text string `xml:",chardata"`
	}
)

// JUnit writes junit.xml: a suite for each scenario, a case for each check, gate
// and control. What failed is a failure, what cannot be told is an error, since
// inconclusive is red. A check behind a gate that is shut is skipped: its gate
// tells why. A negative control alone is one case, that it missed.
func JUnit(w io.Writer, r Report) error {
	all := junitSuites{Name: clean("rebound: " + r.Title)}
	var total time.Duration
	for _, u := range r.Runs {
		s := newSuite(u)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		total += u.story.last
		all.Suites = append(all.Suites, s)
	}
	all.Time = decimal(total)
	if len(r.Runs) == 0 {
		none := &junitProblem{Message: "nothing was run", Type: timeline.Inconclusive.String()}
		all.Suites = []junitSuite{{Name: "rebound", Tests: 1, Errors: 1, Time: decimal(0), Cases: []junitCase{{Name: "run", Class: "rebound", Time: decimal(0), Error: none}}}}
		all.Tests, all.Errors = 1, 1
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	return nil
}

func newSuite(u Run) junitSuite {
	h, j := u.Header, u.Judgement
	s := junitSuite{
		Name: clean(h.Scenario), Time: decimal(u.story.last),
		Timestamp: h.Began.UTC().Format("2006-01-02T15:04:05"), Properties: u.properties(),
	}
	class := clean("rebound." + h.Scenario + "." + h.Platform + "." + h.Healers)
	if h.Control {
		s.Cases = append(s.Cases, controlCase(u, class))
	} else {
		shut := false
		for _, g := range j.Gates {
			shut = shut || g.Verdict != timeline.Pass
			s.Cases = append(s.Cases, newCase("gate "+g.ID, class, g, false))
		}
		for _, c := range j.Checks {
			s.Cases = append(s.Cases, newCase(c.ID, class, c, shut))
		}
		if u.Control != nil {
			s.Cases = append(s.Cases, controlCase(*u.Control, class))
		}
		if j.Aborted {
			s.Cases = append(s.Cases, junitCase{Name: "ran to its end", Class: class, Error: &junitProblem{Message: clean(u.lead()), Type: "aborted"}})
		}
	}
	red := false
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Time = decimal(0)
		red = red || c.Failure != nil || c.Error != nil
	}
	if !red && u.Verdict() != timeline.Pass && !h.Control { // whatever the reason, it must not be green
		s.Cases = append(s.Cases, junitCase{Name: "verdict", Class: class, Time: decimal(0), Error: &junitProblem{Message: clean(u.lead()), Type: u.Verdict().String()}})
	}
	if len(s.Cases) > 0 {
		s.Cases[0].Time = s.Time // CI systems add the cases up; the run is one
	}
	for _, c := range s.Cases {
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	words := []string{u.lead()}
	words = append(words, u.warnings()...)
	words = append(words, u.commands()...)
	s.Out = &junitText{clean(strings.Join(words, "\n"))}
	return s
}

func newCase(name, class string, r assertions.Result, shut bool) junitCase {
	c := junitCase{Name: clean(name), Class: class}
	p := &junitProblem{
		Message: clean(fmt.Sprintf("measured %s, limit %s", orNone(r.Measured), orNone(r.Limit))),
		Type:    r.Verdict.String(),
		Text:    clean(fmt.Sprintf("%s\nmeasured: %s\nlimit:    %s", r.Reason, orNone(r.Measured), orNone(r.Limit))),
	}
	switch {
	case shut:
		p.Message, p.Type = "a gate is shut, so this cannot be told: "+p.Message, ""
		c.Skipped = p
	case r.Verdict == timeline.Fail:
		c.Failure = p
	case r.Verdict != timeline.Pass:
		p.Message = "inconclusive: " + p.Message
		c.Error = p
	}
	return c
}

func controlCase(control Run, class string) junitCase {
	c := junitCase{Name: "negative control misses", Class: class}
	missed, why := assertions.ControlVerdict(control.Judgement, control.Header)
	if !missed {
		c.Error = &junitProblem{Message: clean(oneLine(why)), Type: timeline.Inconclusive.String()}
	}
	return c
}

// properties are the numbers of a run, for who collects them over many runs. What
// did not happen is left out.
func (u Run) properties() []junitProperty {
	h, r := u.Header, u.Judgement.Recovery
	all := []junitProperty{
		{"verdict", u.Verdict().String()},
		{"platform", clean(h.Platform)},
		{"healers", clean(h.Healers)},
		{"policy", clean(h.Policy)},
		{"seed", strconv.FormatUint(h.Seed, 10)},
		{"run", clean(h.Run)},
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
	}{
		{"ttdSeconds", r.TTD},
		{"ttaSeconds", r.TTA},
		{"ttmSeconds", r.TTM},
		{"ttrSeconds", r.TTR},
		{"availabilityLostSeconds", r.AvailabilityLost},
		{"recoverAfterRevertSeconds", r.RecoverAfterRevert},
	} {
		if d.value != nil {
			all = append(all, junitProperty{d.name, decimal(*d.value)})
		}
	}
	return append(all,
		junitProperty{"failedRequests", strconv.Itoa(r.FailedRequests)},
		junitProperty{"totalRequests", strconv.Itoa(r.TotalRequests)},
		junitProperty{"relapses", strconv.Itoa(r.Relapses)},
		junitProperty{"restoredBy", string(r.RestoredBy)})
}

func decimal(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// clean drops what XML 1.0 cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
