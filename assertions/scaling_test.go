package assertions_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// surge is a run in which three replicas of orders are asked for, and a surge that lasts
// ten seconds was confirmed at 4.75 s, 250 ms into its second.
func surge() *timelinetest.Builder {
	return timelinetest.Begin(timeline.Header{Faults: []timeline.Planned{
		{ID: "1", Fault: "surge", Target: "traffic:gateway", At: 3 * time.Second, For: 10 * time.Second},
	}}).Desired("orders", 3).Seconds(3, 200, 0).Phase(timeline.PhaseInject).
		After(20*ms).Fault("1", timeline.FaultInjecting, "").
		After(250*ms).Fault("1", timeline.FaultActive, "seen").
		Phase(timeline.PhaseObserve)
}

// two is surge, with a fault besides that a healer ends.
func two() *timelinetest.Builder {
	return timelinetest.Begin(timeline.Header{Faults: []timeline.Planned{
		{ID: "1", Fault: "surge", Target: "traffic:gateway", For: 10 * time.Second},
		{ID: "2", Fault: "hang", Target: "gateway/0", For: 20 * time.Second},
	}}).Desired("orders", 3).Seconds(3, 200, 0).Phase(timeline.PhaseInject).After(250*ms).
		Fault("1", timeline.FaultActive, "seen").Fault("2", timeline.FaultActive, "seen").
		Fault("2", timeline.FaultOvertaken, "it was restarted").Phase(timeline.PhaseObserve)
}

var more = []string{"orders/3", "orders/4", "orders/5"}

func become(b *timelinetest.Builder, states ...timeline.InstanceState) *timelinetest.Builder {
	for _, id := range more {
		for _, s := range states {
			b.Instance(id, s)
		}
	}
	return b
}

// added lets three more be asked for 250 ms after the surge was confirmed, and serve
// 1500 ms after it. A quarter of the requests fails, then an eighth.
func added(b *timelinetest.Builder) *timelinetest.Builder {
	b.After(500*ms).Desired("orders", 6).After(600 * ms)
	become(b, timeline.InstanceOut, timeline.InstanceStarted).Seconds(1, 300, 100).After(700 * ms)
	become(b, timeline.InstanceReady).After(750 * ms)
	return become(b, timeline.InstanceIn).Seconds(1, 350, 50)
}

// calm ends the surge at 14.5 s, if the clock stood at 6.5 s.
func calm(b *timelinetest.Builder) *timelinetest.Builder {
	return b.Seconds(8, 600, 0).Fault("1", timeline.FaultReverted, "")
}

// leave lets three fewer be asked for 4.5 s after now, in between which the load is
// steady.
func leave(b *timelinetest.Builder) *timelinetest.Builder {
	return b.Seconds(4, 200, 0).After(500*ms).Desired("orders", 3)
}

// removed lets the three leave rotation after that, and go 5.5 s after now.
func removed(b *timelinetest.Builder) *timelinetest.Builder {
	leave(b).After(600 * ms)
	become(b, timeline.InstanceOut).Seconds(1, 200, 0).After(500 * ms)
	return become(b, timeline.InstanceExited, timeline.InstanceGone)
}

// quiet is five steady seconds and the end.
func quiet(b *timelinetest.Builder) []timeline.Event {
	return b.Seconds(5, 200, 0).Phase(timeline.PhaseRevert).Phase(timeline.PhaseSettle).Seconds(2, 200, 0).End().Events()
}

// asked is a run in which one number of replicas after another is asked for, each for a
// second.
func asked(numbers ...int) []timeline.Event {
	b := surge()
	for _, n := range numbers {
		b.Desired("orders", n).Seconds(1, 200, 0)
	}
	return b.Phase(timeline.PhaseRevert).Desired("orders", 40).End().Events()
}

// cut is a second in which some requests ended so.
func cut(b *timelinetest.Builder, outcome string, n int) *timelinetest.Builder {
	return b.Load(timeline.Load{Intended: 200, Sent: 200, OK: 200 - n, Failed: n, Outcomes: map[string]int{"201": 200 - n, outcome: n}})
}

func TestScalingChecks(t *testing.T) {
	const (
		pass   = timeline.Pass
		fail   = timeline.Fail
		unsure = timeline.Inconclusive
	)
	scaled := quiet(removed(calm(added(surge()))))
	static := quiet(calm(surge().Seconds(2, 300, 300)))
	unasked := without(scaled, timeline.KindReplicas)
	unseen := without(scaled, timeline.KindInstance)
	// dipped is a run in which one of the new ones does not serve for two seconds.
	dipped := quiet(added(surge()).After(100*ms).Instance("orders/3", timeline.InstanceUnready).Seconds(2, 600, 0).
		After(100*ms).Instance("orders/3", timeline.InstanceReady).Seconds(6, 600, 0).Fault("1", timeline.FaultReverted, ""))
	// steps is a run in which a second one does not either, a second later.
	steps := quiet(added(surge()).After(100*ms).Instance("orders/3", timeline.InstanceUnready).Seconds(1, 600, 0).
		After(100*ms).Instance("orders/4", timeline.InstanceUnready).Seconds(1, 600, 0).
		After(100*ms).Instance("orders/3", timeline.InstanceReady).Instance("orders/4", timeline.InstanceReady).
		Seconds(6, 600, 0).Fault("1", timeline.FaultReverted, ""))
	// half is a run in which none of the new ones was ready when the record ends.
	half := surge().After(500*ms).Desired("orders", 6).Seconds(10, 300, 300).Events()
	killed := become(leave(calm(added(surge()))).After(600*ms), timeline.InstanceExited, timeline.InstanceOut, timeline.InstanceGone)
	tell(t, map[string][]row{
		"enoughReplicas": {
			{"in time", `{"workload":"orders","atLeast":6,"within":"3s"}`, scaled, pass, "in time"},
			{"at the limit", `{"workload":"orders","atLeast":6,"within":"1500ms"}`, scaled, pass, "in time"},
			{"beyond it", `{"workload":"orders","atLeast":6,"within":"1499ms"}`, scaled, fail, "1ms too long"},
			{"one more", `{"workload":"orders","atLeast":7,"within":"3s"}`, scaled, fail, "never 7"},
			{"there were before", `{"workload":"orders","atLeast":3,"within":"3s"}`, scaled, pass, "all along"},
			{"nobody scales", `{"workload":"orders","atLeast":4,"within":"3s"}`, static, fail, "never 4"},
			{"ready, and not in rotation", `{"workload":"orders","atLeast":4,"within":"3s"}`, quiet(calm(become(surge(), timeline.InstanceStarted, timeline.InstanceReady).Seconds(2, 300, 300))), fail, "never 4"},
			{"where nobody rotates, ready is enough", `{"workload":"gateway","atLeast":2,"within":"3s"}`, quiet(calm(surge().Desired("gateway", 2).Instance("gateway/1", timeline.InstanceStarted).Instance("gateway/1", timeline.InstanceReady).Seconds(2, 300, 300))), pass, "all along"},
			{"it falls again", `{"workload":"orders","atLeast":6,"within":"3s"}`, dipped, fail, "fell to 5 for 2s"},
			{"for as long as may be", `{"workload":"orders","atLeast":6,"within":"3s","dips":"2s"}`, dipped, pass, "in time"},
			{"for longer", `{"workload":"orders","atLeast":6,"within":"3s","dips":"1999ms"}`, dipped, fail, "fell to 5 for 2s"},
			{"in steps it falls once", `{"workload":"orders","atLeast":6,"within":"3s","dips":"1500ms"}`, steps, fail, "fell to 4 for 2s"},
			{"fewer after the surge", `{"workload":"orders","atLeast":6,"within":"3s"}`, scaled, pass, "in time"},
			{"fewer before its end", `{"workload":"orders","atLeast":6,"within":"3s"}`, quiet(removed(added(surge())).Fault("1", timeline.FaultReverted, "")), fail, "fell to 3"},
			{"observed too short", `{"workload":"orders","atLeast":6,"within":"9750ms"}`, half, unsure, "still time"},
			{"observed long enough", `{"workload":"orders","atLeast":6,"within":"9749ms"}`, half, fail, "never 6"},
			{"nothing confirmed", `{"workload":"orders","atLeast":1,"within":"3s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders","atLeast":6,"within":"3s"}`, unasked, unsure, "not observed"},
			{"instances were not observed", `{"workload":"orders","atLeast":6,"within":"3s"}`, unseen, unsure, "no instance of orders"},
			{"of another workload", `{"workload":"store","atLeast":1,"within":"3s"}`, scaled, unsure, "store are asked for was not observed"},
		},
		"scaledBack": {
			{"in time", `{"workload":"orders","atMost":3,"within":"8s"}`, scaled, pass, "in time"},
			{"at the limit", `{"workload":"orders","atMost":3,"within":"5500ms"}`, scaled, pass, "in time"},
			{"beyond it", `{"workload":"orders","atMost":3,"within":"5499ms"}`, scaled, fail, "6 were there until 1ms too late"},
			{"one fewer", `{"workload":"orders","atMost":2,"within":"8s"}`, scaled, fail, "when observation ended, 2 are enough"},
			{"not at all", `{"workload":"orders","atMost":3,"within":"4999ms"}`, quiet(calm(added(surge()))), fail, "6 were asked for when observation ended"},
			{"asked to, and they stay", `{"workload":"orders","atMost":3,"within":"8s"}`, quiet(leave(calm(added(surge())))), fail, "6 were there when observation ended"},
			{"up again", `{"workload":"orders","atMost":3,"within":"8s"}`, quiet(removed(calm(added(surge()))).Desired("orders", 4)), fail, "4 were asked for when"},
			{"observed too short", `{"workload":"orders","atMost":3,"within":"5s"}`, quiet(calm(added(surge()))), unsure, "still time"},
			{"before its end already", `{"workload":"orders","atMost":3,"within":"1s"}`, quiet(removed(added(surge())).Fault("1", timeline.FaultReverted, "")), pass, "in time"},
			{"nothing to scale back", `{"workload":"orders","atMost":6,"within":"8s"}`, scaled, unsure, "more than 6 were never asked for"},
			{"nobody scales", `{"workload":"orders","atMost":3,"within":"8s"}`, static, unsure, "nothing to scale back"},
			{"the surge lasts", `{"workload":"orders","atMost":3,"within":"8s"}`, quiet(removed(added(surge()))), unsure, "surge of traffic:gateway did not end"},
			{"what a healer ended is not waited for", `{"workload":"orders","atMost":3,"within":"8s"}`, quiet(removed(calm(added(two())))), pass, "in time"},
			{"and did not end by itself", `{"workload":"orders","atMost":3,"within":"8s"}`, done(broken().Desired("orders", 6).Instance("orders/3", timeline.InstanceStarted).
				Fault("1", timeline.FaultOvertaken, "").Seconds(2, 200, 0).Fault("1", timeline.FaultReverted, "").Seconds(5, 200, 0)).Events(), unsure, "no fault ended"},
			{"nothing ends", `{"workload":"orders","atMost":3,"within":"8s"}`, done(broken().Desired("orders", 6).Instance("orders/3", timeline.InstanceStarted).Seconds(5, 200, 0)).Events(), unsure, "no fault ended"},
			{"nothing confirmed", `{"workload":"orders","atMost":3,"within":"8s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders","atMost":3,"within":"8s"}`, unasked, unsure, "not observed"},
			{"instances were not observed", `{"workload":"orders","atMost":3,"within":"8s"}`, unseen, unsure, "no instance of orders"},
		},
		"overshoot": {
			{"none", `{"workload":"orders","needed":6}`, scaled, pass, "than are needed"},
			{"as many as may be", `{"workload":"orders","needed":4,"atMost":2}`, scaled, pass, "than are allowed"},
			{"one more", `{"workload":"orders","needed":4,"atMost":1}`, scaled, fail, "6 were asked for, 4 are needed and 5 allowed"},
			{"none is allowed", `{"workload":"orders","needed":5}`, scaled, fail, "5 allowed"},
			{"a share", `{"workload":"orders","needed":4,"atMost":"50%"}`, scaled, pass, "than are allowed"},
			{"a share is rounded down", `{"workload":"orders","needed":5,"atMost":"19%"}`, scaled, fail, "and 5 allowed"},
			{"a moment's peak", `{"workload":"orders","needed":4,"atMost":1}`, asked(4, 9, 4), fail, "9 were asked for"},
			{"after the end of observation", `{"workload":"orders","needed":4}`, asked(4), pass, "than are needed"},
			{"before the injection", `{"workload":"orders","needed":3}`, timelinetest.Begin(timeline.Header{}).Desired("orders", 9).Seconds(1, 200, 0).Desired("orders", 3).
				Fault("1", timeline.FaultInjecting, "").Seconds(1, 200, 0).Events(), pass, "than are needed"},
			{"not enough", `{"workload":"orders","needed":7}`, scaled, unsure, "the 7 that are needed were never asked for"},
			{"no fault", `{"workload":"orders","needed":3}`, begin().Desired("orders", 9).Seconds(1, 200, 0).Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders","needed":6}`, unasked, unsure, "not observed"},
		},
		"flaps": {
			{"a rise and a fall", `{"workload":"orders","atMost":1}`, scaled, pass, "no more often"},
			{"are one turn", `{"workload":"orders"}`, scaled, fail, "1 times, 0 are allowed: 3, 6, 3"},
			{"in steps", `{"workload":"orders","atMost":1}`, asked(4, 6, 6, 7, 5, 4, 2), pass, "no more often"},
			{"two", `{"workload":"orders","atMost":1}`, asked(6, 3, 4), fail, "2 times, 1 are allowed: 3, 6, 3, 4"},
			{"up and down", `{"workload":"orders","atMost":4}`, asked(4, 3, 4, 3, 4), pass, "no more often"},
			{"once more", `{"workload":"orders","atMost":4}`, asked(4, 3, 4, 3, 4, 3), fail, "5 times"},
			{"a rise alone", `{"workload":"orders"}`, asked(4, 5), pass, "no more often"},
			{"nothing moves", `{"workload":"orders"}`, static, pass, "all the time"},
			{"no fault", `{"workload":"orders"}`, begin().Desired("orders", 3).Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders"}`, unasked, unsure, "not observed"},
			{"told when all is over", `{"workload":"orders"}`, broken().Phase(timeline.PhaseRevert).Desired("orders", 3).Events(), unsure, "was over"},
		},
		"errorsWhileScaling": {
			{"there are as many already", `{"workload":"orders"}`, quiet(surge().Desired("orders", 2).Seconds(1, 200, 0).Desired("orders", 3).Seconds(1, 190, 10)), fail, "5 % failed while it was scaled up"},
			{"few", `{"workload":"orders","up":"20%","down":"1%"}`, scaled, pass, "up and down"},
			{"at the limit", `{"workload":"orders","up":"18.75%"}`, scaled, pass, "up and down"},
			{"beyond it", `{"workload":"orders","up":"18.74%"}`, scaled, fail, "18.75 % failed while it was scaled up, 18.74% may"},
			{"none may", `{"workload":"orders"}`, scaled, fail, "scaled up, 0% may"},
			{"at the limit down", `{"workload":"orders","up":"20%","down":"0.5%"}`, quiet(removed(calm(added(surge()))).Seconds(1, 197, 3)), pass, "up and down"},
			{"beyond it down", `{"workload":"orders","up":"20%","down":"0.5%"}`, quiet(removed(calm(added(surge()))).Seconds(1, 196, 4)), fail, "scaled down, 0.5% may"},
			{"in the second after they went", `{"workload":"orders","up":"20%"}`, quiet(removed(calm(added(surge()))).Seconds(1, 200, 0).Seconds(1, 199, 1)), fail, "scaled down"},
			{"later", `{"workload":"orders","up":"20%"}`, quiet(removed(calm(added(surge()))).Seconds(2, 200, 0).Seconds(1, 0, 200)), pass, "up and down"},
			{"what was not sent failed", `{"workload":"orders","up":"20%"}`, quiet(removed(calm(added(surge()))).Load(timeline.Load{Intended: 200, Sent: 199, OK: 199, Dropped: 1})), fail, "scaled down"},
			{"only up", `{"workload":"orders","up":"20%"}`, quiet(calm(added(surge()))), pass, "it was not scaled down"},
			{"only down", `{"workload":"orders"}`, asked(2), pass, "it was not scaled up"},
			{"they never come", `{"workload":"orders","up":"20%"}`, half, fail, "50 % failed"},
			{"no load down", `{"workload":"orders","up":"20%"}`, added(surge()).Quiet(2).Desired("orders", 5).Quiet(9).Phase(timeline.PhaseRevert).Events(), unsure, "no load while it was scaled down"},
			{"too many are too many, though there was no load down", `{"workload":"orders"}`, added(surge()).Quiet(2).Desired("orders", 5).Quiet(9).Phase(timeline.PhaseRevert).Events(), fail, "scaled up"},
			{"nobody scales", `{"workload":"orders"}`, static, unsure, "was not scaled"},
			{"no fault", `{"workload":"orders"}`, begin().Desired("orders", 6).Seconds(1, 200, 0).Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders"}`, unasked, unsure, "not observed"},
			{"instances were not observed", `{"workload":"orders"}`, unseen, unsure, "no instance of orders"},
		},
		"noScaleDownInUse": {
			{"out of rotation first", `{"workload":"orders"}`, scaled, pass, "no connection broke"},
			{"users are sent there", `{"workload":"orders"}`, quiet(killed), fail, "orders/3, orders/4, orders/5 ended while users were sent there"},
			{"gone at once", `{"workload":"orders"}`, quiet(leave(calm(added(surge()))).After(600*ms).Instance("orders/3", timeline.InstanceGone)), fail, "orders/3 ended"},
			{"a connection is reset", `{"workload":"orders"}`, quiet(cut(removed(calm(added(surge()))), "reset", 1)), fail, "1 of 600 requests were refused"},
			{"refused", `{"workload":"orders"}`, quiet(cut(removed(calm(added(surge()))).Seconds(1, 200, 0), "refused", 2)), fail, "2 of 600"},
			{"or answered by 502", `{"workload":"orders"}`, quiet(cut(removed(calm(added(surge()))), "502", 3)), fail, "3 of 600"},
			{"later", `{"workload":"orders"}`, quiet(cut(removed(calm(added(surge()))).Seconds(2, 200, 0), "502", 200)), pass, "no connection broke"},
			{"another error", `{"workload":"orders"}`, quiet(cut(removed(calm(added(surge()))), "503", 9)), pass, "no connection broke"},
			{"one that another takes the place of", `{"workload":"orders"}`, quiet(removed(calm(added(surge().Instance("orders/0", timeline.InstanceExited).Instance("orders/0", timeline.InstanceGone))))), pass, "no connection broke"},
			{"one that comes back", `{"workload":"orders"}`, quiet(removed(calm(added(surge()))).Instance("orders/0", timeline.InstanceExited).Instance("orders/0", timeline.InstanceStarted)), pass, "no connection broke"},
			{"one that came back and was out when it went", `{"workload":"orders"}`, quiet(leave(calm(added(surge()))).Instance("orders/3", timeline.InstanceExited).Instance("orders/3", timeline.InstanceStarted).
				Instance("orders/3", timeline.InstanceOut).Instance("orders/3", timeline.InstanceGone)), pass, "no connection broke"},
			{"what comes after the end of observation", `{"workload":"orders"}`, cut(removed(calm(added(surge()))).Phase(timeline.PhaseRevert).Seconds(1, 200, 0), "reset", 9).End().Events(), pass, "no connection broke"},
			{"asked to before the injection", `{"workload":"orders"}`, quiet(begin().Desired("orders", 3).Desired("orders", 2).Seconds(1, 200, 0).
				Fault("1", timeline.FaultActive, "seen").Instance("orders/2", timeline.InstanceGone)), unsure, "fewer were not asked for"},
			{"one that had ended before", `{"workload":"orders"}`, quiet(leave(calm(added(surge())).Instance("orders/3", timeline.InstanceExited)).Instance("orders/3", timeline.InstanceGone)), pass, "no connection broke"},
			{"two of three were asked for again", `{"workload":"orders"}`, quiet(leave(calm(added(surge()))).Desired("orders", 5).Instance("orders/5", timeline.InstanceOut).
				Instance("orders/5", timeline.InstanceGone).Instance("orders/0", timeline.InstanceGone)), pass, "no connection broke"},
			{"one after another is asked to go", `{"workload":"orders"}`, quiet(leave(calm(added(surge()))).Desired("orders", 2).Desired("orders", 4).Instance("orders/5", timeline.InstanceOut).
				Instance("orders/5", timeline.InstanceGone).Instance("orders/4", timeline.InstanceOut).Instance("orders/4", timeline.InstanceGone).Instance("orders/0", timeline.InstanceGone)), pass, "no connection broke"},
			{"after it was asked for again", `{"workload":"orders"}`, quiet(leave(calm(added(surge()))).Desired("orders", 6).Instance("orders/0", timeline.InstanceGone)), unsure, "fewer were not asked for"},
			{"they stay", `{"workload":"orders"}`, quiet(leave(calm(added(surge())))), unsure, "before any of them had gone"},
			{"after the end of observation", `{"workload":"orders"}`, become(leave(calm(added(surge()))).Phase(timeline.PhaseRevert), timeline.InstanceGone).End().Events(), unsure, "before any of them had gone"},
			{"nobody rotates", `{"workload":"gateway"}`, quiet(surge().Desired("gateway", 2).Seconds(1, 200, 0).Desired("gateway", 1).Instance("gateway/0", timeline.InstanceGone)), unsure, "no instance of gateway was seen in rotation"},
			{"no load", `{"workload":"orders"}`, without(scaled, timeline.KindLoad), unsure, "no load while they went"},
			{"users were sent there, though none came", `{"workload":"orders"}`, without(quiet(killed), timeline.KindLoad), fail, "ended while"},
			{"nobody scales", `{"workload":"orders"}`, static, unsure, "fewer were not asked for"},
			{"only up", `{"workload":"orders"}`, quiet(calm(added(surge()))), unsure, "fewer were not asked for"},
			{"no fault", `{"workload":"orders"}`, begin().Desired("orders", 6).Desired("orders", 3).Events(), unsure, "no fault"},
			{"what is asked for was not observed", `{"workload":"orders"}`, unasked, unsure, "not observed"},
			{"instances were not observed", `{"workload":"orders"}`, unseen, unsure, "no instance of orders"},
		},
	})
}

// Turns are the places at which a number that moved one way moves the other.
func TestFlapsCountsTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 12).Draw(t, "numbers")
		moves := slices.Compact(append([]int{3}, numbers...))
		turns := 0
		for i := 2; i < len(moves); i++ {
			if (moves[i] > moves[i-1]) != (moves[i-1] > moves[i-2]) {
				turns++
			}
		}
		judged := func(most int) timeline.Verdict {
			c, err := assertions.Flaps{Workload: "orders", AtMost: most}.Check()
			if err != nil {
				t.Fatal(err)
			}
			return assertions.Run(c, asked(numbers...)).Verdict
		}
		if v := judged(turns); v != timeline.Pass {
			t.Fatalf("%d turns are allowed, and it is %s", turns, v)
		}
		if turns > 0 && judged(turns-1) != timeline.Fail {
			t.Fatalf("%d turns are allowed, and it does not fail", turns-1)
		}
	})
}
