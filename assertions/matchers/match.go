package matchers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// ErrInconclusive is what a match met that cannot be told.
var ErrInconclusive = errors.New("inconclusive")

// Run is what matchers match, besides the events themselves.
type Run interface{ Timeline() []timeline.Event }

// arguments make a check, as those of package assertions do.
type arguments interface {
	Check() (assertions.Check, error)
}

// report is what a failure message is made of.
type report struct{ What, Measured, Limit, Reason string }

const message = `Expected the run {{.To}} pass {{.Data.What}}
  measured: {{.Data.Measured}}
  limit:    {{.Data.Limit}}
  because:  {{.Data.Reason}}`

// check matches behind the gates, bare without them.
func check(a arguments) types.GomegaMatcher { return match(a, assertions.Gates) }
func bare(a arguments) types.GomegaMatcher  { return match(a, nil) }

func match(a arguments, gates func() []assertions.Check) types.GomegaMatcher {
	var said report
	return gcustom.MakeMatcher(func(actual any) (bool, error) {
		events, err := eventsOf(actual)
		if err != nil {
			return false, err
		}
		c, err := a.Check()
		if err != nil {
			return false, err
		}
		if gates != nil {
			for _, g := range gates() {
				if r := assertions.Run(g, events); r.Verdict != timeline.Pass {
					return false, unsure(r)
				}
			}
		}
		r := assertions.Run(c, events)
		if r.Verdict == timeline.Inconclusive {
			return false, unsure(r)
		}
		said = report{r.ID, r.Measured, r.Limit, r.Reason}
		return r.Verdict == timeline.Pass, nil
	}).WithTemplate(message, &said)
}

func judged() types.GomegaMatcher {
	said := report{What: "all checks", Limit: "pass"}
	return gcustom.MakeMatcher(func(actual any) (bool, error) {
		events, err := eventsOf(actual)
		if err != nil {
			return false, err
		}
		j, err := assertions.Judge(events)
		if err != nil {
			return false, err
		}
		said.Measured, said.Reason = j.Verdict.String(), "every check passed"
		if len(j.Reasons) > 0 {
			said.Reason = strings.Join(j.Reasons, "\n            ")
		}
		if j.Verdict == timeline.Inconclusive {
			return false, fmt.Errorf("%w: %s", ErrInconclusive, said.Reason)
		}
		return j.Verdict == timeline.Pass, nil
	}).WithTemplate(message, &said)
}

func unsure(r assertions.Result) error {
	return fmt.Errorf("%w: %s: %s (measured: %s; limit: %s)", ErrInconclusive, r.ID, r.Reason, r.Measured, r.Limit)
}

func eventsOf(actual any) ([]timeline.Event, error) {
	switch a := actual.(type) {
	case Run:
		return a.Timeline(), nil
	case []timeline.Event:
		return a, nil
	default:
		return nil, fmt.Errorf("a run is matched: []timeline.Event, or what has a Timeline() []timeline.Event method; got a %T", actual)
	}
}
