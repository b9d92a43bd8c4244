package recovery_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

const ms = time.Millisecond

// baseline is three good seconds, then the fault, confirmed 250 ms into the
// fourth, which begins at 4.5 s.
func injected(h timeline.Header) *timelinetest.Builder {
	return timelinetest.Begin(h).Seconds(3, 200, 0).
		Phase(timeline.PhaseInject).
		After(20*ms).Fault("1", timeline.FaultInjecting, "").
		After(250*ms).Fault("1", timeline.FaultActive, "seen").
		Phase(timeline.PhaseObserve)
}

func reverted(b *timelinetest.Builder) *timelinetest.Builder {
	return b.Phase(timeline.PhaseRevert).After(10*ms).Fault("1", timeline.FaultReverted, "").
		After(20 * ms).Phase(timeline.PhaseSettle)
}

// want is the part of a Recovery that a row looks at, in milliseconds; nil: nil.
type want struct {
	TTD, TTA, TTM, TTR, Capacity, Lost, AfterRevert any
	FullAfter                                       any
	Failed, Total, Relapses                         int
	By                                              recovery.RestoredBy
	Suffered, EndedBad                              bool
}

func got(r recovery.Recovery) want {
	d := func(p *time.Duration) any {
		if p == nil {
			return nil
		}
		return int(p.Round(ms) / ms)
	}
	return want{
		d(r.TTD), d(r.TTA), d(r.TTM), d(r.TTR), d(r.Capacity), d(r.AvailabilityLost), d(r.RecoverAfterRevert),
		d(r.CapacityAfterRevert),
		r.FailedRequests, r.TotalRequests, r.Relapses, r.RestoredBy, r.Suffered, r.EndedBad,
	}
}

func TestMeasure(t *testing.T) {
	long := timeline.Header{Faults: []timeline.Planned{{ID: "1", Fault: "partition", Target: "orders/1>store/0"}}}
	two := timeline.Header{Faults: []timeline.Planned{
		{ID: "1", Fault: "hang", Target: "orders/1"}, {ID: "2", Fault: "kill", Target: "store/0"},
	}}
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		want want
	}{
		"healed": {
			timelinetest.Healed(),
			// Confirmed at 4.75; bad are 4.5 and 5.5; ready at 8.2, in rotation at 8.42.
			want{
				TTD: 1050, TTA: 10, TTM: 1750, TTR: 3670, Capacity: 3670, Lost: 450,
				Failed: 90, Total: 25 * 200, By: recovery.ByHealer, Suffered: true,
			},
		},
		"missed": {
			timelinetest.Missed(),
			want{AfterRevert: 1000, Lost: 8370, Failed: 66 + 24*67, Total: 25 * 200, By: recovery.ByRevert, Suffered: true},
		},
		"placebo: nothing was confirmed": {
			timelinetest.Placebo(),
			want{Total: 10 * 200, By: recovery.ByNone},
		},
		"users never suffered and nothing dipped": {
			reverted(injected(timeline.Header{}).Seconds(12, 200, 0)).Seconds(3, 200, 0).End(),
			want{TTM: 0, TTR: 0, Capacity: 0, Lost: 0, Total: 2400, By: recovery.ByNone},
		},
		"users never suffered, the platform brought the replica back": {
			reverted(injected(timeline.Header{}).
				Instance("orders/1", timeline.InstanceExited).After(600*ms).Instance("orders/1", timeline.InstanceReady).
				Seconds(12, 200, 0)).Seconds(3, 200, 0).End(),
			want{TTM: 0, TTR: 350, Capacity: 350, Lost: 0, Total: 2400, By: recovery.ByPlatform},
		},
		"the run of good seconds must be over before our revert": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(9, 200, 0)).Seconds(3, 200, 0).End(),
			want{AfterRevert: 0, Capacity: 0, Lost: 500, Failed: 100, Total: 2000, By: recovery.ByRevert, Suffered: true},
		},
		"recovered by itself: ten good seconds in a row": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(10, 200, 0)).Seconds(3, 200, 0).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 2200, By: recovery.ByPlatform, Suffered: true},
		},
		"nine good seconds are not sustained": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(9, 200, 0).Seconds(1, 100, 100).Seconds(10, 200, 0)).End(),
			want{TTM: 10750, TTR: 10750, Capacity: 0, Lost: 1000, Failed: 200, Total: 21 * 200, Relapses: 1, By: recovery.ByPlatform, Suffered: true},
		},
		"a second of too little load breaks the run and is no relapse": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(5, 200, 0).
				Load(timeline.Load{Intended: 200, Sent: 100, Dropped: 100, OK: 100}).Seconds(9, 200, 0)).End(),
			want{Lost: 1000, Capacity: 0, Failed: 200, Total: 16 * 200, By: recovery.ByNone, Suffered: true},
		},
		"what a load generator drops in a busy second does not break the run": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(5, 200, 0).
				Load(timeline.Load{Intended: 200, Sent: 120, Dropped: 80, OK: 120}).Seconds(4, 200, 0)).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 900, Failed: 180, Total: 2200, By: recovery.ByPlatform, Suffered: true},
		},
		"a second without load is passed over": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(5, 200, 0).
				Load(timeline.Load{}).Seconds(5, 200, 0)).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 2200, By: recovery.ByPlatform, Suffered: true},
		},
		"a gap is no data, and no data is not good": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Seconds(5, 200, 0).Quiet(1).Seconds(5, 200, 0)).End(),
			want{Lost: 500, Capacity: 0, Failed: 100, Total: 2200, By: recovery.ByNone, Suffered: true},
		},
		"slow answers are bad seconds": {
			reverted(slow(injected(timeline.Header{}), 2).Seconds(10, 200, 0)).End(),
			want{TTM: 1750, TTR: 1750, Capacity: 0, Lost: 0, Total: 2400, By: recovery.ByPlatform, Suffered: true},
		},
		"it recovered and was bad again at the end": {
			reverted(injected(timeline.Header{}).Seconds(1, 0, 200).Seconds(10, 200, 0).Seconds(8, 0, 200)).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 9000, Failed: 1800, Total: 19 * 200, Relapses: 1, By: recovery.ByPlatform, Suffered: true, EndedBad: true},
		},
		"capacity is lost again and again: the period that lasts counts": {
			reverted(flap(injected(timeline.Header{})).Seconds(12, 200, 0)).End(),
			want{TTM: 0, TTR: 3850, Capacity: 3850, Lost: 0, Total: 15 * 200, By: recovery.ByPlatform},
		},
		"an act elsewhere heals nothing": {
			reverted(injected(timeline.Header{}).Seconds(1, 100, 100).Finding("store/0", "notLive").Act("store/0", "restart", "restart", "ok").Seconds(10, 200, 0)).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 2200, By: recovery.ByPlatform, Suffered: true},
		},
		"an act that did not end well heals nothing": {
			reverted(injected(timeline.Header{}).Finding("orders/1", "notLive").Act("orders/1", "restart", "restart", "failed").Seconds(1, 100, 100).Seconds(10, 200, 0)).End(),
			want{TTD: 0, TTA: 0, TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 2200, By: recovery.ByPlatform, Suffered: true},
		},
		"a link's both ends were hit": {
			reverted(injected(long).Finding("store/0", "notLive").Act("store/0", "restart", "restart", "ok").Seconds(1, 100, 100).Seconds(10, 200, 0)).End(),
			want{TTD: 0, TTA: 0, TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 2200, By: recovery.ByHealer, Suffered: true},
		},
		"the engine saw it before we had confirmed it": {
			reverted(timelinetest.Begin(timeline.Header{}).Seconds(3, 200, 0).Phase(timeline.PhaseInject).
				Fault("1", timeline.FaultInjecting, "").Instance("orders/1", timeline.InstanceExited).
				After(2*ms).Finding("orders/1", "exited").After(10*ms).Act("orders/1", "restart", "restart", "ok").
				After(200*ms).Fault("1", timeline.FaultActive, "it is dead").
				After(700*ms).Instance("orders/1", timeline.InstanceReady).
				Seconds(1, 190, 10).Seconds(10, 200, 0)).End(),
			want{TTD: 0, TTA: 8, TTM: 800, TTR: 800, Capacity: 500, Lost: 50, Failed: 10, Total: 2200, By: recovery.ByHealer, Suffered: true},
		},
		"a fault with an end counts until then": {
			injected(timeline.Header{}).Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").Seconds(12, 200, 0).Phase(timeline.PhaseRevert).End(),
			want{AfterRevert: 0, FullAfter: 0, Capacity: 0, Lost: 2500, Failed: 500, Total: 17 * 200, By: recovery.ByRevert, Suffered: true},
		},
		"replicas that are ready again when the fault has ended": {
			injected(timeline.Header{}).Instance("orders/1", timeline.InstanceUnready).Instance("orders/2", timeline.InstanceUnready).
				Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").
				After(300*ms).Instance("orders/1", timeline.InstanceReady).
				Seconds(1, 200, 0).After(200*ms).Instance("orders/2", timeline.InstanceReady).
				Seconds(11, 200, 0).Phase(timeline.PhaseRevert).End(),
			want{AfterRevert: 0, FullAfter: 1200, Lost: 2500, Failed: 500, Total: 17 * 200, By: recovery.ByRevert, Suffered: true},
		},
		"and that are not all": {
			injected(timeline.Header{}).Instance("orders/1", timeline.InstanceUnready).
				Seconds(5, 100, 100).Fault("1", timeline.FaultReverted, "").
				Seconds(12, 200, 0).Phase(timeline.PhaseRevert).Instance("orders/1", timeline.InstanceReady).End(),
			want{AfterRevert: 0, Lost: 2500, Failed: 500, Total: 17 * 200, By: recovery.ByRevert, Suffered: true},
		},
		"of two faults one ends by itself": {
			injected(two).Seconds(1, 200, 0).Fault("2", timeline.FaultActive, "it is dead").Seconds(4, 200, 0).
				Fault("1", timeline.FaultReverted, "").Seconds(12, 200, 0).Phase(timeline.PhaseRevert).Fault("2", timeline.FaultReverted, "").End(),
			want{TTM: 0, TTR: 0, Capacity: 0, Lost: 0, Total: 17 * 200, By: recovery.ByNone},
		},
		"what a healer ended first is not our revert": {
			injected(timeline.Header{}).Seconds(1, 100, 100).Fault("1", timeline.FaultOvertaken, "").Seconds(4, 200, 0).
				Fault("1", timeline.FaultReverted, "").Seconds(12, 200, 0).Phase(timeline.PhaseRevert).End(),
			want{TTM: 750, TTR: 750, Capacity: 0, Lost: 500, Failed: 100, Total: 17 * 200, By: recovery.ByPlatform, Suffered: true},
		},
		"of several faults the worst counts": {
			injected(two).Seconds(1, 100, 100).Seconds(10, 200, 0).
				Fault("2", timeline.FaultActive, "it is dead").Seconds(4, 0, 200).Seconds(10, 200, 0).Phase(timeline.PhaseRevert).End(),
			want{TTM: 4000, TTR: 4000, Capacity: 0, Lost: 4500, Failed: 900, Total: 25 * 200, Relapses: 1, By: recovery.ByPlatform, Suffered: true},
		},
		"one of several faults that was not recovered from is none": {
			injected(two).Seconds(1, 100, 100).Seconds(10, 200, 0).
				Fault("2", timeline.FaultActive, "it is dead").Seconds(4, 0, 200).Phase(timeline.PhaseRevert).End(),
			want{Capacity: 0, Lost: 4500, Failed: 900, Total: 15 * 200, Relapses: 1, By: recovery.ByNone, Suffered: true},
		},
		"nothing to compare with": {
			reverted(timelinetest.Begin(timeline.Header{}).Phase(timeline.PhaseInject).
				Fault("1", timeline.FaultInjecting, "").Fault("1", timeline.FaultActive, "").Seconds(10, 200, 0)).End(),
			want{TTM: 0, TTR: 0, Capacity: 0, Total: 2000, By: recovery.ByNone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(row.want, got(recovery.Measure(row.run.Events()))); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
		})
	}
}

// Who restored is who was first, whatever else went on.
func TestRestoredBy(t *testing.T) {
	crashed := func() *timelinetest.Builder {
		return injected(timeline.Header{Platform: "kind", Faults: []timeline.Planned{{ID: "1", Fault: "kill", Target: "orders/1"}}}).
			After(250*ms).Instance("orders/1", timeline.InstanceExited)
	}
	up := func(b *timelinetest.Builder, id string, started, ready time.Duration) *timelinetest.Builder {
		return b.After(started).Instance(id, timeline.InstanceStarted).After(ready).Instance(id, timeline.InstanceReady)
	}
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		want recovery.RestoredBy
	}{
		"a controller restarts, nobody acts": {up(crashed(), "orders/1", 400*ms, 800*ms), recovery.ByPlatform},
		"our restart was first":              {up(crashed().After(300*ms).Act("orders/1", "restart", "restart", "ok"), "orders/1", 400*ms, 800*ms), recovery.ByHealer},
		"our restart came too late, and found another life": {
			up(crashed().After(300*ms), "orders/1", 310*ms, 700*ms).After(750*ms).Act("orders/1", "restart", "restart", "already"),
			recovery.ByPlatform,
		},
		"our restart was recorded just after what it did": {
			crashed().After(400*ms).Instance("orders/1", timeline.InstanceStarted).After(420*ms).Act("orders/1", "restart", "restart", "ok").
				After(800*ms).Instance("orders/1", timeline.InstanceReady),
			recovery.ByHealer,
		},
		"we only turned users away, and a controller restarted": {
			up(crashed().After(260*ms).Act("orders/1", "rotate", "rotateOut", "ok"), "orders/1", 400*ms, 800*ms),
			recovery.ByPlatform,
		},
		"a controller's restart came to nothing, ours did not": {
			up(crashed().After(300*ms).Instance("orders/1", timeline.InstanceStarted).After(400*ms).Instance("orders/1", timeline.InstanceExited).
				After(450*ms).Act("orders/1", "restart", "restart", "ok"), "orders/1", 500*ms, 800*ms),
			recovery.ByHealer,
		},
		"a new instance of a controller": {
			up(crashed().After(300*ms).Instance("orders/1", timeline.InstanceGone), "orders/3", 400*ms, 800*ms),
			recovery.ByPlatform,
		},
		"a new instance of ours": {
			up(crashed().After(300*ms).Act("orders/1", "replace", "replace", "ok").Instance("orders/1", timeline.InstanceGone), "orders/3", 400*ms, 800*ms),
			recovery.ByHealer,
		},
		"an act on another instance of the workload does not bring this one back": {
			up(crashed().After(300*ms).Act("orders/2", "restart", "restart", "ok"), "orders/1", 400*ms, 800*ms),
			recovery.ByPlatform,
		},
		"of two the first counts, a controller's": {
			up(up(crashed().After(260*ms).Instance("orders/2", timeline.InstanceExited), "orders/1", 300*ms, 500*ms).
				Act("orders/2", "restart", "restart", "ok"), "orders/2", 600*ms, 900*ms),
			recovery.ByPlatform,
		},
		"what was cleaned let a controller's restart succeed": {
			up(injected(timeline.Header{Faults: []timeline.Planned{{ID: "1", Fault: "disk-full", Target: "store/0:data"}}}).
				After(260*ms).Instance("store/0", timeline.InstanceExited).
				After(300*ms).Act("store/0:data", "runbook", "cleanLogs", "ok"), "store/0", 400*ms, 800*ms),
			recovery.ByHealer,
		},
		"a node went, and instances came up elsewhere": {
			up(injected(timeline.Header{Faults: []timeline.Planned{{ID: "1", Fault: "node-stop", Target: "node:worker"}}}).
				After(300*ms).Instance("orders/1", timeline.InstanceGone), "orders/3", 400*ms, 800*ms),
			recovery.ByPlatform,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := reverted(row.run.Seconds(1, 100, 100).Seconds(12, 200, 0)).Seconds(3, 200, 0).End()
			r := recovery.Measure(b.Events())
			if r.RestoredBy != row.want {
				t.Errorf("restored by %s, want %s", r.RestoredBy, row.want)
			}
			if r.TTR == nil {
				t.Error("it was not restored at all: the row shows nothing")
			}
		})
	}
}

func slow(b *timelinetest.Builder, n int) *timelinetest.Builder {
	before := b.Latency
	b.Latency = 400 * ms
	b.Seconds(n, 200, 0)
	b.Latency = before
	return b
}

func flap(b *timelinetest.Builder) *timelinetest.Builder {
	for range 3 {
		b.After(300*ms).Instance("orders/2", timeline.InstanceUnready).
			After(600*ms).Instance("orders/2", timeline.InstanceReady).Seconds(1, 200, 0)
	}
	return b.After(500*ms).Instance("orders/1", timeline.InstanceOut).
		After(1100*ms).Instance("orders/1", timeline.InstanceIn)
}

// A meter may be asked at every event, and the last answer is that of Measure.
func TestMeterWhileItRuns(t *testing.T) {
	events := timelinetest.Healed().Events()
	var m recovery.Meter
	recovered := -1
	for i, e := range events {
		m.Observe(e)
		if r := m.Recovery(); r.TTM != nil && recovered < 0 {
			recovered = i
		}
	}
	if d := cmp.Diff(recovery.Measure(events), m.Recovery()); d != "" {
		t.Errorf("measure -, meter +:\n%s", d)
	}
	if recovered < 0 || events[recovered].Load == nil || events[recovered].Load.Second != 14 {
		t.Errorf("recovery was known at event %d, not with second 14, the tenth good one", recovered)
	}
}

func TestSustainedOfTheMeterComesFirst(t *testing.T) {
	m := recovery.Meter{Sustained: 30 * time.Second}
	for _, e := range timelinetest.Healed().Events() {
		m.Observe(e)
	}
	if r := m.Recovery(); r.TTM != nil {
		t.Errorf("22 good seconds were sustained for 30 s: TTM %s", *r.TTM)
	}
}

func TestJSON(t *testing.T) {
	r := recovery.Measure(timelinetest.Healed().Events())
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"ttdSeconds":1.05,"ttaSeconds":0.01,"ttmSeconds":1.75,"ttrSeconds":3.67,"capacitySeconds":3.67,` +
		`"availabilityLostSeconds":0.45,"recoverAfterRevertSeconds":null,"failedRequests":90,"totalRequests":5000,"relapses":0,"restoredBy":"healer"}`
	if string(b) != text {
		t.Errorf("got  %s\nwant %s", b, text)
	}
	var back recovery.Recovery
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != text {
		t.Errorf("read back and written again: %s, %v", again, err)
	}
	if none, err := json.Marshal(recovery.Measure(nil)); err != nil || string(none) != `{"ttdSeconds":null,"ttaSeconds":null,"ttmSeconds":null,"ttrSeconds":null,"capacitySeconds":null,"availabilityLostSeconds":null,"recoverAfterRevertSeconds":null,"failedRequests":0,"totalRequests":0,"relapses":0,"restoredBy":"none"}` {
		t.Errorf("of nothing: %s, %v", none, err)
	}
}

func TestCurve(t *testing.T) {
	r := recovery.Measure(timelinetest.Healed().Events())
	if len(r.Curve) != 33 {
		t.Fatalf("%d points for 33 seconds", len(r.Curve))
	}
	p := r.Curve[3]
	want := recovery.Point{Second: 3, Start: 4500 * ms, Offered: 200, Good: 134, Failed: 66, P99: time.Second, Quality: recovery.Bad}
	p.P99 = p.P99.Round(100 * ms)
	if p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
}

func TestWorkloads(t *testing.T) {
	for id, want := range map[string][]string{
		"orders": {"orders"}, "orders/2": {"orders"}, "store/0:data": {"store"},
		"orders/2>store/0": {"orders", "store"}, "orders/0>orders/1": {"orders"},
		"node:a": nil, "zone:a": nil, "traffic:gateway": nil, "": nil,
	} {
		if d := cmp.Diff(want, recovery.Workloads(id)); d != "" {
			t.Errorf("%q: %s", id, d)
		}
	}
}
