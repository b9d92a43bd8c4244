package assertions

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// The limits of gates that a header leaves at zero.
const (
	DefaultLoadFloor    = recovery.DefaultLoadFloor
	DefaultMaxLag       = 100 * time.Millisecond
	DefaultMaxHostLag   = time.Second
	DefaultMaxProberLag = time.Second
)

// Gates are the folds that every run must pass before any check is asked: what
// one does not pass is inconclusive.
func Gates() []Check {
	return []Check{
		&endedInOrder{},
		&steadyBaseline{},
		&loadFloor{},
		&sendLag{},
		&timerLag{id: "hostLag", of: "host"},
		&timerLag{id: "proberLag", of: "prober"},
		&evidence{},
	}
}

// endedInOrder: the record is whole, the run was not stopped, and it left nothing
// behind: neither a fault that could not be undone nor what was found by looking.
type endedInOrder struct {
	stop    string
	ended   bool
	order   []string                  // ids of faults
	faults  map[string]timeline.Event // by id, the last of each
	residue []string
}

func (g *endedInOrder) Observe(e timeline.Event) {
	switch {
	case e.Stop != nil && g.stop == "":
		g.stop = cmp.Or(e.Stop.Reason, "without a reason")
	case e.Fault != nil:
		if g.faults == nil {
			g.faults = map[string]timeline.Event{}
		}
		if _, known := g.faults[e.Fault.ID]; !known {
			g.order = append(g.order, e.Fault.ID)
		}
		g.faults[e.Fault.ID] = e
	case e.End != nil:
		g.ended = true
		g.residue = append(g.residue, e.End.Residue...)
	}
}

func (g *endedInOrder) Verdict() Result {
	r := Result{ID: "endedInOrder", Limit: "to the end", Measured: "to the end"}
	var why []string
	switch {
	case g.stop != "":
		r.Measured = "stopped"
		why = append(why, "the run was stopped early: "+g.stop)
	case !g.ended:
		r.Measured = "cut off"
		why = append(why, "the record ends before the run did: the harness was killed, or the run goes on")
	}
	if left := g.left(); len(left) > 0 {
		r.Measured += fmt.Sprintf(", %d left behind", len(left))
		why = append(why, "the run left something behind: "+strings.Join(left, ", "))
	}
	if len(why) > 0 {
		return r.unsure(strings.Join(why, "; "))
	}
	return r.pass("the run ended in order")
}

// left is what the run left behind.
func (g *endedInOrder) left() []string {
	var all []string
	for _, id := range g.order {
		if e := g.faults[id]; e.Fault.State == timeline.FaultStuck {
			all = append(all, fmt.Sprintf("%s on %s, %s", e.Fault.Fault, e.Target, cmp.Or(e.Fault.Proof, "which could not be undone")))
		}
	}
	return append(all, g.residue...)
}

// loadFloor: what was meant to be sent was sent, in every second.
type loadFloor struct {
	floor          float64
	part           stretch
	intended, sent int
	seconds        int
	first          time.Duration
	last           time.Duration // of any event
}

func (g *loadFloor) Observe(e timeline.Event) {
	if g.part.observe(e) {
		g.intended, g.sent, g.seconds = 0, 0, 0
	}
	g.last = e.At
	switch {
	case e.Header != nil:
		g.floor = cmp.Or(e.Header.Gates.LoadFloor, DefaultLoadFloor)
	case e.Load != nil && g.part.holds(e.Load):
		if g.seconds == 0 {
			g.first = e.Load.Start
		}
		g.seconds++
		g.intended += e.Load.Intended
		g.sent += e.Load.Sent
	}
}

func (g *loadFloor) Verdict() Result {
	r := Result{ID: "loadFloor", Limit: "at least " + percent(g.floor) + " of the load sent"}
	if g.intended == 0 {
		r.Measured = "no load"
		return r.unsure("no load was offered")
	}
	end := g.last
	if g.part.ended {
		end = g.part.end
	}
	// The last second may not be whole, and its event may not have come.
	whole := max(g.seconds, int((end-g.first)/time.Second)-1)
	share := float64(g.sent) / float64(g.intended) * float64(g.seconds) / float64(whole)
	r.Measured = fmt.Sprintf("%s sent: %d of %d requests", percent(share), g.sent, g.intended)
	if g.seconds < whole {
		r.Measured += fmt.Sprintf(", in %d of %d seconds", g.seconds, whole)
	}
	if share < g.floor-1e-9 {
		return r.unsure("too little of the load was sent: " + r.Measured)
	}
	return r.pass("the load was sent")
}

// sendLag: requests were sent when they were meant to be.
type sendLag struct {
	limit time.Duration
	part  stretch
	lag   timeline.Sketch
}

func (g *sendLag) Observe(e timeline.Event) {
	if g.part.observe(e) {
		g.lag = timeline.Sketch{}
	}
	switch {
	case e.Header != nil:
		g.limit = cmp.Or(e.Header.Gates.MaxLag, DefaultMaxLag)
	case e.Load != nil && g.part.holds(e.Load):
		g.lag.Merge(e.Load.Lag)
	}
}

func (g *sendLag) Verdict() Result {
	r := Result{ID: "sendLag", Limit: fmt.Sprintf("p99 at most %s", g.limit)}
	if g.lag.Count() == 0 {
		return r.unsure("how late requests were sent is not recorded")
	}
	p99 := g.lag.Quantile(0.99)
	r.Measured = "p99 " + span(p99)
	if p99 > g.limit {
		return r.unsure(fmt.Sprintf("the load generator could not keep up: requests were sent late, %s", r.Measured))
	}
	return r.pass("requests were sent when they were meant to be")
}

// timerLag: a timer of ours was not late. Nothing recorded is not nothing late:
// the host is measured in every run, the prober where our engine heals, which it
// does at the latest when the baseline is over.
type timerLag struct {
	id, of   string
	limit    time.Duration
	part     stretch
	rebound  bool // our engine heals
	injected bool // the baseline is over
	measured bool
	max      time.Duration
}

func (g *timerLag) Observe(e timeline.Event) {
	if g.part.observe(e) {
		g.measured, g.max = false, 0
	}
	switch {
	case e.Header != nil && g.of == "host":
		g.limit = cmp.Or(e.Header.Gates.MaxHostLag, DefaultMaxHostLag)
	case e.Header != nil:
		g.limit, g.rebound = cmp.Or(e.Header.Gates.MaxProberLag, DefaultMaxProberLag), e.Header.Healers == "rebound"
	case e.Phase != nil && e.Phase.Name == timeline.PhaseInject:
		g.injected = true
	case e.Lag != nil && e.Lag.Of == g.of && g.part.begun && !g.part.ended:
		g.measured, g.max = true, max(g.max, e.Lag.Max)
	}
}

func (g *timerLag) Verdict() Result {
	r := Result{ID: g.id, Limit: fmt.Sprintf("at most %s", g.limit), Measured: "not measured"}
	if g.measured {
		r.Measured = span(g.max)
	}
	switch {
	case !g.measured && (g.of == "host" || g.rebound && g.injected):
		return r.unsure("how late timers of the " + g.of + " were is not recorded: times of this run cannot be trusted")
	case g.max > g.limit:
		return r.unsure(fmt.Sprintf("the %s lagged by %s: times of this run cannot be trusted", g.of, r.Measured))
	}
	return r.pass("the " + g.of + " was not seen to lag")
}

// evidence: every fault that was planned was seen to be active.
type evidence struct {
	planned []timeline.Planned
	active  map[string]bool
	last    map[string]timeline.Event // that could say why it is not active
}

func (g *evidence) Observe(e timeline.Event) {
	switch {
	case e.Header != nil:
		g.planned = e.Header.Faults
		g.active, g.last = map[string]bool{}, map[string]timeline.Event{}
	case e.Fault != nil && g.active != nil:
		switch e.Fault.State {
		case timeline.FaultActive:
			g.active[e.Fault.ID] = true
		case timeline.FaultInjecting, timeline.FaultUnseen, timeline.FaultFailed:
			g.last[e.Fault.ID] = e
		case timeline.FaultOvertaken, timeline.FaultReapplied, timeline.FaultReverted, timeline.FaultStuck:
		default:
		}
	}
}

func (g *evidence) Verdict() Result {
	r := Result{ID: "evidence", Limit: "every fault observed"}
	if len(g.planned) == 0 {
		r.Measured = "no fault"
		return r.unsure("no fault was planned, so nothing was proven")
	}
	var missing []string
	for _, p := range g.planned {
		if g.active[p.ID] {
			continue
		}
		what := fmt.Sprintf("%s on %s", p.Fault, cmp.Or(p.Target, "no target"))
		e, ok := g.last[p.ID]
		switch {
		case !ok:
			what += " was never injected"
		case e.Fault.State == timeline.FaultFailed:
			what += " could not be injected"
		default:
			what += " was injected but its effect was not observed"
		}
		if ok && e.Fault.Proof != "" {
			what += ": " + e.Fault.Proof
		}
		missing = append(missing, what)
	}
	r.Measured = fmt.Sprintf("%d of %d observed", len(g.planned)-len(missing), len(g.planned))
	if len(missing) > 0 {
		return r.unsure(strings.Join(missing, "; "))
	}
	return r.pass("every fault was observed")
}
