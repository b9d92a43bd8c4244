package recovery

import (
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// comeback is an instance that started after a fault: a new incarnation, or a new
// instance.
type comeback struct {
	target, workload string
	started          time.Duration
	ready            *time.Duration // nil: it has not come that far, or not yet
	fresh            bool           // its ID was not there before the first fault
}

// comebacks follows what started since the first fault.
type comebacks struct {
	known map[string]bool // IDs that were there before it
	since []*comeback
}

func (c *comebacks) observe(e timeline.Event, broken bool) {
	if c.known == nil {
		c.known = map[string]bool{}
	}
	if !broken {
		c.known[e.Target] = true
		if e.Instance.State == timeline.InstanceGone {
			delete(c.known, e.Target) // one that is made later is another, whatever its number
		}
		return
	}
	switch e.Instance.State {
	case timeline.InstanceStarted:
		c.since = append(c.since, &comeback{
			target: e.Target, workload: e.Instance.Workload, started: e.At, fresh: !c.known[e.Target],
		})
	case timeline.InstanceReady:
		for _, b := range slices.Backward(c.since) {
			if b.target == e.Target {
				if b.ready == nil {
					b.ready = new(e.At)
				}
				break
			}
		}
	case timeline.InstanceExited, timeline.InstanceGone:
		// One that ended before it was ready has brought nothing back.
		c.since = slices.DeleteFunc(c.since, func(b *comeback) bool { return b.target == e.Target && b.ready == nil })
	case timeline.InstanceUnready, timeline.InstanceIn, timeline.InstanceOut:
	default:
	}
}

// steering are the acts that send users elsewhere, or new instances: they start
// nothing, so that what comes back after them comes back by itself.
var steering = []string{"rotateIn", "rotateOut", "cordon", "uncordon"}

// scaling is the act that asks for more instances, or for fewer.
const scaling = "scale"

// reported is how much later than what it did an act may be recorded, for the two
// come over different ways.
const reported = 250 * time.Millisecond

// restoredBy attributes recovery to who was first. What counts is the first
// instance that came back: it is the healer's if an act of ours on it, that ended
// well and could start something, was issued before it started, else the
// platform's. Where none came back, as after a cleaned disk, it is the healer's if
// any act on what was hit, issued after the injection began and before recovery
// (give or take the second that recovery is exact to), ended well.
//
// A surge takes nothing that could come back: of its comebacks those count that are
// new, where any are. To scale heals by new instances alone, and only up.
func (m *Meter) restoredBy(r *Recovery, hits []*hit) RestoredBy {
	first := hits[0]
	dipped := r.FullBefore && m.capacity.dipped(first.injected, r.ObservedUntil)
	suffered := r.TTM == nil || *r.TTM > 0
	switch {
	case r.TTR != nil && (suffered || dipped):
		return m.restorer(hits, *r.RestoredAt)
	case r.TTR != nil:
		return ByNone // nothing was lost
	case r.TTM != nil && suffered:
		return m.restorer(hits, *r.RecoveredAt)
	case r.RecoverAfterRevert != nil:
		return ByRevert
	case r.TTM != nil && dipped && m.revert > 0 && m.capacity.full:
		return ByRevert // replicas came back only then
	default:
		return ByNone
	}
}

// restorer is who brought about what was back at a time.
func (m *Meter) restorer(hits []*hit, by time.Duration) RestoredBy {
	back := m.firstBack(hits, by, slices.ContainsFunc(hits, func(h *hit) bool { return h.surge }))
	for _, a := range m.acts {
		if !a.ok || a.down || (a.verb == scaling && back == nil) || a.issued > by+second || !slices.ContainsFunc(hits, func(h *hit) bool { return a.issued >= h.injected && h.about(a.target) }) {
			continue
		}
		if back == nil || a.started(back) {
			return ByHealer
		}
	}
	return ByPlatform
}

// firstBack is the instance that was ready first of those that came back by a time, or
// that are new.
func (m *Meter) firstBack(hits []*hit, by time.Duration, fresh bool) *comeback {
	var back *comeback
	for _, b := range m.comebacks.since {
		hit := slices.ContainsFunc(hits, func(h *hit) bool { return h.about(b.target) })
		if hit && b.ready != nil && *b.ready <= by+second && (b.fresh || !fresh) && (back == nil || *b.ready < *back.ready) {
			back = b
		}
	}
	if back == nil && fresh {
		return m.firstBack(hits, by, false)
	}
	return back
}

// started tells whether the act can have started an instance.
func (a *act) started(b *comeback) bool {
	if slices.Contains(steering, a.verb) || a.issued > b.started+reported || (a.verb == scaling && !b.fresh) {
		return false
	}
	target := subject(a.target)
	switch target {
	case b.target, b.workload, "":
		return true
	default:
		// A replacement has a new ID, and the act was on the old one.
		return b.fresh && slices.Equal(Workloads(target), Workloads(b.target))
	}
}

// subject is the instance or workload that an act on this target is on; "" is that
// of a node or a zone, which holds any.
func subject(target string) string {
	if len(Workloads(target)) == 0 {
		return ""
	}
	from, _, _ := strings.Cut(target, ">")
	from, _, _ = strings.Cut(from, ":")
	return from
}
