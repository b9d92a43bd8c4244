package assertions_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

const ms = time.Millisecond

func begin() *timelinetest.Builder {
	return timelinetest.Begin(timeline.Header{}).Seconds(3, 200, 0)
}

// broken is a run whose fault was confirmed 250 ms into its fourth second.
func broken() *timelinetest.Builder {
	return begin().Phase(timeline.PhaseInject).
		After(20*ms).Fault("1", timeline.FaultInjecting, "").
		After(250*ms).Fault("1", timeline.FaultActive, "seen").
		Phase(timeline.PhaseObserve)
}

// pooled is broken, with a pool that told of 60 connections to the store before.
func pooled() *timelinetest.Builder {
	return begin().Pool("orders/0", timeline.Pool{To: "store", Open: 60}).
		Fault("1", timeline.FaultInjecting, "").Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve)
}

// uncounted is what is known where nobody counts connections.
func uncounted(b *timelinetest.Builder) []timeline.Event {
	return without(done(b).Events(), timeline.KindConnection)
}

func done(b *timelinetest.Builder) *timelinetest.Builder {
	return b.Phase(timeline.PhaseRevert).Fault("1", timeline.FaultReverted, "").
		Phase(timeline.PhaseSettle).Seconds(5, 200, 0).Phase(timeline.PhaseAudit)
}

// starts lets n instances of orders start at once; each is ready 800 ms later.
func starts(b *timelinetest.Builder, instances ...string) *timelinetest.Builder {
	b.After(300 * ms)
	for _, i := range instances {
		b.Instance(i, timeline.InstanceStarted)
	}
	b.After(900 * ms)
	for _, i := range instances {
		b.Instance(i, timeline.InstanceReady)
	}
	return b.Seconds(1, 200, 0)
}

func exits(b *timelinetest.Builder, instances ...string) *timelinetest.Builder {
	b.After(260 * ms)
	for _, i := range instances {
		b.Instance(i, timeline.InstanceExited)
	}
	return b
}

// loops is a run in which orders/1 ends again and again, and is started again so many
// milliseconds after each end. It runs for 200 ms in between; a delay below 0 is how
// long it ran before an end behind which it was started at once.
func loops(delays ...int) []timeline.Event {
	b := broken()
	at := 300 // ms into the present second
	pass := func(d int) {
		for at += d; at >= 1000; at -= 1000 {
			b.Seconds(1, 200, 0)
		}
		b.After(time.Duration(at) * ms)
	}
	for _, d := range delays {
		pass(200 + max(-d-200, 0))
		b.Instance("orders/1", timeline.InstanceExited)
		pass(max(d, 0))
		b.Instance("orders/1", timeline.InstanceStarted)
	}
	pass(1000)
	return done(b).Events()
}

// ended is a run whose fault ends by itself after five seconds, with two replicas of
// orders unready; they are ready again so many seconds later, or at 0 never.
func ended(b *timelinetest.Builder, after int) *timelinetest.Builder {
	b.After(300*ms).Instance("orders/1", timeline.InstanceUnready).Instance("orders/2", timeline.InstanceUnready).
		Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "")
	for s := range 10 {
		if s == after && after > 0 {
			b.Instance("orders/1", timeline.InstanceReady).Instance("orders/2", timeline.InstanceReady)
		}
		b.Seconds(1, 200, 0)
	}
	return done(b)
}

// cameBack is a run whose users are served badly for so many seconds after the fault ended
// by itself, and then well.
func cameBack(bad int) []timeline.Event {
	return done(broken().Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").Seconds(bad, 100, 100).Seconds(12-bad, 200, 0)).Events()
}

// without drops the events of a kind.
func without(events []timeline.Event, kind timeline.Kind) []timeline.Event {
	var rest []timeline.Event
	for _, e := range events {
		if e.Kind != kind {
			rest = append(rest, e)
		}
	}
	return rest
}

// Every check fails, passes and cannot tell, each in a run made for it.
func TestChecks(t *testing.T) {
	const (
		pass   = timeline.Pass
		fail   = timeline.Fail
		unsure = timeline.Inconclusive
	)
	healed := timelinetest.Healed().Events()
	tell(t, map[string][]row{
		"recoverWithin": {
			{"in time", `"8s"`, healed, pass, "in time"},
			{"at the limit", `{"within":"1750ms"}`, healed, pass, "in time"},
			{"too late", `{"within":"1s"}`, healed, fail, "750ms too long"},
			{"held too short", `{"within":"8s","sustained":"30s"}`, healed, unsure, "too early"},
			{"not at all", `"8s"`, timelinetest.Missed().Events(), fail, "only after our own revert"},
			{"not until the record ends", `"8s"`, broken().Seconds(20, 100, 100).Events(), fail, "not served again"},
			{"never suffered", `"8s"`, done(broken().Seconds(12, 200, 0)).Events(), pass, "throughout"},
			{"relapsed for good", `"8s"`, done(broken().Seconds(12, 200, 0).Seconds(9, 0, 200)).Events(), fail, "did not stay"},
			{"observed too short", `"8s"`, broken().Seconds(5, 100, 100).Events(), unsure, "too early"},
			{"good when the record ends", `"8s"`, broken().Seconds(5, 100, 100).Seconds(4, 200, 0).Events(), unsure, "too early"},
			{"nothing confirmed", `"8s"`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"capacityRestored": {
			{"in time", `{"within":"15s"}`, healed, pass, "in time"},
			{"too late", `{"within":"3s"}`, healed, fail, "670ms too long"},
			{"not at all", `{"within":"15s"}`, timelinetest.Missed().Events(), fail, "not all replicas"},
			{"observed too short", `{"within":"30s"}`, timelinetest.Missed().Events(), unsure, "still time"},
			{"nothing confirmed", `{"within":"15s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
			{"readiness was not observed", `{"within":"15s"}`, without(healed, timeline.KindInstance), unsure, "seen ready"},
		},
		"restarts": {
			{"one of orders", `{"workload":"orders","atMost":1}`, healed, pass, "no more were started"},
			{"none is allowed", `{"workload":"orders","atMost":0}`, healed, fail, "were started 1 times, 0 are allowed: orders/1 1"},
			{"none of another", `{"workload":"store","atMost":0}`, healed, pass, "every instance stayed"},
			{"all together", `{"atMost":1}`, done(starts(exits(broken(), "orders/1", "store/0"), "orders/1", "store/0")).Events(), fail, "orders/1 1, store/0 1"},
			{"another comes in its place", `{"workload":"orders","atMost":0}`, done(broken().Instance("orders/1", timeline.InstanceGone).
				Instance("orders/3", timeline.InstanceStarted)).Events(), fail, "orders/3 1"},
			{"that it ends is no start", `{"workload":"orders","atMost":0}`, done(exits(broken(), "orders/1")).Events(), pass, "stayed"},
			{"starts after our revert are not counted", `{"workload":"orders","atMost":0}`, starts(broken().Phase(timeline.PhaseRevert), "orders/1").Events(), pass, "stayed"},
			{"too many are too many, though the rest was not seen", `{"atMost":0}`, broken().Instance("orders/1", timeline.InstanceStarted).Events(), fail, "1 times"},
			{"instances were not observed", `{"atMost":0}`, without(healed, timeline.KindInstance), unsure, "not observed"},
			{"there are none of that name", `{"workload":"ordres","atMost":0}`, healed, unsure, "no instance of ordres"},
			{"no fault", `{"atMost":0}`, begin().Events(), unsure, "no fault"},
		},
		"backOff": {
			{"by the book", `{"initial":"2s","max":"8s"}`, loops(0, 2000, 4000, 8000, 8000), pass, "when it was due"},
			{"not seen to the millisecond", `{"initial":"2s","max":"8s"}`, loops(40, 2450, 3600, 8100), pass, "when it was due"},
			{"the first too late", `{"initial":"2s","max":"8s"}`, loops(600, 2000, 4000), fail, "start 1 of orders/1 came 600ms after its end, and 0s is due"},
			{"too early", `{"initial":"2s","max":"8s"}`, loops(0, 100, 100, 100), fail, "start 2 of orders/1 came 100ms after its end, and 2s is due"},
			{"it does not grow", `{"initial":"2s","max":"8s"}`, loops(0, 2000, 2000), fail, "start 3 of orders/1 came 2s after its end, and 4s is due"},
			{"it grows beyond its limit", `{"initial":"2s","max":"4s"}`, loops(0, 2000, 4000, 8000), fail, "8s after its end, and 4s is due"},
			{"closer to what is due", `{"initial":"2s","max":"8s","late":"100ms"}`, loops(0, 2150, 4000), fail, "2.15s after"},
			{"closer before it", `{"initial":"2s","max":"8s","early":"100ms"}`, loops(0, 1850, 4000), fail, "1.85s after"},
			{"a start that takes its time", `{"initial":"2s","max":"8s","late":"2s"}`, loops(1900, 3900, 5000), pass, "when it was due"},
			{"which is no reason to be early", `{"initial":"2s","max":"8s","late":"2s"}`, loops(1900, 1400, 5000), fail, "1.4s after its end, and 2s is due"},
			{"kubelet's own", `{}`, loops(0, 10000, 20000), pass, "when it was due"},
			{"one that ran for long begins anew", `{"initial":"2s","max":"8s","reset":"1500ms"}`, loops(0, 2000, 4000, -1600, 2000), pass, "when it was due"},
			{"one that did not begins not", `{"initial":"2s","max":"8s","reset":"1700ms"}`, loops(0, 2000, 4000, -1600), fail, "0s after its end, and 8s is due"},
			{"too few", `{"initial":"2s"}`, loops(0, 2000), unsure, "2 starts of one instance are too few"},
			{"few are enough", `{"initial":"2s","atLeast":2}`, loops(0, 2000), pass, "due"},
			{"wrong is wrong, though there are too few", `{}`, loops(5000), fail, "start 1"},
			{"of another workload", `{"workload":"store"}`, loops(0, 100, 100), unsure, "0 starts"},
			{"each by itself", `{"initial":"2s","atLeast":1}`, done(starts(exits(starts(exits(broken(), "orders/1"), "orders/1"), "orders/2"), "orders/2")).Events(), pass, "due"},
			{"a new one comes, which has not ended", `{"atLeast":1}`, done(broken().Instance("orders/7", timeline.InstanceStarted)).Events(), unsure, "0 starts"},
			{"instances were not observed", `{}`, without(loops(0, 10000, 20000), timeline.KindInstance), unsure, "not observed"},
			{"no fault", `{}`, begin().Events(), unsure, "no fault"},
		},
		"capacityAfterRevert": {
			{"in time", `{"within":"5s"}`, ended(broken(), 1).Events(), pass, "in time"},
			{"too late", `{"within":"5s"}`, ended(broken(), 7).Events(), fail, "2s too long"},
			{"not at all", `{"within":"5s"}`, ended(broken(), 0).Events(), fail, "although the fault was over"},
			{"observed too short", `{"within":"30s"}`, ended(broken(), 0).Events(), unsure, "still time"},
			{"it was never less", `{"within":"5s"}`, done(broken().Seconds(5, 200, 0).Fault("1", timeline.FaultReverted, "").Seconds(5, 200, 0)).Events(), pass, "in time"},
			{"the fault lasts", `{"within":"5s"}`, healed, unsure, "not every fault ended"},
			{"nothing confirmed", `{"within":"5s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
			{"readiness was not observed", `{"within":"5s"}`, without(ended(broken(), 1).Events(), timeline.KindInstance), unsure, "seen ready"},
		},
		"servedAfterRevert": {
			{"in time", `{"within":"5s"}`, cameBack(2), pass, "in time"},
			{"too late", `{"within":"1s"}`, cameBack(2), fail, "too long"},
			{"only when all was over", `{"within":"5s"}`, cameBack(12), fail, "too long"},
			{"not at all", `{"within":"5s"}`, broken().Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").Seconds(12, 100, 100).Phase(timeline.PhaseRevert).Events(), fail, "although the fault was over"},
			{"observed too short", `{"within":"30s"}`, broken().Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").Seconds(12, 100, 100).Phase(timeline.PhaseRevert).Events(), unsure, "still time"},
			{"always", `{"within":"5s"}`, done(broken().Seconds(5, 200, 0).Fault("1", timeline.FaultReverted, "").Seconds(5, 200, 0)).Events(), pass, "in time"},
			{"the fault lasts", `{"within":"5s"}`, healed, unsure, "not every fault ended"},
			{"nothing confirmed", `{"within":"5s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"availabilityLost": {
			{"little", `{"atMost":"3s"}`, healed, pass, "90 of 5000"},
			{"too much", `{"atMost":"400ms"}`, healed, fail, "50ms too much"},
			{"none allowed", `{}`, healed, fail, "450ms too much"},
			{"nothing confirmed", `{"atMost":"3s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
			{"no baseline", `{"atMost":"3s"}`, without(healed, timeline.KindLoad), unsure, "no baseline"},
		},
		"healedBy": {
			{"healer", `{"by":"healer"}`, healed, pass, "by healer"},
			{"in short", `"healer"`, healed, pass, "by healer"},
			{"another", `{"by":"platform"}`, healed, fail, "not by platform"},
			{"revert", `{"by":"healer"}`, timelinetest.Missed().Events(), fail, "by revert"},
			{"nothing confirmed", `{"by":"none"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"noAcknowledgedWriteLost": {
			{"all found", `{}`, healed, pass, "was found"},
			{"no arguments", ``, healed, pass, "was found"},
			{"one lost", `{}`, begin().Writes(100, 1, 0).Events(), fail, "o-0001"},
			{"lost beats unread", `{}`, begin().Writes(100, 1, 5).Events(), fail, "gone"},
			{"some unread", `{}`, begin().Writes(100, 0, 5).Events(), unsure, "5 of the writes"},
			{"none acknowledged", `{}`, begin().Writes(0, 0, 0).Events(), unsure, "no write"},
			{"no audit", `{}`, begin().Events(), unsure, "not read back"},
			{"not all asked for", `{}`, begin().Add(timeline.Event{Kind: timeline.KindWrites, Writes: &timeline.Writes{Acknowledged: 10, Asked: 10, Found: 9}}).Events(), unsure, "only 9 of 10"},
			{"none asked for", `{}`, begin().Add(timeline.Event{Kind: timeline.KindWrites, Writes: &timeline.Writes{Acknowledged: 10}}).Events(), unsure, "only 0 of 10"},
			{"a sample", `{}`, begin().Add(timeline.Event{Kind: timeline.KindWrites, Writes: &timeline.Writes{Acknowledged: 90, Asked: 50, Found: 50}}).Events(), pass, "of the 50 that were read back"},
		},
		"steadyBaseline": {
			{"steady", `{}`, healed, pass, "was steady"},
			{"failing", `{}`, timelinetest.Begin(timeline.Header{}).Seconds(3, 190, 10).Events(), fail, "below 99 %"},
			{"slow", `{}`, slow().Events(), fail, "p99"},
			{"one bad second of many", `{}`, timelinetest.Begin(timeline.Header{}).Seconds(9, 200, 0).Seconds(1, 190, 10).Events(), pass, "steady"},
			{"no load", `{}`, timelinetest.Begin(timeline.Header{}).Events(), unsure, "no whole second"},
			{"load only after the fault", `{}`, timelinetest.Begin(timeline.Header{}).Phase(timeline.PhaseInject).Seconds(3, 200, 0).Events(), unsure, "no whole second"},
			{"an SLI from the future", `{}`, timelinetest.Begin(timeline.Header{Steady: []timeline.SLI{{SLI: "freshness"}}}).Seconds(3, 200, 0).Events(), unsure, "freshness"},
		},
		"noHerd": {
			{"one restart", `{}`, healed, pass, "nothing came"},
			{"one of three is 25 %", `{"among":["restarts"]}`, done(starts(exits(broken(), "orders/1"), "orders/1")).Events(), pass, "nothing came"},
			{"two of three at once", `{"among":["restarts"]}`, done(starts(exits(broken(), "orders/1", "orders/2"), "orders/1", "orders/2")).Events(), fail, "2 instances of orders"},
			{"two are allowed", `{"maxConcurrentRestarts":2}`, done(starts(exits(broken(), "orders/1", "orders/2"), "orders/1", "orders/2")).Events(), pass, "nothing came"},
			{"two of three are 50 %", `{"maxConcurrentRestarts":"50%"}`, done(starts(exits(broken(), "orders/1", "orders/2"), "orders/1", "orders/2")).Events(), pass, "nothing came"},
			{"the fault kills two, one after another is restarted", `{}`, done(starts(starts(exits(broken(), "orders/1", "orders/2"), "orders/1"), "orders/2")).Events(), pass, "nothing came"},
			{"two workloads at once are no herd of one", `{}`, done(starts(exits(broken(), "orders/1", "store/0"), "orders/1", "store/0")).Events(), pass, "nothing came"},
			{"one starts in the moment in which the other is ready", `{}`, done(broken().
				After(300*ms).Instance("orders/1", timeline.InstanceStarted).
				After(600*ms).Instance("orders/2", timeline.InstanceStarted).Instance("orders/1", timeline.InstanceReady).
				Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"the engine ended two that lived", `{}`, done(exits(broken().Act("orders/1", "restart", "restart", "ok").Act("orders/2", "restart", "restart", "ok"), "orders/1", "orders/2").
				Seconds(1, 200, 0)).Events(), fail, "2 instances of orders"},
			{"starts after our revert are not looked at", `{}`, starts(broken().Phase(timeline.PhaseRevert), "orders/0", "orders/1", "orders/2").Events(), pass, "nothing came"},
			{"as many more as were asked for", `{"among":["restarts"]}`, done(starts(broken().Desired("orders", 3).Desired("orders", 6), "orders/3", "orders/4", "orders/5")).Events(), pass, "nothing came"},
			{"two more than were asked for", `{"among":["restarts"]}`, done(starts(broken().Desired("orders", 3).Desired("orders", 4), "orders/3", "orders/4", "orders/5")).Events(), fail, "2 instances of orders"},
			{"those that were more restart", `{"among":["restarts"]}`, done(starts(exits(starts(broken().Desired("orders", 3).Desired("orders", 5), "orders/3", "orders/4"), "orders/1", "orders/3", "orders/4"), "orders/1", "orders/3", "orders/4")).Events(), fail, "3 instances of orders"},
			{"a quarter of those that were asked for may", `{"among":["restarts"]}`, done(starts(exits(starts(broken().Desired("orders", 3).Desired("orders", 5), "orders/3", "orders/4"), "orders/3", "orders/4"), "orders/3", "orders/4")).Events(), pass, "nothing came"},
			{"more are asked for and then fewer", `{"among":["restarts"]}`, done(starts(broken().Desired("orders", 3).Desired("orders", 6).Desired("orders", 3), "orders/3", "orders/4", "orders/5")).Events(), fail, "3 instances of orders"},
			{"within twice the pool", `{"among":["reconnects"]}`, done(broken().Connections("orders/0", "store/0", 48).Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"beyond twice the pool", `{"among":["reconnects"]}`, done(broken().Connections("orders/0", "store/0", 48).
				After(900*ms).Connections("orders/1", "store/0", 1).Seconds(1, 200, 0)).Events(), fail, "49 connections were opened to store"},
			{"a second apart", `{"among":["reconnects"]}`, done(broken().Connections("orders/0", "store/0", 48).Seconds(1, 200, 0).
				After(250*ms).Connections("orders/1", "store/0", 48).Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"counted late, and each second has its share", `{"among":["reconnects"]}`, done(broken().
				Add(timeline.Event{Kind: timeline.KindConnection, Connection: &timeline.Connection{From: "orders/0", To: "store/0", Opened: 90, Over: 2 * time.Second}}).
				Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"across the seconds of the load", `{"among":["reconnects"]}`, done(broken().After(900*ms).Connections("orders/0", "store/0", 30).Seconds(1, 200, 0).
				After(100*ms).Connections("orders/1", "store/0", 30).Seconds(1, 200, 0)).Events(), fail, "60 connections"},
			{"a cap of one's own", `{"maxReconnectsPerSecond":7}`, healed, fail, "8 connections"},
			{"a herd is a herd though connections were not observed", `{}`, without(done(starts(broken(), "orders/1", "orders/2")).Events(), timeline.KindConnection), fail, "2 instances"},
			{"connections were not observed", `{}`, without(healed, timeline.KindConnection), unsure, "connections were not observed"},
			{"but not asked for", `{"among":["restarts"]}`, without(healed, timeline.KindConnection), pass, "nothing came"},
			{"enough to tell: the pools hold them", `{"minPopulation":60}`, done(begin().
				Pool("orders/0", timeline.Pool{To: "store", Open: 40}).Pool("orders/1", timeline.Pool{To: "store", Open: 10}).
				Pool("orders/1", timeline.Pool{To: "store", Open: 20}).Pool("store", timeline.Pool{To: "store", Server: 90}).
				Fault("1", timeline.FaultInjecting, "").Fault("1", timeline.FaultActive, "seen").Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"too few in the pools, though as many were opened", `{"minPopulation":20}`, done(begin().
				Pool("orders/0", timeline.Pool{To: "store", Open: 19}).
				Fault("1", timeline.FaultInjecting, "").Fault("1", timeline.FaultActive, "seen").
				After(500*ms).Pool("orders/0", timeline.Pool{To: "store", Open: 90}).Seconds(1, 200, 0)).Events(), unsure, "19 connections to a workload before the fault are too few"},
			{"what was opened to others, for a moment each, is no population", `{"minPopulation":60}`, done(begin().
				Connections("gateway/0", "orders/0", 200).Pool("orders/0", timeline.Pool{To: "store", Open: 40}).
				Fault("1", timeline.FaultInjecting, "").Fault("1", timeline.FaultActive, "seen").Seconds(1, 200, 0)).Events(), unsure, "40 connections"},
			{"nobody counts, and the pools tell of a herd", `{"maxReconnectsPerSecond":45}`, uncounted(pooled().After(900*ms).
				Pool("orders/0", timeline.Pool{To: "store", Open: 30, Opened: 30}).
				Pool("orders/1", timeline.Pool{To: "store", Open: 16, Opened: 16})), fail, "46 connections were opened to store within a second"},
			{"nobody counts, and each second has its share", `{"maxReconnectsPerSecond":45}`, uncounted(pooled().After(900*ms).
				Pool("orders/0", timeline.Pool{To: "store", Open: 30, Opened: 30}).Seconds(1, 200, 0).After(850*ms).
				Pool("orders/0", timeline.Pool{To: "store", Open: 46, Opened: 16})), pass, "nothing came"},
			{"nobody counts, and a pool was not heard for a while", `{"maxReconnectsPerSecond":45}`, uncounted(pooled().
				Seconds(2, 200, 0).Pool("orders/0", timeline.Pool{To: "store", Open: 60, Opened: 60})), pass, "nothing came"},
			{"nobody counts, and a client that was away comes back with all", `{"maxReconnectsPerSecond":45}`, uncounted(pooled().
				Seconds(9, 200, 0).After(100*ms).Instance("orders/0", timeline.InstanceStarted).After(900*ms).
				Pool("orders/0", timeline.Pool{To: "store", Open: 60, Opened: 60})), fail, "60 connections were opened to store"},
			{"nobody counts, and no pool was heard since", `{"maxReconnectsPerSecond":45}`, uncounted(pooled()), unsure, "connections were not observed"},
			{"as many as requests where no pool leads", `{"maxReconnectsPerSecond":45}`, done(pooled().
				Connections("gateway/0", "orders/0", 400).Seconds(1, 200, 0)).Events(), pass, "nothing came"},
			{"more than requests where no pool leads", `{"maxReconnectsPerSecond":45}`, done(pooled().
				Connections("gateway/0", "orders/0", 401).Seconds(1, 200, 0)).Events(), fail, "401 connections were opened to orders within a second, 400 are"},
			{"a pool has its own limit, however many requests there are", `{"maxReconnectsPerSecond":45}`, done(pooled().
				Connections("orders/0", "store/0", 46).Seconds(1, 200, 0)).Events(), fail, "46 connections were opened to store within a second, 45 are"},
			{"twice a pool that tells, whatever was opened", `{}`, done(pooled().
				Connections("orders/0", "store/0", 121).Seconds(1, 200, 0)).Events(), fail, "121 connections were opened to store within a second, 120 are"},
			{"enough were opened where no pool tells", `{"minPopulation":24}`, healed, pass, "nothing came"},
			{"too few were opened", `{"minPopulation":25}`, healed, unsure, "24 connections to a workload before the fault are too few"},
			{"a herd is a herd among too few", `{"minPopulation":25,"maxReconnectsPerSecond":7}`, healed, fail, "8 connections"},
			{"instances were not observed", `{}`, without(healed, timeline.KindInstance), unsure, "instances were not observed"},
			{"no fault", `{}`, begin().Events(), unsure, "no fault"},
		},
	})
}

// row is a run that was made for a check.
type row struct {
	name   string
	args   string
	events []timeline.Event
	want   timeline.Verdict
	reason string // a part of it
}

func tell(t *testing.T, checks map[string][]row) {
	t.Helper()
	for id, rows := range checks {
		d, ok := assertions.Lookup(id)
		if !ok {
			t.Errorf("no check %s", id)
			continue
		}
		for _, row := range rows {
			t.Run(id+"/"+row.name, func(t *testing.T) {
				c, err := d.New(json.RawMessage(row.args))
				if err != nil {
					t.Fatal(err)
				}
				r := assertions.Run(c, row.events)
				if r.ID != id || r.Verdict != row.want || !strings.Contains(r.Reason, row.reason) {
					t.Errorf("got %+v\nwant %s: …%s…", r, row.want, row.reason)
				}
				if r.Limit == "" {
					t.Error("it does not say its limit")
				}
				if again := c.Verdict(); again != r {
					t.Errorf("asked again it said %+v", again)
				}
			})
		}
	}
}

func slow() *timelinetest.Builder {
	b := timelinetest.Begin(timeline.Header{})
	b.Latency = 300 * ms
	return b.Seconds(3, 200, 0)
}

// Every check that there is has its rows above, and cannot tell from nothing.
func TestNothingProvesNothing(t *testing.T) {
	args := map[string]string{
		"recoverWithin": `"8s"`, "capacityRestored": `{"within":"8s"}`, "healedBy": `"none"`, "capacityAfterRevert": `{"within":"8s"}`, "servedAfterRevert": `{"within":"8s"}`,
		"enoughReplicas": `{"workload":"orders","atLeast":1,"within":"8s"}`, "scaledBack": `{"workload":"orders","atMost":1,"within":"8s"}`,
		"overshoot": `{"workload":"orders","needed":1}`, "flaps": `{"workload":"orders"}`,
		"opensWithin": `{"to":"store","within":"8s"}`, "failsFast": `{"to":"store","atLeast":"90%"}`, "amplification": `{"to":"store"}`,
		"trialsInFlight": `{"to":"store","atMost":1}`, "recoveryOvershoot": `{"to":"store"}`, "degradedServed": `{"atLeast":"90%"}`,
		"errorsWhileScaling": `{"workload":"orders"}`, "noScaleDownInUse": `{"workload":"orders"}`,
	}
	last := ""
	for _, d := range assertions.Builtin() {
		if d.ID <= last {
			t.Errorf("%s is not sorted", d.ID)
		}
		last = d.ID
		if d.Summary == "" || d.Args == nil {
			t.Errorf("%s is not documented", d.ID)
		}
		c, err := d.New(json.RawMessage(args[d.ID]))
		if err != nil {
			t.Errorf("%s: %v", d.ID, err)
			continue
		}
		if r := c.Verdict(); r.Verdict != timeline.Inconclusive || r.ID != d.ID {
			t.Errorf("%s of no event at all: %+v", d.ID, r)
		}
	}
}
