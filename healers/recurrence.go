package healers

import "github.com/rebound-chaos/rebound/fixtures/sut"

// recurring is what is counted as the same thing healed again: an instance, but what
// is replaced comes back under another ID, so there it is the workload.
func recurring(p *Plan) sut.ID {
	if len(p.Steps) == 0 {
		return p.target().ID
	}
	return slot(p.Steps[0].Verb, p.target().ID)
}

// slot is the place that a target has, which others take after it: what replaces it
// comes under an ID of its own, so there it is the workload.
func slot(v Verb, id sut.ID) sut.ID {
	if v == verbReplace {
		return sut.ID(id.Workload())
	}
	return id
}

// recurrenceKey is what counts as healed again: by whom, whatever it was that time.
func recurrenceKey(p *Plan) string { return healedBy(p.Healer, recurring(p), p.Runbook) }

func healedBy(healer string, id sut.ID, runbook string) string {
	return healer + " " + string(id) + " " + runbook
}
