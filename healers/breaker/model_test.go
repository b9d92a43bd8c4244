package breaker_test

import (
	"math"
	"slices"
	"testing"
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
	passed int
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
		m.state, m.since, m.ramp, m.passed, m.calls, m.trials = to, at, false, 0, nil, nil
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
	e := m.enter(breaker.Open, why, at)
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
		return // stale, or done before
	}
	if o < breaker.OK || o > breaker.Neutral {
		o = breaker.Failure
	}
	late := m.c.SlowAfter > 0 && m.raw-p.raw >= m.c.SlowAfter && (p.trial || m.c.SlowRate.Den != 0)
	if p.trial {
		m.trials = slices.Delete(m.trials, out, out+1)
		if late && o == breaker.OK {
			o = breaker.Slow
		}
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

// drawConfig is any that means something, with every field set.
func drawConfig(t *rapid.T) breaker.Config {
	dur := func(name string, low, high time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, name))
	}
	n := func(name string, low, high int) int { return rapid.IntRange(low, high).Draw(t, name) }
	c := breaker.Config{
		OpenFor: dur("openFor", 1, 40*time.Second), Growth: breaker.Ratio{Num: n("growth", 2, 6), Den: 2},
		Jitter: breaker.Percent(n("jitter", 0, 100)), ResetAfter: dur("reset", 0, 30*time.Second),
		Trials: n("trials", 1, 3), Successes: n("successes", 1, 4), TrialTimeout: dur("lease", 0, 40*time.Second),
		RampFrom: breaker.Percent(n("rampFrom", 0, 100)), Seed: rapid.Uint64Min(1).Draw(t, "seed"),
		Mode: breaker.Mode(n("mode", 0, 3)), Count: rapid.Bool().Draw(t, "count"),
	}
	c.MaxOpenFor = c.OpenFor + dur("more", 0, 2*time.Minute)
	if rapid.Bool().Draw(t, "ramp") {
		c.RampOver = dur("rampOver", 1, 30*time.Second)
	} else {
		c.RampFrom = breaker.Ratio{}
	}
	if rapid.Bool().Draw(t, "spread") {
		c.Spread, c.Identity = dur("spread over", 1, 20*time.Second), rapid.String().Filter(func(s string) bool { return s != "" }).Draw(t, "identity")
	}
	if n("probe only", 0, 9) == 0 {
		c.ProbeOnly, c.Trials, c.TrialTimeout = true, 0, 0
	}
	if rapid.Bool().Draw(t, "lease as delay") {
		c.TrialTimeout = 0
	}
	if rapid.Bool().Draw(t, "slow after") {
		c.SlowAfter = dur("slowAfter", 1, 10*time.Second)
	}
	switch n("window", 0, 3) {
	case 0:
		c.Failures, c.Within = n("failures", 1, 6), dur("within", 1, 30*time.Second)
	case 1:
		c.Consecutive = n("consecutive", 1, 6)
	default:
		which := n("rates", 1, 3)
		if which&1 != 0 {
			c.FailureRate = breaker.Ratio{Num: n("failed", 1, 7), Den: 7}
		}
		if which&2 != 0 {
			c.SlowRate = breaker.Percent(n("slow", 1, 100))
		}
		c.MinCalls = n("minCalls", 1, 8)
		if rapid.Bool().Draw(t, "by calls") {
			c.LastCalls = c.MinCalls + n("lastCalls", 0, 8)
		} else {
			c.LastTime = dur("lastTime", time.Millisecond, 30*time.Second)
		}
	}
	return c
}

// TestModel plays any calls, results however late and often, clock steps, forced states
// and probes to the core and to the model; they must agree in everything at each step.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, c: drawConfig(t), gate: &scripted{}, state: breaker.Closed, period: 1}
		config := m.c
		config.Listen = func(breaker.Event) {}
		if !m.c.ProbeOnly {
			config.Gate = m.gate
		}
		origin := time.Duration(rapid.Int64Range(-math.MaxInt64/4, math.MaxInt64/4).Draw(t, "origin"))
		m.raw, m.now, m.since, m.mode = origin, origin, origin, m.c.Mode
		core, err := breaker.NewCore(config, m.raw)
		if err != nil {
			t.Fatalf("config %+v: %v", config, err)
		}
		if forced, ok := map[breaker.Mode]breaker.State{breaker.ForceOpen: breaker.ForcedOpen, breaker.ForceClosed: breaker.ForcedClosed}[m.mode]; ok {
			m.state = forced
		}
		raw, permits, sequence := m.raw, []*permit{{}}, uint64(0)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			raw += drawTime(t)
			op := rapid.IntRange(0, 30).Draw(t, "op")
			m.gate.wait = time.Duration(max(0, rapid.Int64Range(-20, 20).Draw(t, "gate"))) * time.Second / 10
			p := rapid.SampledFrom(permits).Draw(t, "permit")
			if len(permits) > 1 && rapid.Bool().Draw(t, "last") {
				p = permits[len(permits)-1]
			}
			o := rapid.SampledFrom(outcomes).Draw(t, "outcome")
			mode := breaker.Mode(rapid.IntRange(0, 4).Draw(t, "mode"))
			var ticket breaker.Ticket
			var got bool
			switch {
			case op < 12:
				ticket, got = core.Allow(raw)
			case op < 25:
				core.Done(raw, p.ticket, o)
			case op == 25:
				got = core.Trip(raw)
			case op == 26:
				got = core.Reset(raw)
			case op == 27:
				core.Force(raw, mode)
			case op == 28:
				got = core.Probe(raw, o)
			default:
				core.Tick(raw)
			}
			m.events = core.Events()
			for _, e := range m.events {
				if sequence++; e.Sequence != sequence {
					t.Fatalf("event %d has the number %d", sequence, e.Sequence)
				}
			}
			m.pass(raw)
			var want bool
			switch {
			case op < 12:
				var isTrial bool
				if want, isTrial = m.allow(got); want {
					q := &permit{ticket: ticket, period: m.period, trial: isTrial, raw: raw}
					if q.until = m.now + m.c.TrialTimeout; m.c.TrialTimeout == 0 {
						q.until = m.now + m.delay
					}
					permits = append(permits, q)
					if isTrial {
						m.trials = append(m.trials, q)
					}
				}
			case op < 25:
				m.done(p, o)
			case op == 25:
				if want = m.state == breaker.Closed || m.state == breaker.HalfOpen; want {
					m.open(m.now, breaker.ByHand)
				}
			case op == 26:
				want = m.reset()
			case op == 27:
				m.force(mode)
			case op == 28:
				if want = m.state == breaker.HalfOpen && o != breaker.Neutral; want {
					m.tried(o)
				}
			}
			m.agree(core, raw, got, want)
		}
	})
}

var outcomes = []breaker.Outcome{
	breaker.OK, breaker.OK, breaker.Failure, breaker.Failure, breaker.Failure, breaker.Slow, breaker.Neutral, 0, 77,
}

// drawTime is mostly short; now and then years, or back.
func drawTime(t *rapid.T) time.Duration {
	switch rapid.IntRange(0, 20).Draw(t, "time") {
	case 0:
		return -time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "back"))
	case 1:
		return time.Duration(rapid.Int64Range(0, int64(10*365*24*time.Hour/100)).Draw(t, "years"))
	case 2, 3, 4, 5, 6:
		return 0
	case 7, 8, 9:
		return time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "long"))
	}
	return time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "short"))
}

func (m *model) reset() bool {
	if m.state == breaker.ForcedOpen || m.state == breaker.ForcedClosed {
		return false
	}
	m.row = 0
	if m.state == breaker.Closed {
		m.period++
		m.calls = nil
	} else {
		m.shut(breaker.ByHand)
		m.row = 0
	}
	return true
}

func (m *model) force(mode breaker.Mode) {
	if mode == m.mode || mode > breaker.MetricsOnly {
		return
	}
	m.mode = mode
	switch {
	case mode == breaker.ForceOpen:
		m.enter(breaker.ForcedOpen, breaker.Forced, m.now)
	case mode == breaker.ForceClosed:
		m.enter(breaker.ForcedClosed, breaker.Forced, m.now)
	case m.state == breaker.ForcedOpen || m.state == breaker.ForcedClosed:
		m.row = 0
		m.shut(breaker.Forced)
	default:
		m.enter(m.state, breaker.Forced, m.now)
	}
}

// agree compares all that can be seen.
func (m *model) agree(core *breaker.Core, raw time.Duration, got, want bool) {
	m.t.Helper()
	s := core.Snapshot(raw)
	switch {
	case got != want:
		m.t.Fatalf("%v, want %v in %v (%v)", got, want, m.state, m.mode)
	case len(m.events) > 0:
		m.t.Fatalf("events that the model has not: %+v", m.events)
	case s.State != m.state || s.Mode != m.mode || s.For != m.now-m.since:
		m.t.Fatalf("%v for %v (%v), want %v for %v (%v)", s.State, s.For, s.Mode, m.state, m.now-m.since, m.mode)
	case s.State == breaker.HalfOpen && s.Trials != len(m.trials):
		m.t.Fatalf("%d trials are out, want %d", s.Trials, len(m.trials))
	case s.State == breaker.Closed && s.Window != m.window():
		m.t.Fatalf("the window holds %+v, want %+v", s.Window, m.window())
	case m.gate.asked != 0:
		m.t.Fatalf("the gate was asked %d times more than there was a trial to give", m.gate.asked)
	case s.State == breaker.Open && m.mode != breaker.MetricsOnly && s.Wait != m.until-m.now:
		m.t.Fatalf("wait %v, want %v", s.Wait, m.until-m.now)
	}
}
