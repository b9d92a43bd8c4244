package probe

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// loop is the state of one Run; only its goroutine touches it.
type loop struct {
	runner  *Runner
	now     func() time.Duration
	report  func(Change)
	asked   map[*policy.Workload]*asked
	watched map[sut.ID]*watched
	labels  map[string]map[string]string // of workloads
	due     queue
	news    *news
	pool    *pool
	health  health
}

func (l *loop) run(ctx context.Context, children *sync.WaitGroup) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.start(ctx, children)
		l.tell()
		timer.Reset(l.wait())
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.news.more:
			l.update(l.news.take())
		case k := <-l.pool.done:
			if l.pool.back(k); ctx.Err() != nil {
				l.pool.put(k) // it was called off with all others
				return
			}
			l.answer(k)
		}
	}
}

// wait is how long the loop can wait for an answer or for news.
func (l *loop) wait() time.Duration {
	next := l.now() + time.Hour
	if due, ok := l.due.next(); ok && !l.pool.full() {
		next = min(next, due)
	}
	if due, ok := l.health.due(); ok {
		next = min(next, due)
	}
	return next - l.now()
}

// start begins what is due, as far as there are workers.
func (l *loop) start(ctx context.Context, children *sync.WaitGroup) {
	for !l.pool.full() {
		now := l.now()
		next, ok := l.due.next()
		if !ok || next > now {
			return
		}
		s := l.due.pop()
		w, k := s.of, l.pool.take()
		k.slot, k.due, k.limit = s, s.due, l.health.limit(now, seconds(w.tracker.asked.probes[s.role].TimeoutSeconds))
		k.system, k.target, k.handler = l.runner.System, w.tracker.target, w.tracker.asked.handlers[s.role]
		k.dialer, k.kept = w.dialer, s.kept
		s.look, s.kept = k, nil
		l.health.late(now - s.due)
		l.pool.give(ctx, children, k)
	}
}

func (l *loop) tell() {
	due, ok := l.health.due()
	if now := l.now(); ok && due <= now {
		told := l.health.tell(now)
		if l.runner.Health != nil {
			l.runner.Health(told)
		}
	}
}

func (l *loop) answer(k *look) {
	defer l.pool.put(k)
	l.health.look(k)
	if l.runner.begun != nil {
		l.runner.begun(k.begun - k.due)
	}
	s := k.slot
	if s.look != k {
		return // of an incarnation that is over
	}
	w := s.of
	s.look, s.kept, k.kept, w.dialer = nil, k.kept, nil, k.dialer
	if k.result == Unknown {
		w.dialer = nil // it may be the dialer that is wrong
	}
	count := s.counts(k.result)
	s.seen = s.seen || k.result == Success
	if s.role == w.tracker.asked.telling() {
		l.answered(w, k.result)
	}
	if count {
		s.counted = s.due
		blind := w.tracker.blind()
		if change, ok := w.tracker.Answer(k.target, roles[s.role], k.begun, k.result, k.detail); ok {
			l.health.now.Blind += w.tracker.blind() - blind
			l.report(change)
		}
	}
	l.schedule(w)
}

func (l *loop) answered(w *watched, r Result) {
	if l.runner.Answered != nil {
		l.runner.Answered(Answer{w.tracker.target, r})
	}
}

// schedule puts every wanted probe of an instance into the heap, and takes the
// others out.
func (l *loop) schedule(w *watched) {
	now := l.now()
	for i := range w.slots {
		s := &w.slots[i]
		if s.look != nil {
			continue
		}
		from, ok := w.tracker.wanted(int(s.role))
		switch {
		case !ok:
			l.unwant(s)
		case !s.queued():
			if !s.wanted {
				s.wanted = true
				l.health.now.Probes++
				s.first = max(from, now)
				s.counted = s.first
				s.due = s.begin()
			} else {
				s.due = s.after(now)
			}
			l.due.push(s)
		}
	}
}

func (l *loop) unwant(s *slot) {
	l.due.remove(s)
	if s.wanted {
		s.wanted = false
		l.health.now.Probes--
	}
	if s.kept != nil {
		_ = bare(s.kept).Close()
		s.kept = nil
	}
}

// update takes the newest levels of instances.
func (l *loop) update(n latest) {
	for _, w := range n.workloads {
		l.labels[w.Name] = w.Labels
	}
	if n.reset {
		for id := range l.watched {
			if n.instances[id] == nil {
				l.forget(id)
			}
		}
	}
	for _, id := range sorted(n.instances) {
		if in := n.instances[id]; in != nil {
			l.level(*in)
		} else {
			l.forget(id)
		}
	}
}

// askedOf is what the policy says of an instance, which has the labels of its
// workload unless it has its own.
func (l *loop) askedOf(in sut.Instance) (*asked, bool) {
	labels := maps.Clone(l.labels[in.Workload])
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, in.Labels)
	in.Labels = labels
	w, ok := l.runner.Policy.For(in)
	if !ok {
		return nil, false
	}
	a := l.asked[w]
	if a == nil {
		a = newAsked(w)
		l.asked[w] = a
	}
	return a, a.count() > 0
}

func (l *loop) level(in sut.Instance) {
	w := l.watched[in.ID]
	if w == nil {
		a, ok := l.askedOf(in)
		if !ok {
			return
		}
		w = newWatched(a)
		l.watched[in.ID] = w
	}
	running := in.Phase == sut.PhaseRunning
	if running == w.tracker.running && (in.Target == w.tracker.target || !running) {
		return
	}
	l.retire(w)
	if in.Target != w.tracker.target {
		w.life++
	}
	w.tracker.End()
	w.tracker.target = in.Target
	if !running {
		return
	}
	now := l.now()
	began := now
	if !in.Since.IsZero() {
		began = now - max(time.Since(in.Since), 0)
	}
	w.tracker.Begin(in.Target, began)
	// Not of the incarnation, which is another in every run of one seed.
	w.hash = seed.Hash(l.runner.Seed, "probe", string(in.ID), strconv.Itoa(int(w.life)))
	for i := range w.slots {
		w.slots[i].seen = false
	}
	l.schedule(w)
}

func (l *loop) forget(id sut.ID) {
	if w := l.watched[id]; w != nil {
		l.retire(w)
		delete(l.watched, id)
	}
}

// retire ends the looks at an incarnation, also those under way: one that waits
// for its time-out would hold up the first look at the next.
func (l *loop) retire(w *watched) {
	l.health.now.Blind -= w.tracker.blind()
	for i := range w.slots {
		s := &w.slots[i]
		if s.look != nil {
			s.look.callOff()
			s.look = nil
		}
		l.unwant(s)
	}
	w.dialer = nil
	if w.tracker.running {
		l.answered(w, Unknown)
	}
}

// close hangs up on every instance.
func (l *loop) close() {
	for _, w := range l.watched {
		l.retire(w)
	}
	l.pool.close()
}
