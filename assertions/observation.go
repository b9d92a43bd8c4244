package assertions

import (
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// observation tells whether an event lies between the first injection and the
// end of observation.
type observation struct{ begun, ended bool }

func (o *observation) observe(e timeline.Event) {
	switch {
	case e.Fault != nil && (e.Fault.State == timeline.FaultInjecting || e.Fault.State == timeline.FaultActive):
		o.begun = true
	case e.Stop != nil, e.End != nil:
		o.ended = true
	case e.Phase != nil:
		switch e.Phase.Name {
		case timeline.PhaseRevert, timeline.PhaseSettle, timeline.PhaseAudit, timeline.PhaseTeardown:
			o.ended = true
		case timeline.PhaseSetup, timeline.PhaseBaseline, timeline.PhaseInject, timeline.PhaseObserve:
		default:
		}
	}
}

func (o *observation) open() bool { return o.begun && !o.ended }

// stretch is the part of a run that gates look at: from the baseline, the last where
// it was taken again, to the end of observation.
type stretch struct {
	begin, end   time.Duration
	begun, ended bool
}

// observe tells whether the stretch begins, and what was seen before does not count.
func (s *stretch) observe(e timeline.Event) (begins bool) {
	var o observation
	o.observe(e)
	switch {
	case e.Phase != nil && e.Phase.Name == timeline.PhaseBaseline:
		s.begin, s.begun = e.At, true
		return true
	case o.ended && !s.ended:
		s.end, s.ended = e.At, true
	}
	return false
}

// holds tells whether a whole second of load lies in it.
func (s *stretch) holds(l *timeline.Load) bool {
	return s.begun && l.Start >= s.begin && (!s.ended || l.Start+time.Second <= s.end)
}

// window is when observation was: from the first injection to its end.
type window struct {
	observation

	from, until time.Duration
}

func (w *window) observe(e timeline.Event) {
	begun, ended := w.begun, w.ended
	w.observation.observe(e)
	if !begun && w.begun {
		w.from = e.At
	}
	if !ended {
		w.until = e.At
	}
}

// confirmed is a fault that was.
type confirmed struct {
	id        string
	at        time.Duration
	traffic   bool           // it is of what users send
	overtaken *time.Duration // a healer ended it, so that we did not; nil: it did not
	reverted  *time.Duration // nil: not yet
}

// confirmations are all faults that were confirmed, in that order.
type confirmations []*confirmed

func (c *confirmations) observe(e timeline.Event) {
	if e.Fault == nil {
		return
	}
	var f *confirmed
	for _, known := range *c {
		if known.id == e.Fault.ID {
			f = known
		}
	}
	switch {
	case f == nil && e.Fault.State == timeline.FaultActive:
		*c = append(*c, &confirmed{id: e.Fault.ID, at: e.At, traffic: strings.HasPrefix(e.Target, "traffic:")})
	case f == nil:
	case e.Fault.State == timeline.FaultOvertaken:
		f.overtaken = new(e.At)
	case e.Fault.State == timeline.FaultReapplied:
		f.overtaken = nil
	case e.Fault.State == timeline.FaultReverted && f.reverted == nil && f.overtaken == nil:
		f.reverted = new(e.At)
	}
}

// measured is the fault that replicas are wanted for: the first of what users send, else
// the first.
func (c confirmations) measured() *confirmed {
	for _, f := range c {
		if f.traffic {
			return f
		}
	}
	return c[0]
}

// lasts tells that nobody has ended the fault so far.
func (f *confirmed) lasts() bool { return f.overtaken == nil && f.reverted == nil }

// ends is when the fault was over, at then at the latest.
func (f *confirmed) ends(then time.Duration) time.Duration {
	for _, at := range []*time.Duration{f.overtaken, f.reverted} {
		if at != nil {
			then = min(then, *at)
		}
	}
	return then
}

// endedBy tells whether we ended the fault, before then.
func (f *confirmed) endedBy(then time.Duration) bool { return f.reverted != nil && *f.reverted < then }
