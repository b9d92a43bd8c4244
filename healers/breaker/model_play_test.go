package breaker_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

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
		leaps := 5 // of years, so that the sum of them fits
		raw, permits, sequence := m.raw, []*permit{{}}, uint64(0)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			raw += drawTime(t, &leaps)
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
				} else {
					m.counts.Rejected++
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

// drawTime is mostly short; now and then back, or years as long as there are leaps left.
func drawTime(t *rapid.T, leaps *int) time.Duration {
	switch rapid.IntRange(0, 20).Draw(t, "time") {
	case 0:
		return -time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "back"))
	case 1:
		if *leaps > 0 {
			*leaps--
			return time.Duration(rapid.Int64Range(0, int64(10*365*24*time.Hour)).Draw(t, "years"))
		}
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
	case s.Openings != m.row || s.Opened != m.opened:
		m.t.Fatalf("opened %d times in a row, %d in all, want %d, %d", s.Openings, s.Opened, m.row, m.opened)
	case s.Counted != m.c.Count || s.Counted && s.Counts != m.counts:
		m.t.Fatalf("counted %+v, want %+v", s.Counts, m.counts)
	case s.Wait != m.wait():
		m.t.Fatalf("wait %v, want %v in %v (%v)", s.Wait, m.wait(), m.state, m.mode)
	}
}

// wait is how long until it is worth asking again.
func (m *model) wait() time.Duration {
	switch {
	case m.mode == breaker.MetricsOnly:
		return 0
	case m.state == breaker.ForcedOpen:
		return m.c.OpenFor
	case m.state == breaker.Open, m.ramp:
		return m.until - m.now
	case m.state != breaker.HalfOpen:
		return 0
	case m.c.ProbeOnly:
		return m.delay
	case len(m.trials) == m.c.Trials:
		return m.trials[0].until - m.now
	case m.told && m.now < m.retry:
		return m.retry - m.now
	}
	return 0
}
