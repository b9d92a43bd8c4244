package healers

import (
	"encoding/json"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// The verbs that the builtin healers use: the names behind "repair." of the
// capabilities. Their arguments are written as JSON here, since only healers/act
// may know the repair package.
const (
	verbRestart   Verb = "restart"
	verbReplace   Verb = "replace"
	verbRotateIn  Verb = "rotateIn"
	verbRotateOut Verb = "rotateOut"
	verbEvict     Verb = "evict"
	verbReboot    Verb = "reboot" // a node, with all that runs on it
	verbShift     Verb = "shift"  // a zone's users to others
	verbScale     Verb = "scale"  // a workload, up or down
)

// Deadlines of acts. A restart and a replacement have their grace on top.
const (
	quickAct  = 2 * time.Second  // rotation: one request
	slowAct   = 15 * time.Second // everything else
	settleFor = 10 * time.Second // how long after its deadline an act of unknown outcome may still come true
	halfFor   = time.Minute      // and after how long people are told that a replacement stays half done
)

// tells: it tells people and touches no system.
func (v Verb) tells() bool { return v == VerbNotify || v == VerbPage }

// life: it ends a life of an instance.
func (v Verb) life() bool { return v == verbRestart || v == verbReplace || v == verbEvict }

// disrupts: it takes instances from their users, and so is charged to their budgets. A
// drain is so by its evictions, and a rolling upgrade by its replacements.
func (v Verb) disrupts() bool { return v.life() || v == verbRotateOut || v.evicts() }

// evicts: it moves what may be well elsewhere, for the sake of something else.
func (v Verb) evicts() bool {
	return v == verbEvict || v == verbReboot || v == verbShift || v == verbScale
}

// rotates: it changes whether users are sent to an instance.
func (v Verb) rotates() bool { return v == verbRotateIn || v == verbRotateOut }

// heavy: it does more than say whom users are sent to.
func (v Verb) heavy() bool { return !v.tells() && !v.rotates() }

// counted by the rates: what takes nothing away is not, so that a rate can never
// keep a healthy instance from its users. Scaling has rates and a flap budget of its own.
func (v Verb) counted() bool { return !v.tells() && v != verbRotateIn && v != verbScale }

// repeatable after a crash of the engine, on the same incarnation. A restart is
// fenced by the incarnation that it ends. A replacement is not: done twice it
// could leave two new instances, so it is observed instead. Nor is scaling: what was
// decided before may be wrong by now. A message may come twice, which is better than never.
func (v Verb) repeatable() bool { return v != verbReplace && v != verbScale }

// deadline is how long an act of this verb may take.
func (v Verb) deadline(args json.RawMessage) time.Duration {
	if v.rotates() {
		return quickAct
	}
	var grace struct {
		Grace time.Duration `json:"grace"`
	}
	if v.life() && json.Unmarshal(args, &grace) == nil {
		return slowAct + max(grace.Grace, 0)
	}
	return slowAct
}

// holds tells whether an act whose outcome nobody knows goes on holding its
// target: an instance, or a workload that is scaled. A volume's verbs do not: its usage is the observation, and the work
// looks at that anyway. Nor does a message.
func (a *openAct) holds() bool {
	return !a.Verb.tells() && (a.Target.ID.Kind() == sut.KindInstance || a.Verb == verbScale)
}

// collides tells whether an act may not begin while another is under way. An
// instance's rotation and its life take turns too: a crash takes it out and then
// starts it again, in this order in every run. But an act on the one whose outcome
// nobody knows does not hold the other: a load balancer that hangs must not keep
// what crashed from being started. A replacement is about both, and about the
// instance's volumes, which outlive a restart.
func collides(a *Act, other *openAct) bool {
	switch {
	case a.Verb.tells() || other.Verb.tells() || a.Target.ID.Instance() != other.Target.ID.Instance():
		return false
	case a.Verb == verbReplace || other.Verb == verbReplace:
		return true
	case a.Target.ID != other.Target.ID:
		return false
	default:
		return a.Verb.rotates() == other.Verb.rotates() || !other.Unknown
	}
}
