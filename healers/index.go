package healers

import (
	"cmp"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// index finds the open acts and works of one target or workload without looking at all
// of them. It follows from the state, and is made anew with one that was loaded.
type index struct {
	acts  map[sut.ID][]*openAct // by the instance that they are about, else by their target
	works map[string][]*Work    // by the workload of their target, oldest first
	// notLive are the instances whose liveness probes fail, and since when; wide are the
	// open findings that are about more than one instance, or that time alone ends.
	notLive map[sut.ID]time.Duration
	wide    map[findingKey]Finding
	heavy   int64 // works that have begun and do more than say whom users are sent to
}

func (s *state) reindex() {
	s.index = index{
		acts: map[sut.ID][]*openAct{}, works: map[string][]*Work{},
		notLive: map[sut.ID]time.Duration{}, wide: map[findingKey]Finding{},
	}
	for _, f := range s.Findings {
		s.index.finding(&f.Finding)
	}
	for _, a := range s.Acts {
		s.index.put(a)
	}
	for _, w := range s.Works {
		s.index.work(w)
	}
	for _, list := range s.index.acts { // each by itself: the order does not matter
		slices.SortFunc(list, func(a, b *openAct) int { return cmp.Compare(a.ID, b.ID) })
	}
	for _, list := range s.index.works {
		slices.SortFunc(list, func(a, b *Work) int { return cmp.Compare(a.ID, b.ID) })
	}
}

// subject is what an act on a target is about: a volume's act is about its instance too.
func subject(id sut.ID) sut.ID {
	if in := id.Instance(); in != "" {
		return in
	}
	return id
}

func (x *index) put(a *openAct) {
	id := subject(a.Target.ID)
	x.acts[id] = append(x.acts[id], a)
}

func (x *index) remove(a *openAct) {
	id := subject(a.Target.ID)
	x.acts[id] = slices.DeleteFunc(x.acts[id], func(o *openAct) bool { return o == a })
	if len(x.acts[id]) == 0 {
		delete(x.acts, id)
	}
}

func (x *index) work(w *Work) {
	name := w.Plan.target().ID.Workload()
	x.works[name] = append(x.works[name], w)
	if w.Began && w.heavy() {
		x.heavy++
	}
}

// unbegin: what it began was never done.
func (x *index) unbegin(w *Work) {
	if w.Began && w.heavy() {
		x.heavy--
	}
	w.Began = false
}

func (x *index) end(w *Work) {
	name := w.Plan.target().ID.Workload()
	x.works[name] = slices.DeleteFunc(x.works[name], func(o *Work) bool { return o == w })
	if len(x.works[name]) == 0 {
		delete(x.works, name)
	}
	if w.Began && w.heavy() {
		x.heavy--
	}
}

func (x *index) finding(f *Finding) {
	switch f.Kind {
	case FindingNotLive:
		if delete(x.notLive, f.Target.ID); !f.Ended {
			x.notLive[f.Target.ID] = f.Since
		}
	case FindingShared, FindingStorm, FindingBlind, FindingRecurring:
		k := keyOf(f.Kind, f.Target.ID, f.Runbook)
		if delete(x.wide, k); !f.Ended {
			x.wide[k] = *f
		}
	case FindingExited, FindingNotReady, FindingReady, FindingVolumeFull, FindingAsked, FindingSize:
	}
}
