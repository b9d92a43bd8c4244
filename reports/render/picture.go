package render

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// picture is the chart of a run with its control.
func (u Run) picture() chart {
	s, r := u.story, u.Judgement.Recovery
	ch := chart{
		axis: s.axis, lostUntil: s.since(r.ObservedUntil),
		healed: u.curve(), above: u.loadPanel(), below: u.replicaPanels(),
		lanes: []lane{{name: "acts", marks: u.marks()}},
	}
	ch.below = append(ch.below, u.calleePanels()...)
	if p := u.poolPanel(); p != nil {
		ch.below = append(ch.below, p)
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
		words := broken(f.name, f.target)
		if does := effect(u.Header, f.id); does != "" {
			words += ": " + does
		}
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
	for _, w := range s.scaled {
		ch.title += " Replicas of " + w.name + ": " + w.way() + "."
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
	switch h := u.Header; {
	case !h.Control:
		return arm(h.Healers)
	case h.Healers != "rebound":
		return "control (" + arm(h.Healers) + ")"
	case len(h.Differs) == 0 || slices.Contains(h.Differs, "policy"):
		return "control (policy " + oneLine(h.Policy) + ")"
	case slices.Contains(h.Differs, "system"):
		return "control (other system)"
	default:
		return "control (other settings)"
	}
}

// settings are what the scenario added to the environment of workloads, a line each.
func (u Run) settings() []string {
	var all []string
	for _, w := range slices.Sorted(maps.Keys(u.Header.Env)) {
		for _, name := range slices.Sorted(maps.Keys(u.Header.Env[w])) {
			all = append(all, oneLine(w+": "+name+"="+u.Header.Env[w][name]))
		}
	}
	return all
}

func (u Run) marks() []mark {
	var all []mark
	for _, a := range u.story.acts {
		if a.n == 0 {
			continue // the panel of its workload shows it
		}
		m := mark{n: a.n, x: u.story.since(a.at), end: math.NaN(), hollow: !a.done()}
		if a.end > 0 {
			m.end = u.story.since(a.end)
		}
		m.tip = fmt.Sprintf("%d. %s %s at %s: %s", a.n, a.verb, a.target, offset(m.x), a.ending())
		if a.says != "" {
			m.tip += ", " + a.says
		}
		all = append(all, m)
	}
	return all
}
