package breaker_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// model is a breaker that is slow and obvious: it keeps every call of a period and looks
// through all of them. Only how long it opens for, which is random, and what a ramp lets
// through it takes from the core, and checks against bounds.
type model struct {
	t      *rapid.T
	c      breaker.Config // every field set
	gate   *scripted
	raw    time.Duration
	now    time.Duration
	state  breaker.State
	mode   breaker.Mode
	period int
	since  time.Duration
	until  time.Duration
	delay  time.Duration
	row    int // openings
	opened int // in all
	counts breaker.Counts
	passed int
	retry  time.Duration // when to ask the gate again, if it has told
	told   bool
	ramp   bool
	owed   float64 // by the ramp
	calls  []ended
	trials []*permit
	events []breaker.Event // of the core, to be explained
}

type ended struct {
	at           time.Duration
	failed, slow bool
}

// permit is one of the model's, beside the core's.
type permit struct {
	ticket breaker.Ticket
	period int
	trial  bool
	until  time.Duration
	raw    time.Duration
}

// scripted is a gate that answers what it is told to.
type scripted struct {
	wait  time.Duration
	asked int
}

func (g *scripted) Take(time.Duration) time.Duration {
	g.asked++
	return g.wait
}

func (m *model) pass(raw time.Duration) {
	m.now += max(0, raw-m.raw)
	m.raw = raw
	for {
		switch {
		case m.state == breaker.Open && m.now >= m.until:
			m.enter(breaker.HalfOpen, breaker.DelayOver, m.until)
		case m.state == breaker.HalfOpen && len(m.trials) > 0 && m.now >= m.trials[0].until:
			m.open(m.trials[0].until, breaker.TrialExpired)
		case m.ramp && m.now >= m.until:
			m.ramp = false
		default:
			return
		}
	}
}

// enter explains the core's next event.
func (m *model) enter(to breaker.State, why breaker.Reason, at time.Duration) breaker.Event {
	m.t.Helper()
	if len(m.events) == 0 {
		m.t.Fatalf("no event where the model goes from %v to %v: %v", m.state, to, why)
	}
	e := m.events[0]
	m.events = m.events[1:]
	if e.From != m.state || e.To != to || e.Why != why || e.At != at || e.Mode != m.mode {
		m.t.Fatalf("event %+v, want %v to %v at %v: %v", e, m.state, to, at, why)
	}
	if to != m.state {
		m.state, m.since, m.ramp, m.passed, m.calls, m.trials, m.told = to, at, false, 0, nil, nil, false
		m.period++
	}
	return e
}

func (m *model) open(at time.Duration, why breaker.Reason) {
	if m.state == breaker.Closed && at-m.since >= m.c.ResetAfter {
		m.row = 0
	}
	m.delay = m.c.OpenFor
	for range m.row {
		m.delay = min(m.c.MaxOpenFor, m.delay*time.Duration(m.c.Growth.Num)/time.Duration(m.c.Growth.Den))
	}
	m.row++
	m.opened++
	var window breaker.Tally
	if m.state == breaker.Closed {
		window = m.window()
	}
	e := m.enter(breaker.Open, why, at)
	if e.Window != window {
		m.t.Fatalf("opened by %+v, want %+v", e.Window, window)
	}
	if most := m.delay + m.delay*time.Duration(m.c.Jitter.Num)/time.Duration(m.c.Jitter.Den) + m.c.Spread; e.OpenFor < m.delay || e.OpenFor > most {
		m.t.Fatalf("open for %v, want %v to %v", e.OpenFor, m.delay, most)
	}
	m.until = at + e.OpenFor
}

func (m *model) shut(why breaker.Reason) {
	ramp := m.c.RampOver > 0 && m.state != breaker.ForcedClosed
	m.enter(breaker.Closed, why, m.now)
	m.ramp, m.until, m.owed = ramp, m.now+m.c.RampOver, 1
}

// allow says what must be: admitted, and as a trial.
func (m *model) allow(core bool) (ok, trial bool) {
	switch m.state {
	case breaker.Closed:
		if !m.ramp || m.mode == breaker.MetricsOnly {
			return true, false
		}
		from := float64(m.c.RampFrom.Num) / float64(m.c.RampFrom.Den)
		m.owed += from + (1-from)*float64(m.now-m.since)/float64(m.c.RampOver)
		if core {
			m.owed--
		}
		if m.owed < -1e-3 || m.owed > 1+1e-3 {
			m.t.Fatalf("the ramp owes %v of a call", m.owed)
		}
		return core, false
	case breaker.HalfOpen:
		if !m.c.ProbeOnly && len(m.trials) < m.c.Trials {
			m.gate.asked--
			if m.gate.wait == 0 {
				return true, true
			}
			m.retry, m.told = m.now+m.gate.wait, true
		}
		return m.mode == breaker.MetricsOnly, false
	case breaker.Open:
		return m.mode == breaker.MetricsOnly, false
	case breaker.ForcedOpen:
		return false, false
	case breaker.ForcedClosed:
	}
	return true, false
}

func (m *model) done(p *permit, o breaker.Outcome) {
	out := slices.Index(m.trials, p)
	if p.period != m.period || p.trial && out < 0 {
		m.counts.Stale++ // or done before
		return
	}
	if o < breaker.OK || o > breaker.Neutral {
		o = breaker.Failure
	}
	timed := p.trial || m.state == breaker.Closed && m.c.SlowRate.Den != 0
	late := m.c.SlowAfter > 0 && m.raw-p.raw >= m.c.SlowAfter && timed
	if late && o == breaker.OK {
		o = breaker.Slow
	}
	m.count(o)
	if p.trial {
		m.trials = slices.Delete(m.trials, out, out+1)
		m.tried(o)
		return
	}
	if m.state != breaker.Closed || o == breaker.Neutral {
		return
	}
	m.calls = append(m.calls, ended{m.now, o == breaker.Failure, o == breaker.Slow || late})
	if m.trips() {
		m.open(m.now, breaker.Tripped)
	}
}

func (m *model) count(o breaker.Outcome) {
	switch o {
	case breaker.OK:
		m.counts.OK++
	case breaker.Failure:
		m.counts.Failure++
	case breaker.Slow:
		m.counts.Slow++
	case breaker.Neutral:
		m.counts.Neutral++
	}
}

func (m *model) tried(o breaker.Outcome) {
	if o == breaker.Neutral {
		return
	}
	if o != breaker.OK {
		m.open(m.now, breaker.TrialFailed)
	} else if m.passed++; m.passed >= m.c.Successes {
		m.shut(breaker.TrialsPassed)
	}
}

// trips looks through all calls of the period.
func (m *model) trips() bool {
	t := m.window()
	switch {
	case m.c.Consecutive > 0:
		return t.Failed >= uint64(m.c.Consecutive)
	case m.c.MinCalls > 0:
		share := func(n uint64, r breaker.Ratio) bool {
			return r.Den != 0 && n*uint64(r.Den) >= t.Calls*uint64(r.Num)
		}
		return t.Calls >= uint64(m.c.MinCalls) && (share(t.Failed, m.c.FailureRate) || share(t.Slow, m.c.SlowRate))
	}
	return t.Failed >= uint64(m.c.Failures)
}

func (m *model) window() (t breaker.Tally) {
	for i, c := range m.calls {
		switch {
		case m.c.Consecutive > 0:
			if t.Failed++; !c.failed {
				t.Failed = 0
			}
			continue
		case m.c.LastCalls > 0 && i < len(m.calls)-m.c.LastCalls:
			continue
		case m.c.LastTime > 0:
			width, origin := m.c.LastTime/32, m.calls[0].at
			if (m.now-origin)/width-(c.at-origin)/width >= 32 {
				continue
			}
		case m.c.Failures > 0 && m.now-c.at > m.c.Within:
			continue
		}
		if m.c.MinCalls > 0 {
			t.Calls++
		}
		if c.failed {
			t.Failed++
		}
		if c.slow && m.c.MinCalls > 0 {
			t.Slow++
		}
	}
	return t
}
