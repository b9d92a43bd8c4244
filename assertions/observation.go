package assertions

import "github.com/rebound-chaos/rebound/reports/timeline"

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
