package render

import (
	"errors"
	"fmt"
	"io"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Report is one or several runs, as renderers read them.
type Report struct {
	Title string
	Runs  []Run
	// Path is where report.html of the whole report is, for texts that point to
	// it; empty: each run has its own in its Dir.
	Path string
}

// Run is one run with its judgement, and with its negative control where one ran.
type Run struct {
	Header    timeline.Header
	Judgement assertions.Judgement
	// Control is the negative control of the same scenario; nil: none ran.
	Control *Run
	// Dir holds the run's files, as a path relative to the report; "" is where the
	// report is.
	Dir string

	story story
}

// ErrEmpty is returned by Build for a timeline without a header.
var ErrEmpty = errors.New("timeline without a header")

// Build judges and measures a run from its timeline alone. dir is kept as
// [Run.Dir]. A run that was cut off is a run: its judgement says so.
func Build(events []timeline.Event, dir string) (Run, error) {
	if len(events) == 0 || events[0].Header == nil {
		return Run{}, fmt.Errorf("build report of %q: %w", dir, ErrEmpty)
	}
	j, err := assertions.Judge(events)
	if err != nil {
		return Run{}, fmt.Errorf("build report of %q: %w", dir, err)
	}
	return Run{Header: *events[0].Header, Judgement: j, Dir: dir, story: tell(events, j)}, nil
}

// New is the report of runs. A negative control goes to the first run of the
// same scenario, platform and seed that has none; one whose run is missing
// stands alone. title may be empty.
func New(title string, runs ...Run) Report {
	r := Report{Title: title}
	for _, u := range runs {
		if !u.Header.Control {
			r.Runs = append(r.Runs, u)
		}
	}
	for _, c := range runs {
		if c.Header.Control && !r.pair(c) {
			r.Runs = append(r.Runs, c)
		}
	}
	if r.Title == "" && len(r.Runs) == 1 {
		r.Title = oneLine(r.Runs[0].Header.Scenario)
	}
	if r.Title == "" {
		r.Title = plural(len(r.Runs), "run", "runs")
	}
	return r
}

func (r Report) pair(control Run) bool {
	for i := range r.Runs {
		h, c := r.Runs[i].Header, control.Header
		if r.Runs[i].Control == nil && !h.Control && h.Scenario == c.Scenario && h.Platform == c.Platform && h.Seed == c.Seed {
			r.Runs[i].Control = &control
			return true
		}
	}
	return false
}

// Verdict is the run's, with its control taken into account: a control that meets
// the objective makes what passed inconclusive.
func (u Run) Verdict() timeline.Verdict {
	v := u.Judgement.Verdict
	if missed, _, ok := u.missed(); ok && !missed && v == timeline.Pass {
		return timeline.Inconclusive
	}
	return v
}

// missed tells whether the control missed what it must, and why; ok is false
// where no control ran.
func (u Run) missed() (missed bool, reason string, ok bool) {
	if u.Control == nil {
		return false, "", false
	}
	missed, reason = assertions.ControlVerdict(u.Control.Judgement, u.Control.Header)
	return missed, reason, true
}

// Aborted tells whether a run, or a control, was stopped before its end.
func (r Report) Aborted() bool {
	for _, u := range r.Runs {
		if u.Judgement.Aborted || u.Control != nil && u.Control.Judgement.Aborted {
			return true
		}
	}
	return false
}

// ExitCode is what a program that made this report should end with, by
// [assertions.ExitCode]: a control that missed is no failure. A report of
// nothing is inconclusive.
func (r Report) ExitCode() int {
	if len(r.Runs) == 0 {
		return assertions.ExitInconclusive
	}
	var all []assertions.Judgement
	for _, u := range r.Runs {
		all = append(all, u.Judgement)
		if u.Control != nil {
			all = append(all, u.Control.Judgement)
		}
	}
	return assertions.ExitCode(all...)
}

// Verdict is the worst of the runs': one that failed outweighs one that is
// inconclusive. A report of nothing is inconclusive.
func (r Report) Verdict() timeline.Verdict {
	if len(r.Runs) == 0 {
		return timeline.Inconclusive
	}
	worst := timeline.Pass
	for _, u := range r.Runs {
		switch u.Verdict() {
		case timeline.Fail:
			return timeline.Fail
		case timeline.Inconclusive:
			worst = timeline.Inconclusive
		case timeline.Pass:
		}
	}
	return worst
}

// Definition is a renderer and the file that it writes.
type Definition struct {
	Name    string
	Summary string
	// File is its name in a result directory; "": it goes to the terminal only.
	File   string
	Render func(io.Writer, Report) error
}
