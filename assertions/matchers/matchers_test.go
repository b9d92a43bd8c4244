package matchers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/assertions/matchers"
	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// outcome is a run as a scenario hands it over.
type outcome struct{ *timelinetest.Builder }

func (o outcome) Timeline() []timeline.Event { return o.Events() }

func TestMatchers(t *testing.T) {
	var (
		healed  = outcome{timelinetest.Healed()}
		missed  = outcome{timelinetest.Missed()}
		placebo = outcome{timelinetest.Placebo()}
		lossy   = outcome{timelinetest.Healed()}
		herd    = outcome{timelinetest.Healed()}
		unready = outcome{timelinetest.Begin(timeline.Header{}).Seconds(3, 100, 100)}
		empty   = outcome{timelinetest.Begin(timeline.Header{})}
	)
	lossy.Writes(2400, 3, 0)
	for name, row := range map[string]struct {
		matcher  types.GomegaMatcher
		yes, no  outcome
		cannot   outcome
		says     []string // parts of the message that no gets
		inStead  string   // a part of what cannot gets
		negative string   // a part of the message that a negated yes gets
	}{
		"RecoverWithin":                 {matchers.RecoverWithin(8 * time.Second), healed, missed, placebo, []string{"to pass recoverWithin", "not recovered in the", "within 8s, sustained for 10s", "only after our own revert"}, "evidence", "not to pass recoverWithin"},
		"Sustained":                     {matchers.RecoverWithin(8 * time.Second).Sustained(12 * time.Second), healed, missed, placebo, []string{"sustained for 12s"}, "evidence", "1.75s"},
		"HaveCapacityRestoredWithin":    {matchers.HaveCapacityRestoredWithin(15 * time.Second), healed, missed, placebo, []string{"not restored", "within 15s"}, "evidence", "3.67s"},
		"HaveCapacityAfterRevertWithin": {matchers.HaveCapacityAfterRevertWithin(2 * time.Second), looped(1, true), looped(1, false), placebo, []string{"not in the 3s observed", "within 2s of the end", "the fault was over"}, "evidence", "in time"},
		"BeServedAfterRevertWithin":     {matchers.BeServedAfterRevertWithin(2 * time.Second), returned(1), returned(4), placebo, []string{"within 2s of the end"}, "evidence", "in time"},
		"RestartAtMost":                 {matchers.RestartAtMost("orders", 1), healed, looped(1, true), placebo, []string{"3 of orders with 3 replicas: orders/1 3", "at most 1 of orders"}, "evidence", "no more were started"},
		"BackOff":                       {matchers.BackOff(assertions.BackOff{Initial: assertions.Duration(time.Second)}), looped(1, true), looped(2, true), placebo, []string{"orders/1: 0s, 2s, 4s", "0s, then 1s doubling to 5m0s", "came 2s after its end, and 1s is due"}, "evidence", "when it was due"},
		"LoseAtMost":                    {matchers.LoseAtMost(3 * time.Second).OfAvailability(), healed, missed, placebo, []string{"8.37s", "at most 3s", "5.37s too much"}, "evidence", "450ms"},
		"HaveNoHerd":                    {matchers.HaveNoHerd(assertions.NoHerd{MaxReconnectsPerSecond: 8}), healed, crowded(herd), placebo, []string{"20 of 8 connections", "are allowed"}, "evidence", "nothing came"},
		"LoseNoAcknowledgedWrite":       {matchers.LoseNoAcknowledgedWrite(), healed, lossy, placebo, []string{"3 lost of 2400", "0 lost", "o-0001"}, "evidence", "was found"},
		"BeHealedBy":                    {matchers.BeHealedBy(recovery.ByHealer), healed, missed, placebo, []string{"by revert", "by healer"}, "evidence", "by healer"},
		"HaveEnoughReplicas":            {matchers.HaveEnoughReplicas(assertions.EnoughReplicas{Workload: "orders", AtLeast: 4, Within: assertions.Duration(2 * time.Second)}), grown(growth{to: 4}), grown(growth{to: 3}), placebo, []string{"3 at most in the 8s of the fault", "4 of orders within 2s", "never 4"}, "evidence", "in time"},
		"BeScaledBackWithin":            {matchers.BeScaledBackWithin("orders", 3, 2*time.Second), grown(growth{to: 4}), grown(growth{to: 6, stays: true}), placebo, []string{"not in the 4s observed: 6 were asked for", "3 of orders within 2s of the end", "3 are enough"}, "evidence", "stayed so"},
		"OvershootAtMost":               {matchers.OvershootAtMost("orders", 4, 1), grown(growth{to: 5}), grown(growth{to: 6}), placebo, []string{"6 at most, 2 more (50 %), for 8s", "1 more than the 4 of orders", "5 allowed"}, "evidence", "are allowed"},
		"FlapAtMost":                    {matchers.FlapAtMost("orders", 1), grown(growth{to: 4}), grown(growth{to: 4, again: true}), placebo, []string{"3 turns: 3, 4, 3, 4, 3", "at most 1 turns of orders", "turned its direction 3 times"}, "evidence", "no more often"},
		"FailWhileScalingAtMost":        {matchers.FailWhileScalingAtMost(assertions.ErrorsWhileScaling{Workload: "orders", Up: 10}), grown(growth{to: 4, failed: 20}), grown(growth{to: 4, failed: 30}), placebo, []string{"15 %, 30 of 200", "10% while orders is scaled up, 0% down", "10% may"}, "evidence", "no more failed"},
		"RemoveNoneInUse":               {matchers.RemoveNoneInUse("orders"), grown(growth{to: 4}), grown(growth{to: 4, inUse: true}), placebo, []string{"1 of 1 went, 1 of them in rotation", "out of rotation first", "orders/3 ended while"}, "evidence", "no connection broke"},
		"HaveBreakersOpen":              {matchers.HaveBreakersOpen(assertions.OpensWithin{To: "store", Within: assertions.Duration(2 * time.Second)}), tripped(true, 1), tripped(false, 1), placebo, []string{"0 of 1 clients", "within 2s", "did not open"}, "evidence", "in time"},
		"FailFast":                      {matchers.FailFast(assertions.FailsFast{To: "store", AtLeast: 90}), tripped(true, 1), tripped(false, 1), placebo, []string{"0 %, 0 rejected and 2800 failed", "at least 90% of the calls", "only 0 %"}, "evidence", "refused at once"},
		"AmplifyAtMost":                 {matchers.AmplifyAtMost("store", 2), tripped(false, 2), tripped(false, 3), placebo, []string{"3.00, 6000 requests for 2000 calls", "at most 2.00 requests", "2.00 are allowed"}, "evidence", "within their budget"},
		"HaveTrialsInFlight":            {matchers.HaveTrialsInFlight(assertions.TrialsInFlight{To: "store", AtMost: 1}), tripped(true, 1), tripped(true, 2), placebo, []string{"2 in flight at once", "at most 1 trials", "1 are allowed"}, "evidence", "no more tried"},
		"HaveRecoveryOvershoot":         {matchers.HaveRecoveryOvershoot(assertions.RecoveryOvershoot{To: "store"}), tripped(true, 1), tripped(false, 2), placebo, []string{"80 %, 360 in the second", "at most 25% more", "80 % more came"}, "evidence", "without a herd"},
		"ServeDegraded":                 {matchers.ServeDegraded(assertions.DegradedServed{AtLeast: new(assertions.Percent(50))}), tripped(true, 1), tripped(false, 1), placebo, []string{"0 %, 0 of 2800", "at least 50% of the good answers", "only 0 %"}, "evidence", "as should be"},
		"BeSteady":                      {matchers.BeSteady(), healed, unready, empty, []string{"success 50 %", "at least 99 %"}, "no whole second", "was steady"},
		"PassAllChecks":                 {matchers.PassAllChecks(), healed, missed, placebo, []string{"to pass all checks", "measured: fail", "capacityRestored: "}, "evidence", "every check passed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			g.Expect(row.yes).To(row.matcher)
			g.Expect(row.yes.Events()).To(row.matcher, "the events alone")
			g.Expect(row.no).NotTo(row.matcher)
			for _, part := range row.says {
				g.Expect(row.matcher.FailureMessage(row.no)).To(gomega.ContainSubstring(part))
			}
			ok, err := row.matcher.Match(row.cannot)
			if ok || !errors.Is(err, matchers.ErrInconclusive) || !strings.Contains(err.Error(), row.inStead) {
				t.Errorf("of what cannot be told: %v, %v", ok, err)
			}
			if ok, err := row.matcher.Match(row.yes); !ok || err != nil {
				t.Errorf("asked again: %v, %v", ok, err)
			}
			g.Expect(row.matcher.NegatedFailureMessage(row.yes)).To(gomega.ContainSubstring(row.negative))
		})
	}
}

func TestWhatIsNoRun(t *testing.T) {
	for _, m := range []types.GomegaMatcher{matchers.RecoverWithin(time.Second), matchers.BeSteady(), matchers.PassAllChecks()} {
		if ok, err := m.Match("a string"); ok || err == nil || !strings.Contains(err.Error(), "got a string") {
			t.Errorf("%v, %v", ok, err)
		}
	}
	if ok, err := matchers.RecoverWithin(0).Match(timelinetest.Healed().Events()); ok || !strings.Contains(err.Error(), "within is required") {
		t.Errorf("without a limit: %v, %v", ok, err)
	}
}

// crowded is a run in which connections come at once, in the middle of it.
func crowded(o outcome) outcome {
	b := timelinetest.Begin(timeline.Header{}).Seconds(3, 200, 0).
		Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").
		Connections("orders/0", "store/0", 20).Seconds(12, 200, 0).
		Phase(timeline.PhaseRevert)
	o.Builder = b.End()
	return o
}

// returned is a run whose users are served badly for so many seconds after the fault ended
// by itself.
func returned(bad int) outcome {
	b := timelinetest.Begin(timeline.Header{}).Seconds(3, 200, 0).
		Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve).
		Seconds(3, 100, 100).Fault("1", timeline.FaultReverted, "").Seconds(bad, 100, 100).Seconds(12, 200, 0).Phase(timeline.PhaseRevert)
	return outcome{b.End()}
}

// looped is a run in which an instance ends three times and is started at once, then
// after so many seconds, then after twice as many, and is ready at last or is not. Its
// fault ends by itself.
func looped(seconds int, ready bool) outcome {
	b := timelinetest.Begin(timeline.Header{}).Seconds(3, 200, 0).
		Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve)
	for n := range 3 {
		b.Seconds(1, 200, 0).Instance("orders/1", timeline.InstanceExited).
			Seconds(n*seconds, 200, 0).Instance("orders/1", timeline.InstanceStarted)
	}
	if ready {
		b.Instance("orders/1", timeline.InstanceReady)
	}
	b.Seconds(3, 200, 0).Fault("1", timeline.FaultReverted, "").Seconds(3, 200, 0).Phase(timeline.PhaseRevert)
	return outcome{b.End()}
}

// tripped is a run whose only client of the store has a breaker that opens, and then has
// so many trials at once, and answers degraded; or one that does not, and sends so many
// requests for each call that fails, also for a second when the store is back.
func tripped(opens bool, n int) outcome {
	b := timelinetest.Begin(timeline.Header{})
	second := func(degraded int, c timeline.Breaker) {
		c.To, c.Over = "store", time.Second
		b.After(900*time.Millisecond).Breaker("orders/0", c)
		l := timeline.Load{Intended: 200, Sent: 200, OK: 200, Degraded: degraded}
		for range l.Sent {
			l.Lag.Add(b.Lag)
			l.Latency.Add(b.Latency)
		}
		b.Load(l)
	}
	well := timeline.Breaker{State: timeline.BreakerClosed, Calls: 200, Attempts: 200}
	for range 3 {
		second(0, well)
	}
	b.Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve)
	degraded, away := 150, timeline.Breaker{State: timeline.BreakerOpen, Calls: 200, Rejected: 200}
	if !opens {
		degraded, away = 0, timeline.Breaker{State: timeline.BreakerClosed, Calls: 200, Attempts: 200 * n, Failed: 200 * n}
	}
	for range 13 {
		second(degraded, away)
	}
	if opens {
		away = timeline.Breaker{State: timeline.BreakerHalfOpen, Calls: 200, Attempts: n, Rejected: 200 - n, Trials: n, Peak: n}
	}
	second(degraded, away)
	b.Fault("1", timeline.FaultReverted, "")
	if !opens && n > 1 {
		second(0, away)
	}
	second(0, well)
	b.Phase(timeline.PhaseRevert)
	return outcome{b.End()}
}

// growth is what becomes of orders in a surge.
type growth struct {
	to     int  // instances, of three
	failed int  // requests of the second in which they start
	stays  bool // it is not scaled back when the surge is over
	again  bool // it is scaled up and back once more
	inUse  bool // what is removed is in rotation
}

// grown is a run with a surge of eight seconds. What it brings can serve after two, and
// is removed two seconds after its end.
func grown(g growth) outcome {
	b := timelinetest.Begin(timeline.Header{Faults: []timeline.Planned{{ID: "1", Fault: "surge", Target: "traffic:gateway", For: 8 * time.Second}}}).
		Desired("orders", 3).Seconds(3, 200, 0).
		Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve).
		Seconds(1, 200, 0).Desired("orders", g.to)
	become := func(states ...timeline.InstanceState) {
		for n := 3; n < g.to; n++ {
			for _, s := range states {
				b.Instance(fmt.Sprintf("orders/%d", n), s)
			}
		}
	}
	become(timeline.InstanceOut, timeline.InstanceStarted)
	b.Seconds(1, 200-g.failed, g.failed)
	become(timeline.InstanceReady, timeline.InstanceIn)
	b.Seconds(6, 200, 0).Fault("1", timeline.FaultReverted, "").Seconds(1, 200, 0)
	if !g.stays {
		b.Desired("orders", 3)
		if !g.inUse {
			become(timeline.InstanceOut)
		}
		b.Seconds(1, 200, 0)
		become(timeline.InstanceExited, timeline.InstanceGone)
	}
	if g.again {
		b.Desired("orders", g.to).Seconds(1, 200, 0).Desired("orders", 3)
	}
	b.Seconds(3, 200, 0).Phase(timeline.PhaseRevert)
	return outcome{b.End()}
}
