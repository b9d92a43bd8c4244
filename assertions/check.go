package assertions

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Check is a fold over the events of one run.
type Check interface {
	// Observe takes the next event, in the order of the timeline; the header is
	// the first, and limits that were left out come from it.
	Observe(e timeline.Event)
	// Verdict is the result so far. It may be asked for at any time, and again.
	Verdict() Result
}

// Result is what a check or a gate found.
type Result struct {
	ID      string           `json:"id"`
	Verdict timeline.Verdict `json:"verdict"`
	// Measured and Limit say in words what was compared; Reason says what it means.
	Measured string `json:"measured"`
	Limit    string `json:"limit"`
	Reason   string `json:"reason"`
}

func (r Result) pass(reason string) Result { return r.as(timeline.Pass, reason) }
func (r Result) fail(reason string) Result { return r.as(timeline.Fail, reason) }
func (r Result) unsure(reason string) Result {
	return r.as(timeline.Inconclusive, reason)
}

func (r Result) as(v timeline.Verdict, reason string) Result {
	r.Verdict, r.Reason = v, reason
	return r
}

// Definition is a check that can be asked for by name.
type Definition struct {
	ID      string
	Summary string
	// Args is the zero value of its arguments, for documentation.
	Args any
	// AfterRevert: its deadline counts from the end of the faults and not from their
	// confirmation.
	AfterRevert bool
	// New makes the fold from arguments as a scenario writes them, in JSON; none
	// are the zero value. Unknown fields and values that make no sense are refused
	// with an error that is [ErrArgs].
	New func(args json.RawMessage) (Check, error)
}

// ErrArgs is what wrong arguments of a check are.
var ErrArgs = errors.New("wrong arguments")

// ErrUnknownCheck is what a check is that this program does not have.
var ErrUnknownCheck = errors.New("unknown check")

// Lookup finds a check by its ID.
func Lookup(id string) (Definition, bool) {
	all := Builtin()
	i := slices.IndexFunc(all, func(d Definition) bool { return d.ID == id })
	if i < 0 {
		return Definition{}, false
	}
	return all[i], true
}

// New makes the fold of a check as a header asks for it.
func New(c timeline.Check) (Check, error) {
	d, ok := Lookup(c.ID)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownCheck, c.ID)
	}
	return d.New(c.Args)
}

// Run folds a whole timeline into one check's result.
func Run(c Check, events []timeline.Event) Result {
	for _, e := range events {
		c.Observe(e)
	}
	return c.Verdict()
}

// arguments make a check, or say what is wrong with them.
type arguments interface{ Check() (Check, error) }

func define[A arguments](id, summary string) Definition {
	var zero A
	return Definition{ID: id, Summary: summary, Args: zero, New: func(raw json.RawMessage) (Check, error) {
		var a A
		if err := decode(raw, &a); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", id, ErrArgs, err)
		}
		c, err := a.Check()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %w", id, ErrArgs, err)
		}
		return c, nil
	}}
}

func afterRevert(d Definition) Definition {
	d.AfterRevert = true
	return d
}
