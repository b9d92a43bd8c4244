package recovery

import (
	"cmp"
	"slices"
	"time"
)

const second = time.Second

// Recovery is what the events so far tell.
func (m *Meter) Recovery() Recovery {
	r := Recovery{RestoredBy: ByNone, ObservedUntil: m.until(), Curve: slices.Clone(m.points)}
	if m.revert > 0 {
		r.RevertedAt = new(m.revert)
	}
	m.requests(&r)
	var hits []*hit
	for _, h := range m.hits {
		if h.active != nil {
			hits = append(hits, h)
		}
	}
	if len(hits) == 0 {
		return r
	}
	slices.SortStableFunc(hits, func(a, b *hit) int { return cmp.Compare(*a.active, *b.active) })
	first := hits[0]
	r.InjectedAt, r.DetectedAt, r.ActedAt = first.active, first.detected, first.acted
	if first.detected != nil {
		r.TTD = new(max(0, *first.detected-*first.active))
		if first.acted != nil {
			r.TTA = new(*first.acted - *first.detected)
		}
	}
	r.FullBefore = m.hits[0].full
	m.recover(&r, hits)
	m.lost(&r, *first.active)
	m.relapses(&r, *first.active)
	r.RestoredBy = m.restoredBy(&r, hits)
	return r
}

// requests counts what users asked for while something was broken.
func (m *Meter) requests(r *Recovery) {
	from := time.Duration(0)
	if len(m.hits) > 0 {
		from = m.hits[0].injected
	}
	for _, p := range m.points {
		if p.Start+second > from && p.Start < r.ObservedUntil {
			r.FailedRequests += p.Failed + p.Dropped
			r.TotalRequests += p.Good + p.Failed + p.Dropped
		}
	}
}

// worst keeps the longest of several faults' times; one that is missing makes
// all of it missing.
type worst struct {
	d       *time.Duration
	missing bool
}

func (w *worst) add(d time.Duration) {
	if w.d == nil || d > *w.d {
		w.d = &d
	}
}

func (w *worst) value() *time.Duration {
	if w.missing {
		return nil
	}
	return w.d
}

// recover measures every fault from its own confirmation to its own end.
func (m *Meter) recover(r *Recovery, hits []*hit) {
	hold := time.Duration(m.window()) * second
	var ttm, ttr, full, undone, fullAfter, ended, recoveredAt, restoredAt, least, fullLeast worst
	for _, h := range hits {
		from, until := *h.active, m.ends(h)
		sus, recovered := m.sustained(from, until)
		up, restored := m.capacity.restored(from, until, hold)
		restored = restored && r.FullBefore
		if recovered {
			ttm.add(sus - from)
			recoveredAt.add(sus)
		} else {
			ttm.missing = true
			least.add(max(0, m.trailing(from, until)-from))
			reverted, ok := m.undone(h)
			undone.add(reverted)
			undone.missing = undone.missing || !ok
		}
		if restored {
			full.add(up - from)
		} else {
			full.missing = true
			fullLeast.add(max(0, until-from))
		}
		if h.reverted == nil || *h.reverted >= m.until() {
			ended.missing, fullAfter.missing = true, true
		} else if ended.add(*h.reverted); r.FullBefore {
			back, is := m.capacity.restored(*h.reverted, m.until(), hold)
			fullAfter.add(back - *h.reverted)
			fullAfter.missing = fullAfter.missing || !is
		}
		if recovered && restored {
			ttr.add(max(sus, up) - from)
			restoredAt.add(max(sus, up))
		} else {
			ttr.missing = true
		}
	}
	r.TTM, r.TTR, r.Capacity = ttm.value(), ttr.value(), full.value()
	if last := undone.value(); last != nil { // what ended earlier was followed by more
		if back, ok := m.returned(*last); ok {
			r.RecoverAfterRevert = new(max(0, back-*last))
		}
	}
	r.TTMAtLeast, r.CapacityAtLeast = least.value(), fullLeast.value()
	r.CapacityAfterRevert, r.EndedAt = fullAfter.value(), ended.value()
	if r.TTM != nil {
		r.RecoveredAt = recoveredAt.value()
		r.EndedBad = m.endedBad(*hits[0].active, r.ObservedUntil)
	}
	if r.TTR != nil {
		r.RestoredAt = restoredAt.value()
	}
}

// ends is when a fault no longer counts: at its revert or the end of observation.
func (m *Meter) ends(h *hit) time.Duration {
	if h.reverted != nil {
		return min(*h.reverted, m.until())
	}
	return m.until()
}

// undone is when we began to undo a fault.
func (m *Meter) undone(h *hit) (time.Duration, bool) {
	switch {
	case h.reverted != nil && (m.revert == 0 || *h.reverted < m.revert):
		return *h.reverted, true
	case m.revert > 0:
		return m.revert, true
	default:
		return 0, false
	}
}

// lost integrates the lost share of good answers over whole seconds: all of the
// one in which the fault was confirmed, and of the last what was observed. Where more or
// fewer are asked for than before the fault, as in a surge, so many more or fewer are due.
func (m *Meter) lost(r *Recovery, from time.Duration) {
	var good, offered []int
	for _, p := range m.points {
		if p.Start >= m.baseline && p.Start+second <= m.hits[0].injected && (p.Quality == Good || p.Quality == Bad) {
			good, offered = append(good, p.Good), append(offered, p.Offered)
		}
	}
	q0, l0 := median(good), median(offered)
	if q0 == 0 || l0 == 0 {
		return
	}
	var sum float64
	for _, p := range m.points {
		if p.Start+second <= from || p.Start >= r.ObservedUntil || p.Quality == Empty {
			continue
		}
		share := min(1, (r.ObservedUntil - p.Start).Seconds())
		sum += share * max(0, 1-float64(p.Good)/(q0*float64(p.Offered)/l0))
	}
	r.AvailabilityLost = new(time.Duration(sum * float64(second)))
}

// median sorts; 0 of none.
func median(n []int) float64 {
	if len(n) == 0 {
		return 0
	}
	slices.Sort(n)
	return float64(n[len(n)/2]+n[(len(n)-1)/2]) / 2
}

func (m *Meter) relapses(r *Recovery, from time.Duration) {
	var back bool
	for _, p := range m.points {
		if p.Start+second <= from || p.Start >= r.ObservedUntil {
			continue
		}
		switch {
		case p.Quality == Bad && back:
			r.Relapses++
			back = false
		case p.Quality == Bad:
			r.Suffered = true
		case p.Quality == Good:
			back = r.Suffered
		}
	}
}
