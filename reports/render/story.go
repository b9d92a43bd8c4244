package render

import (
	"cmp"
	"fmt"
	"math"
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
	hidden []string      // what the engine healed again and again, in its words
	broken time.Duration // when the first injection began; 0: none did
	stop   string
	last   time.Duration
	ended  bool
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

// act is an act of the engine, or a decision against one.
type act struct {
	n       int
	healer  string
	verb    string
	target  string
	at      time.Duration
	end     time.Duration // 0: it has no outcome
	effect  string        // allow, defer, ask, deny
	reason  string
	outcome string
	id      string // the engine's; empty: not done
}

// done tells whether the act was done and did what it should.
func (a act) done() bool { return a.outcome == "ok" || a.outcome == "already" }

// tell folds the events.
func tell(events []timeline.Event, j assertions.Judgement) story {
	var s story
	outcomes := map[string]timeline.Event{}
	var observe time.Duration
	var told pools
	for _, e := range events {
		s.last = max(s.last, e.At)
		told.observe(e)
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
	s.pools = told.all()
	s.closePhase(s.last)
	for i := range s.faults {
		if s.faults[i].to == 0 {
			s.faults[i].to = s.last
		}
	}
	s.list(j.Actions, outcomes)
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
// list of them, and adds how each ended.
func (s *story) list(actions []assertions.Action, outcomes map[string]timeline.Event) {
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
		s.acts = append(s.acts, a)
	}
}

// since is a moment in seconds from the zero of the chart.
func (s story) since(at time.Duration) float64 { return (at - s.zero).Seconds() }

// picture is the chart of a run with its control.
func (u Run) picture() chart {
	s, r := u.story, u.Judgement.Recovery
	ch := chart{
		axis: s.axis, lostUntil: s.since(r.ObservedUntil),
		healed: u.curve(), pools: u.poolPanel(),
		lanes: []lane{{name: "acts", marks: u.marks()}},
	}
	for _, sli := range u.Header.Steady {
		switch sli.SLI {
		case "success":
			ch.atLeast = sli.AtLeast
		case "latency":
			ch.atMost = sli.AtMost
		}
	}
	ch.from, ch.to = u.extent()
	for _, f := range s.faults {
		words := f.name + " " + f.target
		tip := fmt.Sprintf("fault %s: %s, from %s to %s", f.id, words, offset(s.since(f.from)), offset(s.since(f.to)))
		if f.how != "" {
			tip += ", " + f.how
		}
		ch.faults = append(ch.faults, bar{s.since(f.from), s.since(f.to), words, tip})
	}
	for _, p := range s.phases {
		ch.phases = append(ch.phases, bar{from: s.since(p.from), to: s.since(p.to), label: p.name})
	}
	ch.rules = u.rules()
	ch.title = fmt.Sprintf("%s: good answers in percent of the offered load, and latency, over %s.", oneLine(u.Header.Scenario), s.axis)
	if r.TTM != nil {
		ch.title += " Users were served again after " + seconds(*r.TTM) + "."
	}
	if c := u.Control; c != nil {
		ch.control = c.curve()
		from, to := c.extent()
		ch.from, ch.to = math.Min(ch.from, from), math.Max(ch.to, to)
		if marks := c.marks(); len(marks) > 0 {
			ch.lanes = append(ch.lanes, lane{name: "control", square: true, marks: marks})
		}
		if cr := c.Judgement.Recovery; cr.RecoveredAt != nil {
			ch.rules = append(ch.rules, rule{c.story.since(*cr.RecoveredAt), "control: users served again, " + seconds(*cr.TTM), "rule-control", true})
		}
	}
	return ch
}

func (u Run) rules() []rule {
	s, r := u.story, u.Judgement.Recovery
	var all []rule
	if r.InjectedAt != nil {
		all = append(all, rule{0, "fault confirmed", "rule-fault", false})
	}
	if r.DetectedAt != nil && r.TTD != nil {
		all = append(all, rule{s.since(*r.DetectedAt), "detected, TTD " + seconds(*r.TTD), "rule-plain", false})
	}
	if r.RecoveredAt != nil {
		all = append(all, rule{s.since(*r.RecoveredAt), "users served again, TTM " + seconds(*r.TTM), "rule-healed", true})
	}
	if r.RestoredAt != nil && r.TTR != nil && (r.RecoveredAt == nil || *r.RestoredAt != *r.RecoveredAt) {
		all = append(all, rule{s.since(*r.RestoredAt), "all replicas back, TTR " + seconds(*r.TTR), "rule-plain", false})
	}
	if r.RevertedAt != nil {
		all = append(all, rule{s.since(*r.RevertedAt), "we revert", "rule-plain", false})
	}
	slices.SortStableFunc(all, func(a, b rule) int { return cmp.Compare(a.x, b.x) })
	return all
}

// extent is what of a run is worth a picture: its load, and what came before it.
func (u Run) extent() (from, to float64) {
	curve := u.Judgement.Recovery.Curve
	if len(curve) == 0 {
		return u.story.since(0), u.story.since(u.story.last)
	}
	return u.story.since(curve[0].Start), u.story.since(curve[len(curve)-1].Start + time.Second)
}

func (u Run) curve() *curve {
	c := &curve{name: u.arm()}
	for _, p := range u.Judgement.Recovery.Curve {
		st := step{x: u.story.since(p.Start), share: math.NaN(), p99: p.P99}
		if p.Offered > 0 {
			st.share = float64(p.Good) / float64(p.Offered)
		}
		c.steps = append(c.steps, st)
	}
	return c
}

func (u Run) arm() string {
	if h := u.Header; h.Control && h.Healers == "rebound" {
		return "control (policy " + oneLine(h.Policy) + ")"
	} else if h.Control {
		return "control (" + arm(h.Healers) + ")"
	}
	return arm(u.Header.Healers)
}

func (u Run) marks() []mark {
	var all []mark
	for _, a := range u.story.acts {
		m := mark{n: a.n, x: u.story.since(a.at), end: math.NaN(), hollow: !a.done()}
		if a.end > 0 {
			m.end = u.story.since(a.end)
		}
		m.tip = fmt.Sprintf("%d. %s %s at %s: %s", a.n, a.verb, a.target, offset(m.x), a.ending())
		all = append(all, m)
	}
	return all
}
