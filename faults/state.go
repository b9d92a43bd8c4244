package faults

import (
	"slices"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// State is where an item of a schedule is.
type State string

// The states of an item. Idle is the zero value.
const (
	Idle      State = ""          // not injected, or nothing was left of the attempt
	Active    State = "active"    // injected, seen or not
	Overtaken State = "overtaken" // something other than us ended it
	Reverted  State = "reverted"  // we undid it
	Stuck     State = "stuck"     // it could not be undone; only Revert leaves this
)

// after says to which states an event may lead, and from which.
func (s State) after(e timeline.FaultState) (State, bool) {
	var from []State
	next := s
	switch e {
	case timeline.FaultInjecting:
		from = []State{Idle}
	case timeline.FaultActive:
		from = []State{Active}
	case timeline.FaultUnseen, timeline.FaultReapplied:
		from = []State{Active}
	case timeline.FaultFailed:
		from, next = []State{Idle, Active}, Idle
	case timeline.FaultOvertaken:
		from, next = []State{Active}, Overtaken
	case timeline.FaultReverted:
		from, next = []State{Active, Stuck}, Reverted
	case timeline.FaultStuck:
		from, next = []State{Active, Overtaken}, Stuck
	}
	return next, slices.Contains(from, s)
}
