package recovery

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Meter is the fold behind [Measure]. Its zero value is ready; events come in
// the order of the timeline, the header first. It keeps one small point for a
// second of load and the changes of instances and acts, and nothing else.
type Meter struct {
	// Sustained is how long recovery must hold; 0: as the header says, else 10 s.
	Sustained time.Duration

	header    timeline.Header
	baseline  time.Duration // the begin of its phase; 0: none
	revert    time.Duration // the begin of its phase; 0: not yet
	stopped   time.Duration // what ended observation if nothing was reverted; 0: not yet
	last      time.Duration // of the last event
	hits      []*hit        // faults by the time at which their injection began
	acts      []*act
	points    []Point
	capacity  capacity
	comebacks comebacks
	down      map[string]bool // workloads that the engine last decided to scale down
}

// hit is one injected fault.
type hit struct {
	id        string
	workloads []string // of its target; empty: any
	surge     bool     // it is of traffic: it takes no replica, and asks for more
	injected  time.Duration
	full      bool // all replicas were ready when its injection began
	active    *time.Duration
	overtaken bool
	reverted  *time.Duration
	detected  *time.Duration
	acted     *time.Duration
}

// act is one act of the engine.
type act struct {
	id     string
	target string
	verb   string
	issued time.Duration
	down   bool // it scaled down
	ok     bool
}

// Observe takes the next event.
func (m *Meter) Observe(e timeline.Event) {
	m.last = max(m.last, e.At)
	switch {
	case e.Header != nil:
		m.header = *e.Header
		m.capacity.want = e.Header.Workloads
	case e.Phase != nil:
		m.phase(e.Phase.Name, e.At)
	case e.Load != nil:
		m.points = append(m.points, m.point(e.Load))
	case e.Fault != nil:
		m.fault(e)
	case e.Instance != nil:
		m.capacity.observe(e)
		m.comebacks.observe(e, len(m.hits) > 0)
	case e.Replicas != nil:
		m.capacity.ask(e.At, e.Replicas)
	case e.Healing != nil:
		m.healing(e)
	case e.Scale != nil:
		m.scale(e)
	case e.Stop != nil, e.End != nil:
		m.stop(e.At)
	default:
	}
}

func (m *Meter) stop(at time.Duration) {
	if m.stopped == 0 {
		m.stopped = at
	}
}

func (m *Meter) phase(name timeline.PhaseName, at time.Duration) {
	switch name {
	case timeline.PhaseBaseline:
		m.baseline = at
	case timeline.PhaseRevert:
		m.revert = at
		m.stop(at)
	case timeline.PhaseSettle, timeline.PhaseAudit, timeline.PhaseTeardown:
		m.stop(at)
	case timeline.PhaseSetup, timeline.PhaseInject, timeline.PhaseObserve:
	default:
	}
}

func (m *Meter) fault(e timeline.Event) {
	i := slices.IndexFunc(m.hits, func(h *hit) bool { return h.id == e.Fault.ID })
	if i < 0 {
		i = len(m.hits)
		m.hits = append(m.hits, &hit{
			id: e.Fault.ID, workloads: Workloads(e.Target), surge: strings.HasPrefix(e.Target, traffic),
			injected: e.At, full: m.capacity.full,
		})
	}
	h := m.hits[i]
	switch e.Fault.State {
	case timeline.FaultActive:
		if h.active == nil {
			h.active = new(e.At)
		}
	case timeline.FaultOvertaken:
		h.overtaken = true
	case timeline.FaultReverted:
		// What a healer ended first is not ours to have ended.
		if h.reverted == nil && !h.overtaken {
			h.reverted = new(e.At)
		}
	case timeline.FaultInjecting, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultReapplied, timeline.FaultStuck:
	default:
	}
}

func (m *Meter) healing(e timeline.Event) {
	h := e.Healing
	down := h.Verb == scaling && m.down[e.Target]
	switch h.State {
	case timeline.HealingFinding, timeline.HealingDecision:
		if h.Finding == "ready" {
			return // that it is well again is no detection
		}
		for _, f := range m.hits {
			if f.detected == nil && f.met(e.Target, down) {
				f.detected = new(e.At)
			}
		}
	case timeline.HealingAct:
		m.acts = append(m.acts, &act{id: h.Act, target: e.Target, verb: h.Verb, issued: e.At, down: down})
		for _, f := range m.hits {
			if f.detected != nil && f.acted == nil && f.met(e.Target, down) {
				f.acted = new(e.At)
			}
		}
	case timeline.HealingOutcome:
		for _, a := range m.acts {
			if a.id == h.Act && h.Outcome == "ok" {
				a.ok = true
			}
		}
	case timeline.HealingWork, timeline.HealingNotified:
	default:
	}
}

// scale takes a decision of the engine about replicas. That its metrics ask for more is
// how it detects a surge, of which it makes no finding.
func (m *Meter) scale(e timeline.Event) {
	if m.down == nil {
		m.down = map[string]bool{}
	}
	m.down[e.Scale.Workload] = e.Scale.Desired < e.Scale.Current
	for _, f := range m.hits {
		if f.surge && f.detected == nil && e.Scale.Wanted > e.Scale.Current {
			f.detected = new(e.At)
		}
	}
}

// about tells whether a target belongs to what was hit. An event without a
// target may be about anything.
func (h *hit) about(target string) bool {
	if len(h.workloads) == 0 || target == "" {
		return true
	}
	return slices.ContainsFunc(Workloads(target), func(w string) bool { return slices.Contains(h.workloads, w) })
}

// met tells whether a target belongs to what was hit, and what is done to it does not
// add to it: to scale down meets no surge.
func (h *hit) met(target string, down bool) bool { return h.about(target) && (!h.surge || !down) }

func (m *Meter) point(l *timeline.Load) Point {
	p := Point{
		Second: l.Second, Start: l.Start,
		Offered: l.Intended, Good: l.OK, Degraded: l.Degraded, Failed: l.Failed, Dropped: l.Dropped,
		P99: l.Latency.Quantile(0.99),
	}
	p.Quality = m.quality(l)
	return p
}

func (m *Meter) quality(l *timeline.Load) Quality {
	if l.Intended <= 0 {
		return Empty
	}
	least := 0.99
	for _, s := range m.header.Steady {
		if s.SLI == "success" && s.AtLeast > 0 {
			least = s.AtLeast
		}
	}
	least -= 1e-9 // 99 % of 300 are 297, whatever floating point says
	switch {
	case l.Sent > 0 && float64(l.OK) < least*float64(l.Sent):
		return Bad // bad for those that were sent, however few
	case 2*l.Sent <= l.Intended:
		return Thin
	}
	for _, s := range m.header.Steady {
		if s.SLI == "latency" && s.AtMost > 0 && l.Latency.Quantile(cmp.Or(s.Percentile, 99)/100) > s.AtMost {
			return Bad
		}
	}
	return Good
}

// DefaultLoadFloor is the least share of the intended requests that must be
// sent where the header names none. It binds the whole run, as a gate, not each
// second: a load generator that was held up for a moment and dropped a few
// requests says nothing bad of the system, and must not end a recovery.
const DefaultLoadFloor = 0.95

// window is how many good seconds in a row recovery takes.
func (m *Meter) window() int {
	d := cmp.Or(m.Sustained, m.header.Sustained, 10*time.Second)
	return max(1, int(math.Ceil(d.Seconds())))
}

// until is the end of observation.
func (m *Meter) until() time.Duration { return cmp.Or(m.stopped, m.last) }
