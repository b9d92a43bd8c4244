package render

import (
	"cmp"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// story is what a report tells besides the judgement: when things happened, and
// what was warned of. Times are on the run's clock.
type story struct {
	zero   time.Duration // x = 0 of the chart
	axis   string        // what happened then
	phases []period
	faults []hit
	acts   []act
	pools  []*pool
	called []*callee
	// replicas are of every workload, and scaled those that were or could have been, the
	// one that changed most first.
	replicas, scaled []*replicas
	hidden           []string      // what the engine healed again and again, in its words
	broken           time.Duration // when the first injection began; 0: none did
	stop             string
	last             time.Duration
	ended            bool
}

// period is a phase.
type period struct {
	name     string
	from, to time.Duration
}

// hit is a fault from its confirmation to its end.
type hit struct {
	id, name, target string
	from, to         time.Duration
	how              string // overtaken, reverted; empty: it lasted
}

// act is an act of the engine, a decision against one, or a change of how many replicas
// are asked for that was none of its acts.
type act struct {
	n       int // 0: not the engine's
	healer  string
	verb    string
	target  string
	at      time.Duration
	end     time.Duration // 0: it has no outcome
	effect  string        // allow, defer, ask, deny
	reason  string
	outcome string
	id      string // the engine's; empty: not done
	says    string // of scaling: from what to what, and why
}

// done tells whether the act was done and did what it should.
func (a act) done() bool { return a.outcome == "ok" || a.outcome == "already" }

// tell folds the events.
func tell(events []timeline.Event, j assertions.Judgement) story {
	var s story
	outcomes := map[string]timeline.Event{}
	var observe time.Duration
	var told pools
	var calls callees
	var sized scaling
	for _, e := range events {
		s.last = max(s.last, e.At)
		told.observe(e)
		calls.observe(e)
		sized.observe(e)
		switch {
		case e.Phase != nil:
			s.closePhase(e.At)
			s.phases = append(s.phases, period{name: string(e.Phase.Name), from: e.At})
			if e.Phase.Name == timeline.PhaseInject {
				observe = e.At
			}
		case e.Fault != nil:
			s.onFault(e)
		case e.Healing != nil && e.Healing.State == timeline.HealingOutcome:
			if _, ok := outcomes[e.Healing.Act]; !ok {
				outcomes[e.Healing.Act] = e
			}
		case e.Healing != nil && e.Healing.State == timeline.HealingFinding && e.Healing.Finding == "recurring":
			s.hidden = append(s.hidden, oneLine(e.Healing.Text))
		case e.Stop != nil:
			s.stop = oneLine(e.Stop.Reason)
		case e.End != nil:
			s.ended = true
		}
	}
	s.called = calls.all()
	s.pools, s.replicas, s.scaled = told.all(), sized.order, sized.all()
	s.closePhase(s.last)
	for i := range s.faults {
		if s.faults[i].to == 0 {
			s.faults[i].to = s.last
		}
	}
	s.list(j.Actions, outcomes, sized.says)
	r := j.Recovery
	switch {
	case r.InjectedAt != nil:
		s.zero, s.axis = *r.InjectedAt, "seconds since the fault was confirmed"
	case observe > 0:
		s.zero, s.axis = observe, "seconds since the injection began; no fault was confirmed"
	default:
		s.axis = "seconds since the run began; nothing was injected"
	}
	return s
}

func (s *story) closePhase(at time.Duration) {
	if n := len(s.phases); n > 0 {
		s.phases[n-1].to = at
	}
}

func (s *story) onFault(e timeline.Event) {
	f := e.Fault
	if s.broken == 0 {
		s.broken = e.At
	}
	i := slices.IndexFunc(s.faults, func(h hit) bool { return h.id == f.ID })
	switch f.State {
	case timeline.FaultActive:
		if i < 0 {
			s.faults = append(s.faults, hit{id: f.ID, name: oneLine(f.Fault), target: oneLine(e.Target), from: e.At})
		}
	case timeline.FaultReapplied:
		if i >= 0 {
			s.faults[i].to, s.faults[i].how = 0, ""
		}
	case timeline.FaultOvertaken, timeline.FaultReverted:
		if i >= 0 && s.faults[i].to == 0 {
			s.faults[i].to, s.faults[i].how = e.At, string(f.State)
		}
	case timeline.FaultInjecting, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultStuck:
	}
}

// list makes the acts from the judgement's actions, so that a report has one
// list of them, and adds how each ended and, of scaling, what it says.
func (s *story) list(actions []assertions.Action, outcomes map[string]timeline.Event, says map[string]string) {
	for i, x := range actions {
		a := act{
			n: i + 1, id: x.ID, healer: oneLine(x.Healer), verb: oneLine(x.Kind), target: oneLine(x.Target),
			at:     time.Duration(x.AtSeconds * float64(time.Second)),
			effect: x.Decision, reason: oneLine(x.Reason), outcome: oneLine(x.Outcome),
		}
		if e, ok := outcomes[x.ID]; ok && x.ID != "" {
			a.end = e.At
			if !a.done() {
				a.reason = oneLine(e.Healing.Text)
			}
		}
		if words := says[x.ID]; words != "" && x.ID != "" {
			a.says = words
			if a.done() {
				a.reason = words
			} else {
				a.reason = words + ": " + a.reason
			}
		}
		s.acts = append(s.acts, a)
	}
	s.acts = append(s.acts, s.rescaled()...)
	slices.SortStableFunc(s.acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
}

// since is a moment in seconds from the zero of the chart.
func (s story) since(at time.Duration) float64 { return (at - s.zero).Seconds() }
