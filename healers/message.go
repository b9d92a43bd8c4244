package healers

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/healers/runbook"
)

// tell sends the message with which a work ends, then ends it.
func (e *Engine) tell(w *Work) bool {
	if !w.Said {
		verb := VerbNotify
		if w.Ends == WorkEscalated {
			verb = VerbPage
		}
		if !e.message(w, verb, e.summary(w)) {
			return false // they are told when the kill switch is lifted
		}
	}
	ends := w.Ends
	if !ends.ended() { // of a damaged history
		ends = WorkFailed
	}
	return e.change(w, WorkChange{Index: w.Index, State: ends, Reason: w.Reason})
}

// message issues a message about a work, past its steps. false: the guard does not allow it.
func (e *Engine) message(w *Work, v Verb, text string) bool {
	args, err := json.Marshal(Message{Text: text})
	if err != nil {
		return true // not possible: a string
	}
	a := &Act{
		ID: e.state.LastAct + 1, Work: w.ID, Healer: w.Plan.Healer, Verb: v, Target: w.Plan.target(), Args: args,
		Deadline: e.view.now + v.deadline(nil), Repeatable: v.repeatable(),
	}
	d, grant := e.guard(w, a)
	if d.Effect != Allow {
		return false
	}
	e.issue(w, a, grant)
	return true
}

// compose is the argument of a notify or page step: its text filled in, and of a
// runbook that tells how it ended, what was done so far.
func (e *Engine) compose(w *Work, s *PlanStep) json.RawMessage {
	var m Message
	if json.Unmarshal(s.Args, &m) != nil {
		m.Text = string(s.Args)
	}
	if t, err := runbook.ParseTemplate(m.Text); err == nil {
		m.Text = t.Render(e.scope(s.Target, w))
	}
	if w.Plan.Tell {
		m.Text = strings.TrimSpace(m.Text + " [" + e.summary(w) + "]")
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil // not possible: a string
	}
	return b
}

// summary says what a work did and where that led.
func (e *Engine) summary(w *Work) string {
	id := w.Plan.target().ID
	text := w.Plan.name() + " on " + string(id) + ": "
	if len(w.Done) == 0 {
		text += "nothing done"
	}
	text += strings.Join(w.Done, ", ")
	if vol, ok := e.view.volumes[id]; ok {
		text += "; " + strconv.Itoa(vol.UsedPercent()) + " % used"
	}
	if w.State == WorkTelling && w.Reason != "" {
		text += "; " + w.Reason
	}
	return text
}
