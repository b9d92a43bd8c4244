package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// scaled is a run in which users send three times as much for a while: where an engine
// scales, the replicas follow, up and down; where none does, half of the requests fail.
func scaled(healers string, control bool) *timelinetest.Builder {
	b := timelinetest.Begin(timeline.Header{
		Run: "traffic-step-7-" + healers, Scenario: "traffic-step", Healers: healers, Control: control, Rate: 30,
		Claim:     "When three times as many users come, as many replicas take them in as are needed.",
		Policy:    "shop-scaled",
		Sustained: 5 * time.Second,
		Checks:    []timeline.Check{{ID: "recoverWithin", Args: json.RawMessage(`"10s"`)}},
		Misses:    []string{"recoverWithin"},
		Steady:    []timeline.SLI{{SLI: "success", AtLeast: 0.95}},
		Workloads: []timeline.Workload{
			{Name: "gateway", Replicas: 1}, {Name: "orders", Replicas: 2, Min: 2, Max: 8}, {Name: "store", Replicas: 1},
		},
		Faults: []timeline.Planned{{
			ID: "1", Fault: "surge", Target: "traffic:gateway", At: 5 * time.Second, For: 30 * time.Second, Args: json.RawMessage(`{"factor":3}`),
		}},
	})
	at := 2
	seconds := func(n, ok, failed int) {
		for range n {
			if healers == "rebound" {
				b.After(100 * time.Millisecond).Scale(timeline.Scale{Workload: "orders", Current: at, Wanted: at, Desired: at})
			}
			b.Seconds(1, ok, failed)
		}
	}
	to := func(n int, s timeline.Scale) {
		s.Workload, s.Current, s.Desired = "orders", at, n
		b.After(400*time.Millisecond).Scale(s).Finding("orders", findingSize).
			After(420*time.Millisecond).Act("orders", "scale", verbScale, "ok").
			After(450*time.Millisecond).Desired("orders", n)
		for i := at; i < n; i++ {
			b.Instance(fmt.Sprintf("orders/%d", i), timeline.InstanceStarted)
		}
		at = n
	}
	ready := func(i int) {
		b.After(time.Duration(500+50*i)*time.Millisecond).Instance(fmt.Sprintf("orders/%d", i), timeline.InstanceReady)
	}
	b.Seconds(5, 30, 0).Phase(timeline.PhaseInject).After(20*time.Millisecond).Fault("1", timeline.FaultInjecting, "").
		Seconds(1, 42, 48).After(50*time.Millisecond).
		Fault("1", timeline.FaultActive, "90 requests a second were sent to gateway in the last 1s; without it they are 30").
		Phase(timeline.PhaseObserve)
	if healers == "rebound" {
		to(4, timeline.Scale{
			Wanted: 6, Bound: "upRate", Says: "upRate: 6 were wanted, and the policy of 100 % in 15 s allows 4",
			Metrics: []timeline.ScaleMetric{{Name: "queue_depth", Ratio: 3.1}},
		})
		b.Seconds(1, 42, 48)
		ready(2)
		ready(3)
		seconds(1, 60, 30)
		seconds(1, 78, 12)
		to(6, timeline.Scale{Wanted: 6, Says: "queue_depth asks for 6 (usage is 1.5 times its target)"})
		b.Seconds(1, 78, 12)
		ready(4)
		b.Seconds(1, 86, 4)
		ready(5)
		seconds(24, 90, 0)
	} else {
		b.Seconds(29, 42, 48)
	}
	b.After(20*time.Millisecond).Fault("1", timeline.FaultReverted, "").Seconds(1, 30, 0)
	seconds(4, 30, 0)
	if healers == "rebound" {
		to(2, timeline.Scale{Wanted: 2, Says: "queue_depth asks for 2 (usage is 0.3 times its target)"})
		for i := 2; i < 6; i++ {
			b.After(time.Duration(600+50*i)*time.Millisecond).Instance(fmt.Sprintf("orders/%d", i), timeline.InstanceGone)
		}
	}
	b.Seconds(1, 30, 0)
	seconds(5, 30, 0)
	return b.Phase(timeline.PhaseRevert).Phase(timeline.PhaseSettle).Seconds(1, 30, 0).
		Phase(timeline.PhaseAudit).After(300*time.Millisecond).Writes(2400, 0, 0).
		Phase(timeline.PhaseTeardown).After(400*time.Millisecond).Desired("orders", 0).Instance("orders/0", timeline.InstanceGone).
		After(800 * time.Millisecond).End()
}

// A change is told once, as the act that brought it about or by itself.
func TestChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	begin := func() *timelinetest.Builder { return timelinetest.Begin(timeline.Header{}) }
	acted := begin().Last() + 3 // the decision, what allows it, the act
	decision := timeline.Scale{Workload: "orders", Current: 3, Wanted: 6, Desired: 6, Says: "queue_depth asks for 6"}
	for name, c := range map[string]struct {
		built *timelinetest.Builder
		want  []string
	}{
		"a decision that is carried out": {
			begin().Scale(decision).Act("orders", "scale", "scale", "ok").Desired("orders", 6),
			[]string{"orders: 3 → 6 replicas, queue_depth asks for 6"},
		},
		"an act that fails": {
			begin().Scale(decision).Act("orders", "scale", "scale", "failed"),
			[]string{"orders: 3 → 6 replicas, queue_depth asks for 6: failed"},
		},
		"an act without a decision": {
			begin().Act("orders", "scale", "scale", "ok").Desired("orders", 6),
			[]string{"orders: 3 → 6 replicas"},
		},
		"acts that follow each other faster than anybody looks": {
			begin().Scale(decision).Act("orders", "scale", "scale", "ok").
				Scale(timeline.Scale{Workload: "orders", Current: 6, Wanted: 8, Desired: 8, Metrics: []timeline.ScaleMetric{
					{Name: "cpu", Error: "gone"}, {Name: "queue_depth", Ratio: 1.34},
				}}).Act("orders", "scale", "scale", "ok").Desired("orders", 8),
			[]string{"orders: 3 → 6 replicas, queue_depth asks for 6", "orders: 6 → 8 replicas, queue_depth asks for 8 (usage is 1.3 times its target)"},
		},
		"a change by others": {
			begin().Desired("orders", 1).Desired("orders", 1).Desired("orders", 3),
			[]string{"orders: 3 → 1 replica", "orders: 1 → 3 replicas"},
		},
		"another change than the act's": {
			begin().Scale(decision).Act("orders", "scale", "scale", "ok").Desired("orders", 6).Desired("orders", 3).Desired("orders", 6),
			[]string{"orders: 3 → 6 replicas, queue_depth asks for 6", "orders: 6 → 3 replicas", "orders: 3 → 6 replicas"},
		},
		"a decision that changes nothing": {
			begin().Scale(timeline.Scale{Workload: "orders", Current: 3, Desired: 3}).Desired("orders", 3), nil,
		},
		"an act of which the change names it as its cause": {
			begin().Scale(decision).After(300*time.Millisecond).Act("orders", "scale", "scale", "ok").Add(timeline.Event{
				Kind: timeline.KindReplicas, Actor: timeline.ActorObserver, Target: "orders", Cause: acted,
				Replicas: &timeline.Replicas{Workload: "orders", Desired: 5},
			}), []string{"orders: 3 → 6 replicas, queue_depth asks for 6"},
		},
		"the end of the system": {begin().Phase(timeline.PhaseTeardown).Desired("orders", 0), nil},
		"an act while the system ends": {
			begin().Phase(timeline.PhaseTeardown).Scale(decision).Act("orders", "scale", "scale", "ok").Desired("orders", 6),
			[]string{"orders: 3 → 6 replicas, queue_depth asks for 6"},
		},
	} {
		var got []string
		for _, a := range build(t, "", c.built).story.acts {
			got = append(got, a.line())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
		var live []string
		for l := range strings.SplitSeq(play(t, false, 0, c.built), "\n") {
			if _, words, ok := strings.Cut(l, "orders: "); ok && !strings.Contains(l, "outcome") {
				live = append(live, "orders: "+words)
			}
		}
		for i, w := range c.want {
			c.want[i] = strings.TrimSuffix(w, ": failed") // the line of the outcome says that
		}
		if name != "an act without a decision" && !slices.Equal(live, c.want) {
			t.Errorf("%s, live:\ngot  %q\nwant %q", name, live, c.want)
		}
	}
}

func TestWayOfReplicas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked []int
		way   string
		turns int
	}{
		{[]int{2}, "stayed 2", 0},
		{[]int{2, 6}, "2 → 6", 0},
		{[]int{2, 4, 6, 3, 2}, "2 → 6 → 2", 1},
		{[]int{6, 2, 4, 3}, "6 → 2 → 4 → 3", 2},
		{[]int{1, 2, 1, 2, 1, 2, 1, 2}, "1 → 2 → 1 → 2 → … → 2", 6},
		{[]int{1000, 2000, 1000, 2000}, "1\u202f000 → … → 2\u202f000", 2},
	} {
		r := &replicas{desired: []desired{{to: c.asked[0]}}}
		for _, n := range c.asked[1:] {
			r.ask(timeline.Event{Replicas: &timeline.Replicas{Desired: n}}, &scaling{phase: timeline.PhaseObserve})
		}
		if r.way() != c.way || r.turns() != c.turns {
			t.Errorf("%v: %q with %d turns, want %q with %d", c.asked, r.way(), r.turns(), c.way, c.turns)
		}
	}
}

// Of whatever is asked for, the peaks go up and down by turns, and nothing is beyond them.
func TestPeaksGoUpAndDownByTurns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(t, "asked")
		r := &replicas{desired: []desired{{to: asked[0]}}}
		for _, n := range asked[1:] {
			r.ask(timeline.Event{Replicas: &timeline.Replicas{Desired: n}}, &scaling{phase: timeline.PhaseObserve})
		}
		peaks := r.peaks()
		if slices.Max(peaks) != slices.Max(asked) || slices.Min(peaks) != slices.Min(asked) || peaks[len(peaks)-1] != r.now() {
			t.Fatalf("%v has peaks %v", asked, peaks)
		}
		for i := 2; i < len(peaks); i++ {
			if (peaks[i] > peaks[i-1]) == (peaks[i-1] > peaks[i-2]) {
				t.Fatalf("%v does not turn at each of %v", asked, peaks)
			}
		}
	})
}

// At most two workloads have a panel, that which changed most before the other; where none
// was scaled there is none, and nothing else of it.
func TestPanelsOfReplicas(t *testing.T) {
	t.Parallel()
	b := timelinetest.Begin(timeline.Header{Workloads: []timeline.Workload{
		{Name: "a", Replicas: 1, Min: 1, Max: 90}, {Name: "b", Replicas: 1}, {Name: "c", Replicas: 1}, {Name: "d", Replicas: 1},
	}}).Seconds(3, 200, 0).Desired("b", 2).Desired("c", 2).Seconds(1, 200, 0).Desired("c", 3).Seconds(1, 200, 0)
	page := render(t, "html", New("", build(t, "", b)))
	first, second := strings.Index(page, ">Replicas of c</text>"), strings.Index(page, ">Replicas of b</text>")
	if first < 0 || second < first || strings.Contains(page, ">Replicas of a</text>") {
		t.Error("the panels are not those of c and b")
	}
	u := build(t, "", b)
	if got := u.scalings(); len(got) != 3 || got[0].Workload != "c" || len(got[0].Desired) != 3 || got[2].Max != 90 {
		t.Errorf("result.json has %+v", got)
	}
	healed := cases(t)["healed"]
	for _, d := range Builtin() {
		if page := render(t, d.Name, healed); strings.Contains(page, "Replicas of") || strings.Contains(page, `"scaling"`) || strings.Contains(page, "Requests per second") {
			t.Errorf("%s tells of scaling where there was none", d.Name)
		}
	}
}

func TestWordsOfFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fault, target, want string }{
		{"surge", "traffic:gateway", "surge traffic to gateway"},
		{"rollout", "orders", "rollout of orders"},
		{"hang", "orders/1", "hang orders/1"},
		{"stopNode", "node:worker-1", "stopNode node:worker-1"},
	} {
		if got := broken(c.fault, c.target); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for args, want := range map[string]string{
		`{"factor":3}`: "users send 3 times as much", `{"factor":0.5}`: "users send 0.5 times as much", `{}`: "", ``: "",
	} {
		h := timeline.Header{Faults: []timeline.Planned{{ID: "1", Target: "traffic:gateway", Args: json.RawMessage(args)}, {ID: "2", Target: "orders/1", Args: json.RawMessage(args)}}}
		if got := effect(h, "1"); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
		if effect(h, "2") != "" || effect(h, "3") != "" {
			t.Error("what is not of traffic has users do something")
		}
	}
}

// While it goes on, what is ready is told of what is asked for.
func TestLiveTellsOfScaling(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	got := play(t, true, 150, scaled("rebound", false))
	for _, want := range []string{"orders 2/4", "orders 4/6", "orders 6/6", "orders 2/2", "surge traffic to gateway", "users send 3 times as much: 90 requests", "act       orders: 4 → 6 replicas, queue_depth asks for 6"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was never on the screen", want)
		}
	}
	golden(t, "live-scaled.txt", play(t, false, 0, scaled("rebound", false), scaled("off", true)))
}
