package healers

import (
	"encoding/json"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// scaledTo is how many instances of its workload an act leaves; false: it does not
// scale. Arguments that say no number, which the verb refuses, are taken for none at all:
// the worst that they could mean.
func (a *Act) scaledTo() (int, bool) {
	if a == nil || a.Verb != verbScale {
		return 0, false
	}
	var args struct {
		Replicas int `json:"replicas"`
	}
	if json.Unmarshal(a.Args, &args) != nil {
		return 0, true // the worst that it could mean
	}
	return max(args.Replicas, 0), true
}

// empties: the act says that none are to be left of its workload.
func (a *Act) empties() bool {
	var args struct {
		Replicas *int `json:"replicas"`
	}
	return a.Verb == verbScale && json.Unmarshal(a.Args, &args) == nil && args.Replicas != nil && *args.Replicas == 0
}

// scalesTo: the plan is for that number of instances.
func (w *Work) scalesTo(n int32) bool {
	if len(w.Plan.Steps) == 0 {
		return false
	}
	to, scales := (&Act{Verb: w.Plan.Steps[0].Verb, Args: w.Plan.Steps[0].Args}).scaledTo()
	return scales && to == int(n)
}

// leaving are the instances that a scale-down takes. Which go is the platform's choice,
// so the worst of its choices is assumed: those that are available.
func (e *Engine) leaving(a *Act) []sut.ID {
	members := e.view.owned(string(a.Target.ID))
	to, scales := a.scaledTo()
	if !scales || len(members) <= to {
		return nil
	}
	var available, others []sut.ID
	for _, id := range members {
		if e.tallies.counted[id].available {
			available = append(available, id)
		} else {
			others = append(others, id)
		}
	}
	return append(available, others...)[:len(members)-to]
}

// scaledAway is how many instances of a workload a scale-down that is under way is still
// to take. Nobody knows which, so each budget over the workload has as many fewer.
func (e *Engine) scaledAway(workload string) (n int64) {
	for _, a := range e.state.index.acts[sut.ID(workload)] {
		if to, ok := a.scaledTo(); ok {
			n = max(n, int64(len(e.view.owned(workload))-to))
		}
	}
	return n
}

// planned is how many instances a workload is to have, by a scale-down that is asked
// about, or under way, or as the platform says: policy/v1 computes from the replicas
// that are asked for, and so a scale-down is not short of what it does away with.
func (e *Engine) planned(workload string, a *Act) int {
	n := e.view.Desired(workload)
	if to, ok := a.scaledTo(); ok && a.Target.ID == sut.ID(workload) {
		n = min(n, to)
	}
	for _, open := range e.state.index.acts[sut.ID(workload)] {
		if to, ok := open.scaledTo(); ok {
			n = min(n, to)
		}
	}
	return n
}
