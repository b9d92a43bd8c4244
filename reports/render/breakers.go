package render

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// callee is what the clients of one workload told of their calls to it, all together.
type callee struct {
	to       string
	seconds  []calleeSecond
	breakers map[string]timeline.BreakerState // by client, as each last told
	guarded  bool                             // a client has one
	troubled bool                             // calls were refused or tried again
	extra    int                              // requests beyond calls, and calls without one
	again    int                              // requests beyond calls, less calls without one
}

// calleeSecond is one second of calls, which ends at at.
type calleeSecond struct {
	at                        time.Duration
	calls, attempts, rejected int
	opened, trials, peak      int
	open, half                int // breakers, at its end
}

// callees fold what clients tell. They tell one after another, once a second: what comes
// within half a second of a round belongs to it.
type callees struct {
	of    map[string]*callee
	first time.Duration
	over  bool // the load has ended: what is called from here on, our audit asks for
}

func (c *callees) observe(e timeline.Event) {
	switch {
	case e.Phase != nil:
		c.over = e.Phase.Name == timeline.PhaseAudit || e.Phase.Name == timeline.PhaseTeardown
	case e.Breaker != nil && !c.over:
		c.told(e)
	case e.Instance != nil && (e.Instance.State == timeline.InstanceExited || e.Instance.State == timeline.InstanceGone):
		for _, q := range c.of {
			delete(q.breakers, e.Target)
		}
	}
}

func (c *callees) told(e timeline.Event) {
	if c.of == nil {
		c.of, c.first = map[string]*callee{}, e.At
	}
	b := e.Breaker
	q := c.of[b.To]
	if q == nil {
		q = &callee{to: cut(oneLine(b.To), maxPoolName), breakers: map[string]timeline.BreakerState{}}
		c.of[b.To] = q
	}
	at := c.first + (e.At - c.first + time.Second/2).Truncate(time.Second)
	if n := len(q.seconds); n == 0 || q.seconds[n-1].at < at {
		q.seconds = append(q.seconds, calleeSecond{at: at})
	}
	s := &q.seconds[len(q.seconds)-1]
	s.calls += b.Calls
	s.attempts += b.Attempts
	s.rejected += b.Rejected
	s.opened += b.Opened
	s.trials += b.Trials
	s.peak += max(b.Peak, b.InFlight)
	if b.State != "" {
		q.breakers[e.Target], q.guarded = b.State, true
	}
	s.open, s.half = 0, 0
	for _, state := range q.breakers {
		switch state {
		case timeline.BreakerOpen, timeline.BreakerForcedOpen:
			s.open++
		case timeline.BreakerHalfOpen:
			s.half++
		case timeline.BreakerClosed, timeline.BreakerForcedClosed:
		}
	}
	q.extra += max(b.Attempts-b.Calls, b.Calls-b.Attempts)
	q.again += b.Attempts - b.Calls
	q.troubled = q.troubled || b.Opened > 0 || b.Rejected > 0 || q.again > 0
}

// all are the workloads that are called, the one with the most trouble first.
func (c *callees) all() []*callee {
	return slices.SortedFunc(maps.Values(c.of), func(a, b *callee) int {
		return cmp.Or(cmp.Compare(b.extra, a.extra), cmp.Compare(a.to, b.to))
	})
}

// shownCallees are the workloads whose calls had trouble, in a run or in its control, and
// if none had, the first of them that clients tell of.
func (u Run) shownCallees() []string {
	var all, well []string
	for _, v := range []*Run{&u, u.Control} {
		if v == nil {
			continue
		}
		for _, q := range v.story.called {
			switch {
			case slices.Contains(all, q.to):
			case q.troubled:
				all = append(all, q.to)
			default:
				well = append(well, q.to)
			}
		}
	}
	if len(all) == 0 {
		return well[:min(len(well), 1)]
	}
	return all[:min(len(all), maxCalleePanels)]
}

func (u *Run) calleeOf(to string) *callee {
	if u == nil {
		return nil
	}
	for _, q := range u.story.called {
		if q.to == to {
			return q
		}
	}
	return nil
}

// breakerNumbers are rows for the workloads that the panels show; none where no client
// tells of its calls.
func (u Run) breakerNumbers() []number {
	var rows []number
	for _, to := range u.shownCallees() {
		healed, control := u.calleeNumbers(to), [4]string{}
		if u.Control != nil {
			control = u.Control.calleeNumbers(to)
		}
		for i, n := range []number{
			{Name: "Requests to " + to, Explain: "that its clients sent, and calls that were asked of them, from the injection to the end of observation"},
			{Name: "Refused at once", Explain: "calls of these for which nothing was sent, since a breaker was open"},
			{Name: "Breakers opened", Explain: "how often, of all its clients together, in that time"},
			{Name: "Trials", Explain: "calls by which breakers found out whether to close, in that time; the most in flight at once"},
		} {
			n.Healed, n.Control = healed[i], control[i]
			rows = append(rows, n)
		}
	}
	return rows
}

func (u *Run) calleeNumbers(to string) [4]string {
	q := u.calleeOf(to)
	if q == nil {
		return [4]string{none, none, none, none}
	}
	var sum calleeSecond
	for _, s := range q.seconds {
		if s.at > u.story.broken && s.at <= u.Judgement.Recovery.ObservedUntil {
			sum.calls, sum.attempts, sum.rejected = sum.calls+s.calls, sum.attempts+s.attempts, sum.rejected+s.rejected
			sum.opened, sum.trials, sum.peak = sum.opened+s.opened, sum.trials+s.trials, max(sum.peak, s.peak)
		}
	}
	words := [4]string{count(sum.attempts) + " for " + plural(sum.calls, "call", "calls"), none, none, none}
	if q.guarded {
		words[1], words[2], words[3] = count(sum.rejected), count(sum.opened), count(sum.trials)
		if sum.trials > 0 {
			words[3] += ", " + count(sum.peak) + " at once"
		}
	}
	return words
}
