package healers

import (
	"cmp"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// byStagger lets only some of a workload be away at once: from the act that ends a life
// until the next one is ready, and has been for the soak time. Of those that wait, one
// zone comes after another, and the oldest of a zone first.
func byStagger(e *Engine, d *Decision, _ *Act, w *Work) bool {
	p, ok := e.view.Policy(d.Target.ID)
	if !ok || !d.Verb.life() {
		return false
	}
	name := d.Target.ID.Workload()
	t := e.turnsOf(name, p.Restart.Soak)
	away, by, until := t.others(e, w)
	before := t.place(e, w)
	limit := atOnce(p.Restart.AtOnce, e.view.Desired(name))
	if away+int64(before) < limit {
		return false
	}
	// The one right before it, of whom it goes on hanging until that is gone: the answer
	// does not change with every other that moves.
	if d.By, d.Until = by, until; before > 0 {
		d.By, d.Until = t.queue[before-1].Plan.target().ID, 0
	}
	return d.bind(Defer, away+int64(before), limit)
}

// turns is whose turn it is in a workload: derived, and kept while nothing of it changes,
// so that the question costs no walk over all that wait.
type turns struct {
	at    time.Duration
	away  []*Work // began, and not back yet
	queue []*Work // wait for nothing else, in their order
	// soaks are those that are back and not for long enough, and until when. lost are those
	// that were back and are not ready again, and those of whom nobody knows what became
	// of them, for whom nothing that serves is taken, too.
	soaks map[sut.ID]time.Duration
	lost  map[sut.ID]time.Duration
}

func (e *Engine) turnsOf(name string, soak time.Duration) *turns {
	if t := e.turns[name]; t != nil && t.at == e.view.now {
		return t
	}
	t := &turns{at: e.view.now, soaks: map[sut.ID]time.Duration{}, lost: map[sut.ID]time.Duration{}}
	for _, w := range e.state.index.works[name] {
		switch {
		case !w.life():
		case w.Began && e.adrift(w):
			t.lost[w.Plan.target().ID] = 0
		case w.Began:
			t.away = append(t.away, w)
		case queues(w.Decision):
			t.queue = append(t.queue, w)
		}
	}
	slices.SortFunc(t.queue, e.compare)
	for _, b := range e.state.Back[name] {
		in := e.view.instances[b.ID]
		since := b.At
		if in != nil && in.Readiness.Result != probe.Unknown {
			since = max(since, in.Readiness.Since)
		}
		switch {
		case since+soak > e.view.now:
			t.soaks[b.ID] = since + soak
		case b.At+hour > e.view.now && in != nil && in.Phase == sut.PhaseRunning && e.view.Ready(b.ID) == sut.No:
			t.lost[b.ID] = b.At + hour
		}
	}
	e.turns[name] = t
	return t
}

// queues: it waits for nothing but its turn.
func queues(d *Decision) bool { return d == nil || d.Rule == RuleStag }

// adrift: its act has no outcome, long after its deadline.
func (e *Engine) adrift(w *Work) bool {
	for _, id := range w.Flight {
		if a := e.state.Acts[id]; a == nil || !a.Unknown || e.view.now < a.Deadline+settleFor {
			return false
		}
	}
	return len(w.Flight) > 0
}

// others are how many but w's own target are away, and one of them. Who serves nobody
// does not wait for those that are lost: its restart takes nothing from anybody, and they
// may wait for each other.
func (t *turns) others(e *Engine, w *Work) (away int64, by sut.ID, until time.Duration) {
	for _, other := range t.away {
		if other == w {
			continue
		}
		if away++; by == "" {
			by = other.Plan.target().ID
		}
	}
	count := func(ids map[sut.ID]time.Duration) {
		for id, at := range ids { // the earliest, then the first: the order does not matter
			if id == w.Plan.target().ID {
				continue
			}
			away++
			if by == "" || until > 0 && (at < until || at == until && id < by) {
				by, until = id, at
			}
		}
	}
	count(t.soaks)
	if e.mayServe(w.Plan.target().ID) {
		count(t.lost)
	}
	return away, by, until
}

// place is how many of the queue come before a work, which may be in it.
func (t *turns) place(e *Engine, w *Work) int {
	i, _ := slices.BinarySearchFunc(t.queue, w, e.compare)
	return i
}

// began takes in that a work of the queue has its turn.
func (t *turns) began(e *Engine, w *Work) {
	t.leave(e, w)
	t.away = append(t.away, w)
}

// decided takes in that a work waits for its turn, or for something else.
func (t *turns) decided(e *Engine, w *Work, now Rule) {
	was, is := queues(w.Decision), now == RuleStag
	switch {
	case w.Began:
	case was && !is && now != RuleNone:
		t.leave(e, w)
	case is && !was:
		i := t.place(e, w)
		t.queue = slices.Insert(t.queue, i, w)
	}
}

func (t *turns) leave(e *Engine, w *Work) {
	if i := t.place(e, w); i < len(t.queue) && t.queue[i] == w {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
}

// compare: what has ended comes first, then one zone after another, and in a zone the
// oldest. Those of whom nothing is known come last.
func (e *Engine) compare(a, b *Work) int {
	x, y := e.view.instances[a.Plan.target().ID], e.view.instances[b.Plan.target().ID]
	if x == nil || y == nil {
		return cmp.Or(cmp.Compare(known(y), known(x)), cmp.Compare(a.ID, b.ID))
	}
	ended := func(w *Work) int {
		if w.Plan.Finding == FindingExited {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(ended(a), ended(b)), cmp.Compare(x.Zone, y.Zone), x.Since.Compare(y.Since), cmp.Compare(a.ID, b.ID),
	)
}

func known(in *Instance) int {
	if in == nil {
		return 0
	}
	return 1
}
