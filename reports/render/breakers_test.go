package render

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// tripped is a run in which the store is away for eight seconds: the breakers of its
// clients open, try once and close, or, in the control, there is none, and each call is
// tried four times.
func tripped(control bool) *timelinetest.Builder {
	run, setting, value := "rebound", "REBOUND_SHOP_BREAKERS", "store=5/10s"
	var differs []string
	if control {
		run, setting, value, differs = "control", "REBOUND_SHOP_RETRIES", "store=3", []string{"env"}
	}
	b := timelinetest.Begin(timeline.Header{
		Run: "retry-storm-7-" + run, Scenario: "retry-storm", Healers: "rebound", Control: control,
		Differs: differs, Env: map[string]map[string]string{"orders": {setting: value}},
		Claim:  "Clients of a store that is away ask for no more than users do.",
		Checks: []timeline.Check{{ID: "amplification", Args: json.RawMessage(`{"to":"store"}`)}},
		Misses: []string{"amplification"},
		Faults: []timeline.Planned{{ID: "1", Fault: "partition", Target: "store/0", At: 3 * time.Second, For: 8 * time.Second}},
	})
	second := func(ok int, c timeline.Breaker) {
		c.To, c.Over, c.Calls = "store", time.Second, 67
		b.After(900 * time.Millisecond)
		for n := range 3 {
			b.Breaker(fmt.Sprintf("orders/%d", n), c)
		}
		b.Seconds(1, ok, 200-ok)
	}
	times := func(n, ok int, c timeline.Breaker) {
		for range n {
			second(ok, c)
		}
	}
	well := timeline.Breaker{State: timeline.BreakerClosed, Attempts: 67}
	if control {
		well.State = ""
	}
	times(3, 200, well)
	b.Phase(timeline.PhaseInject).After(20*time.Millisecond).Fault("1", timeline.FaultInjecting, "").
		After(50*time.Millisecond).Fault("1", timeline.FaultActive, "no packet passes").Phase(timeline.PhaseObserve)
	if control {
		times(8, 0, timeline.Breaker{Attempts: 268, Failed: 268})
	} else {
		second(0, timeline.Breaker{State: timeline.BreakerOpen, Attempts: 6, Failed: 5, Rejected: 61, Opened: 1})
		times(6, 0, timeline.Breaker{State: timeline.BreakerOpen, Rejected: 67})
		second(0, timeline.Breaker{State: timeline.BreakerHalfOpen, Rejected: 66, Attempts: 1, Trials: 1, Peak: 1})
	}
	b.After(10*time.Millisecond).Fault("1", timeline.FaultReverted, "")
	times(12, 200, well)
	return b.Phase(timeline.PhaseRevert).Phase(timeline.PhaseSettle).Seconds(1, 200, 0).
		Phase(timeline.PhaseAudit).After(300*time.Millisecond).Writes(2400, 0, 0).
		Breaker("orders/0", timeline.Breaker{To: "store", Over: time.Second, Calls: 2400, Attempts: 2400}).
		Phase(timeline.PhaseTeardown).After(800 * time.Millisecond).End()
}

func TestBreakersAreShown(t *testing.T) {
	t.Parallel()
	r := New("", build(t, "a", tripped(false)), build(t, "b", tripped(true)))
	page := render(t, "html", r)
	for _, part := range []string{
		"Attempts and first calls to store, per second", "a breaker is open", "attempts in the control",
		"store at +", "3 open, 0 half-open, 201 refused, 0 sent", "0 open, 3 half-open",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not on the page", part)
		}
	}
	text := render(t, "text", r)
	for _, part := range []string{"Requests to store", "Refused at once", "Breakers opened", "Trials", "3, 3 at once"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in the text:\n%s", part, text)
		}
	}
	if page := render(t, "html", New("", build(t, "c", timelinetest.Healed()))); strings.Contains(page, "first calls") {
		t.Error("a run whose clients tell nothing has a panel")
	}
}
