package healers

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// propose asks the healers about the open findings of a target. A healer has at
// most one work on a target at a time.
func (e *Engine) propose(id sut.ID) {
	delete(e.wanted, id)
	var want time.Duration
	for _, d := range definitions {
		for _, f := range e.open(d.Of, id) {
			if f.Told == d.Name || e.busy(d.Name, id, f.Runbook) {
				continue
			}
			plans := d.Healer.Propose(e.view, f.Finding)
			if len(plans) == 0 {
				continue
			}
			p := plans[0]
			if p.NotBefore > e.view.now {
				if want == 0 || p.NotBefore < want {
					want = p.NotBefore
				}
				continue
			}
			e.start(f, p)
		}
	}
	if want > 0 {
		e.wanted[id] = want
	}
}

// open are the open findings of a target among the kinds, in the order of kinds.
func (e *Engine) open(kinds []FindingKind, id sut.ID) []openFinding {
	var found []openFinding
	for _, k := range kinds {
		switch k {
		case FindingVolumeFull:
			for i := range e.view.policy.Runbooks {
				if f, ok := e.state.Findings[keyOf(k, id, e.view.policy.Runbooks[i].Name)]; ok {
					found = append(found, f)
				}
			}
		case FindingRecurring:
			for _, f := range e.wide(k) {
				if f.Target.ID == id {
					found = append(found, e.state.Findings[keyOf(k, id, f.Runbook)])
				}
			}
		case FindingExited, FindingNotLive, FindingNotReady, FindingReady, FindingAsked, FindingShared, FindingStorm, FindingBlind, FindingSize:
			if f, ok := e.state.Findings[keyOf(k, id, "")]; ok {
				found = append(found, f)
			}
		}
	}
	return found
}

func (e *Engine) busy(healer string, id sut.ID, runbook string) bool {
	for _, w := range e.state.index.works[id.Workload()] {
		if w.Plan.Healer == healer && w.Plan.target().ID == id && w.Plan.Runbook == runbook {
			return true
		}
	}
	return false
}

// start begins a work of a plan.
func (e *Engine) start(f openFinding, p Plan) {
	p.Finding = f.Kind
	p.Digest = digest(p)
	id := e.state.LastWork + 1
	e.emit(Record{Kind: RecordWork, Work: id, Cause: f.Seq, Change: &WorkChange{Plan: &p, State: WorkActing}})
	// It is taken on in the next round, with all that begin in this one: who of them comes
	// first is the guard's to say.
	e.touched[p.target().ID.Workload()] = struct{}{}
}

// digest is the SHA-256 of the plan as JSON without its digest.
func digest(p Plan) [32]byte {
	p.Digest = [32]byte{}
	b, err := json.Marshal(p)
	if err != nil {
		return [32]byte{} // not possible: a plan is plain data, its arguments are checked
	}
	return sha256.Sum256(b)
}
