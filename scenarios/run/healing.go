package run

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// healing turns the engine's records, as they come over the socket, into events.
// It reads and never answers: the timeline is a sink.
type healing struct {
	rec *record
	lag *lag

	mu     sync.Mutex
	events map[uint64]uint64 // record number to event number; guarded by mu, as is all below
	acts   map[healers.ActID]healers.Act
	scaled map[string]*healers.Scale // the last decision on each workload
	works  map[healers.WorkID]work
	heard  bool
	first  chan struct{} // closed with the first record
}

type work struct{ healer, target string }

func newHealing(rec *record, l *lag) *healing {
	return &healing{
		rec: rec, lag: l, events: map[uint64]uint64{}, acts: map[healers.ActID]healers.Act{}, scaled: map[string]*healers.Scale{},
		works: map[healers.WorkID]work{}, first: make(chan struct{}),
	}
}

// report takes one message of the engine.
func (h *healing) report(raw json.RawMessage) {
	var m struct {
		healers.Record
		ProberLag *time.Duration `json:"proberLag"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		h.rec.note("the engine reported what cannot be read: " + err.Error())
		return
	}
	if m.ProberLag != nil {
		h.lag.proberWas(*m.ProberLag)
		return
	}
	if m.Command != nil { // a run that people had a hand in must not look like any other
		h.rec.Append(timeline.Event{Kind: timeline.KindNote, Actor: timeline.ActorUser, Note: &timeline.Note{Text: healers.Text(m.Record)}})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.heard {
		h.heard = true
		close(h.first)
	}
	cause := h.events[m.Cause]
	if m.Scale != nil {
		// One that repeats the one before leaves out what it would repeat.
		if whole := m.Scale.Whole(h.scaled[m.Scale.Workload]); whole != nil {
			m.Scale = whole
		}
		h.scaled[m.Scale.Workload] = m.Scale
		h.events[m.Seq] = h.rec.Append(timeline.Event{
			Kind: timeline.KindScale, Actor: timeline.ActorEngine, Target: m.Scale.Workload, Cause: cause, Scale: scaleOf(m.Scale),
		})
		return
	}
	target, event, ok := h.healing(m.Record)
	if !ok {
		h.events[m.Seq] = cause // what hangs on it hangs on what it hung on
		return
	}
	if cause == 0 && event.State == timeline.HealingFinding {
		cause = h.rec.causeOf(instanceOf(target))
	}
	h.events[m.Seq] = h.rec.Append(timeline.Event{
		Kind: timeline.KindHealing, Actor: timeline.ActorEngine, Target: target, Cause: cause, Healing: &event,
	})
}

// healing is a record as an event; ok is false for what is no news to people.
func (h *healing) healing(r healers.Record) (target string, e timeline.Healing, ok bool) {
	e = timeline.Healing{Record: r.Seq, Text: healers.Text(r)}
	if r.Work != 0 {
		e.Work = strconv.FormatUint(uint64(r.Work), 10)
		e.Healer = h.works[r.Work].healer
	}
	switch {
	case r.Finding != nil:
		e.State, e.Finding = timeline.HealingFinding, string(r.Finding.Kind)
		// That a condition is over is told by what was done, and by the instance.
		return string(r.Finding.Target.ID), e, !r.Finding.Ended
	case r.Decision != nil:
		d := r.Decision
		e.State, e.Healer, e.Verb, e.Rule, e.Have, e.Limit = timeline.HealingDecision, d.Healer, string(d.Verb), string(d.Rule), d.Have, d.Limit
		e.Effect = d.Effect.String()
		return string(d.Target.ID), e, true
	case r.Act != nil:
		a := *r.Act
		h.acts[a.ID] = a
		e.State, e.Healer, e.Verb, e.Act = timeline.HealingAct, a.Healer, string(a.Verb), actID(a.ID)
		if a.Verb == healers.VerbNotify || a.Verb == healers.VerbPage {
			e.State = timeline.HealingNotified
		}
		return string(a.Target.ID), e, true
	case r.Done != nil:
		a := h.acts[r.Done.ID]
		e.State, e.Healer, e.Verb, e.Act, e.Outcome = timeline.HealingOutcome, a.Healer, string(a.Verb), actID(r.Done.ID), string(r.Done.Result)
		return string(a.Target.ID), e, true
	case r.Change != nil:
		w := h.works[r.Work]
		if p := r.Change.Plan; p != nil {
			w = work{healer: p.Healer}
			if len(p.Targets) > 0 {
				w.target = string(p.Targets[0].ID)
			}
			h.works[r.Work] = w
		}
		e.State, e.Healer = timeline.HealingWork, w.healer
		return w.target, e, true
	default:
		return "", e, false
	}
}

func scaleOf(d *healers.Scale) *timeline.Scale {
	s := &timeline.Scale{
		Workload: d.Workload, Current: int(d.Current), Wanted: int(d.Wanted), Desired: int(d.Desired), Bound: string(d.Bound), Says: d.Says,
	}
	for _, m := range d.Metrics {
		s.Metrics = append(s.Metrics, timeline.ScaleMetric{Name: m.Name, Ratio: m.Ratio, Error: m.Error})
	}
	return s
}

func actID(id healers.ActID) string { return strconv.FormatUint(uint64(id), 10) }
