package probe

import (
	"context"
	"fmt"
	"maps"
	"net"
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
	watched map[sut.ID]*watched
	labels  map[string]map[string]string // of workloads
	due     queue
	news    *news
	answers chan answered
	workers int
	busy    int
}

// watched is an instance that the policy has probes for.
type watched struct {
	tracker *Tracker
	target  sut.Target
	running bool
	life    int // which one of its incarnations seen by this runner, from 1
	slots   map[Role]*slot
}

// answered is the end of a look.
type answered struct {
	slot   *slot
	at     time.Duration // when it began
	result Result
	detail string
}

func (l *loop) run(ctx context.Context, children *sync.WaitGroup) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.start(ctx, children)
		if next, ok := l.due.next(); ok && l.busy < l.workers {
			timer.Reset(next - l.now())
		} else {
			timer.Reset(time.Hour) // an answer or news will come first
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.news.more:
			l.update(l.news.take())
		case a := <-l.answers:
			l.busy--
			l.answer(a)
		}
	}
}

// start begins what is due, as far as there are workers.
func (l *loop) start(ctx context.Context, children *sync.WaitGroup) {
	for l.busy < l.workers {
		now := l.now()
		next, ok := l.due.next()
		if !ok || next > now {
			return
		}
		s := l.due.pop()
		s.busy = true
		l.busy++
		if l.runner.Lag != nil {
			l.runner.Lag(now - s.due)
		}
		looking, cancel := context.WithCancel(ctx)
		s.cancel = cancel
		children.Go(func() {
			defer cancel()
			result, detail := look(looking, l.dialer(s.target), s.probe)
			select {
			case l.answers <- answered{slot: s, at: now, result: result, detail: detail}:
			case <-ctx.Done():
			}
		})
	}
}

func (l *loop) dialer(t sut.Target) dialFunc {
	return func(ctx context.Context, port string) (net.Conn, error) {
		d, err := sut.Find[sut.Dialer](l.runner.System, sut.CanDial, t)
		if err != nil {
			return nil, &dialError{fmt.Errorf("dial %s port %s: %w", t.ID, port, err)}
		}
		conn, err := d.Dial(ctx, t, port)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

func (l *loop) answer(a answered) {
	s := a.slot
	s.busy, s.cancel = false, nil
	if s.dead {
		return // of an incarnation that is over
	}
	w := l.watched[s.target.ID]
	count := true
	if a.result == Success {
		s.seen = true
	} else if s.impatient() {
		// What comes four times a second must not fill a threshold that was meant
		// for one period each.
		count = s.due >= s.counted+s.period
	}
	if count {
		s.counted = s.due
		if change, ok := w.tracker.Answer(s.target, s.role, a.at, a.result, a.detail); ok {
			l.report(change)
		}
	}
	l.schedule(w)
}

// schedule puts every wanted role of an instance into the heap, and takes the
// others out.
func (l *loop) schedule(w *watched) {
	now := l.now()
	for _, role := range roles {
		s := w.slots[role]
		if s == nil || s.busy {
			continue
		}
		from, ok := w.tracker.Wanted(role)
		switch {
		case !ok:
			l.due.remove(s)
			s.wanted = false
		case !s.queued():
			if !s.wanted {
				s.wanted = true
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

// spec is what the policy says of an instance, which has the labels of its
// workload unless it has its own.
func (l *loop) spec(in sut.Instance) (*policy.Workload, bool) {
	labels := maps.Clone(l.labels[in.Workload])
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, in.Labels)
	in.Labels = labels
	return l.runner.Policy.For(in)
}

func (l *loop) level(in sut.Instance) {
	w := l.watched[in.ID]
	if w == nil {
		spec, ok := l.spec(in)
		if !ok || spec.Startup == nil && spec.Liveness == nil && spec.Readiness == nil {
			return
		}
		w = &watched{tracker: NewTracker(spec)}
		l.watched[in.ID] = w
	}
	running := in.Phase == sut.PhaseRunning
	if running == w.running && (in.Target == w.target || !running) {
		return
	}
	l.retire(w)
	if in.Target != w.target {
		w.life++
	}
	w.target, w.running = in.Target, running
	if !running {
		w.tracker.End()
		return
	}
	now := l.now()
	began := now
	if !in.Since.IsZero() {
		began = now - max(time.Since(in.Since), 0)
	}
	w.tracker.Begin(in.Target, began)
	w.slots = map[Role]*slot{}
	// Not of the incarnation, which is another in every run of one seed.
	hash := seed.Hash(l.runner.Seed, "probe", string(in.ID), strconv.Itoa(w.life))
	for role, p := range w.tracker.probes {
		period := time.Duration(p.PeriodSeconds) * time.Second
		phase := time.Duration(hash % uint64(period))
		if role == Liveness {
			// Midway between two looks of a readiness probe of the same period: what
			// fails both crosses their thresholds in the same order in every run.
			phase = (phase + period/2) % period
		}
		w.slots[role] = &slot{
			target: in.Target, role: role, probe: p, period: period, index: -1,
			phase: phase, spread: time.Duration(hash % uint64(soon)),
		}
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
	for _, s := range w.slots {
		l.due.remove(s)
		s.dead = true
		if s.cancel != nil {
			s.cancel()
		}
	}
	w.slots = nil
}
