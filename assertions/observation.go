package assertions

import (
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
