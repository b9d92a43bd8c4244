package recovery_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// surged asks for three times as much from 4.5 s on, which is confirmed 250 ms later.
func surged() *timelinetest.Builder {
	return injected(timeline.Header{Faults: []timeline.Planned{
		{ID: "1", Fault: "surge", Target: "traffic:gateway", At: 3 * time.Second, For: 16 * time.Second},
	}}).Desired("orders", 3)
}

// scaled has the engine decide and ask for so many of three replicas.
func scaled(b *timelinetest.Builder, n int) *timelinetest.Builder {
	return b.After(300*ms).Scale(timeline.Scale{Workload: "orders", Current: 3, Wanted: n, Desired: n}).
		After(310*ms).Act("orders", "scale", "scale", "ok").
		After(320*ms).Desired("orders", n)
}

// arrived lets a new instance start and, a second later, be ready.
func arrived(b *timelinetest.Builder) *timelinetest.Builder {
	return b.After(400*ms).Instance("orders/3", timeline.InstanceStarted).Seconds(1, 300, 300).
		After(400*ms).Instance("orders/3", timeline.InstanceReady).Instance("orders/3", timeline.InstanceIn)
}

// calmed ends the surge, and then the observation.
func calmed(b *timelinetest.Builder) *timelinetest.Builder {
	return b.Fault("1", timeline.FaultReverted, "").Seconds(12, 200, 0).Phase(timeline.PhaseRevert).End()
}

func TestMeasureSurge(t *testing.T) {
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		want want
	}{
		"healed by our scaler": {
			calmed(arrived(scaled(surged(), 4)).Seconds(1, 400, 200).Seconds(12, 600, 0)),
			want{
				TTD: 50, TTA: 10, TTM: 1750, TTR: 1750, Capacity: 0, FullAfter: 0, Lost: 833,
				Failed: 500, Total: 14*600 + 12*200, By: recovery.ByHealer, Suffered: true,
			},
		},
		"without a scaler it lasts as long as the surge, and its end heals nothing": {
			calmed(surged().Seconds(16, 300, 300)),
			want{AfterRevert: 0, Capacity: 0, FullAfter: 0, Lost: 8000, Failed: 4800, Total: 12000, By: recovery.ByRevert, Suffered: true},
		},
		"a scaler that asks, and nothing comes": {
			calmed(scaled(surged(), 4).Seconds(16, 300, 300)),
			want{
				TTD: 50, TTA: 10, AfterRevert: 0, Capacity: 0, FullAfter: 0, Lost: 8000,
				Failed: 4800, Total: 12000, By: recovery.ByRevert, Suffered: true,
			},
		},
		"users never suffered": {
			calmed(arrivedWell(scaled(surged(), 4)).Seconds(14, 600, 0)),
			want{TTD: 50, TTA: 10, TTM: 0, TTR: 0, Capacity: 0, FullAfter: 0, Lost: 0, Total: 15*600 + 12*200, By: recovery.ByNone},
		},
		"more load that is no surge of ours is due as well": {
			surged().Seconds(16, 600, 0).Fault("1", timeline.FaultReverted, "").
				Seconds(2, 300, 100).Seconds(10, 200, 0).Phase(timeline.PhaseRevert).End(),
			want{TTM: 0, TTR: 0, Capacity: 0, FullAfter: 0, Lost: 500, Failed: 200, Total: 16*600 + 2*400 + 10*200, By: recovery.ByNone, Suffered: true},
		},
		"to scale down meets no surge": {
			calmed(scaled(surged(), 2).Seconds(16, 600, 0)),
			want{TTM: 0, TTR: 0, Capacity: 0, FullAfter: 0, Lost: 0, Total: 16*600 + 12*200, By: recovery.ByNone},
		},
		"that metrics ask for no more is no detection": {
			calmed(surged().Scale(timeline.Scale{Workload: "orders", Current: 3, Wanted: 3, Desired: 3}).Seconds(16, 600, 0)),
			want{TTM: 0, TTR: 0, Capacity: 0, FullAfter: 0, Lost: 0, Total: 16*600 + 12*200, By: recovery.ByNone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(row.want, got(recovery.Measure(row.run.Events()))); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
		})
	}
}

func arrivedWell(b *timelinetest.Builder) *timelinetest.Builder {
	return b.After(400*ms).Instance("orders/3", timeline.InstanceStarted).
		After(900*ms).Instance("orders/3", timeline.InstanceReady).Seconds(1, 600, 0)
}

// What heals a surge are new instances: of those who first made one.
func TestSurgeRestoredBy(t *testing.T) {
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		want recovery.RestoredBy
	}{
		"our scaler":   {arrived(scaled(surged(), 4)), recovery.ByHealer},
		"a controller": {arrived(surged().Desired("orders", 4)), recovery.ByPlatform},
		"a controller, while ours asks for fewer": {
			arrived(scaled(surged(), 2).After(350*ms).Desired("orders", 4)), recovery.ByPlatform,
		},
		"by itself, before ours came": {
			scaled(surged(), 4).After(400*ms).Instance("orders/3", timeline.InstanceStarted).Seconds(1, 300, 300), recovery.ByPlatform,
		},
		"ours, and one that overload had ended was started again first": {
			arrived(scaled(surged().Instance("orders/2", timeline.InstanceExited).Instance("orders/2", timeline.InstanceStarted).
				After(290*ms).Instance("orders/2", timeline.InstanceReady), 4)),
			recovery.ByHealer,
		},
		"a controller's restart, and ours came to nothing": {
			scaled(surged(), 4).After(400*ms).Instance("orders/2", timeline.InstanceExited).Instance("orders/2", timeline.InstanceStarted).
				After(900*ms).Instance("orders/2", timeline.InstanceReady).Seconds(1, 300, 300),
			recovery.ByPlatform,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := recovery.Measure(calmed(row.run.Seconds(13, 600, 0)).Events())
			if r.RestoredBy != row.want {
				t.Errorf("restored by %s, want %s", r.RestoredBy, row.want)
			}
			if r.TTM == nil || *r.TTM == 0 {
				t.Error("nothing was recovered from: the row shows nothing")
			}
		})
	}
}

// A number that was there, went before the fault and is used again is a new instance.
func TestNumberUsedAgain(t *testing.T) {
	b := timelinetest.Begin(timeline.Header{Faults: []timeline.Planned{{ID: "1", Fault: "surge", Target: "traffic:gateway"}}}).
		Seconds(1, 200, 0).Instance("orders/3", timeline.InstanceStarted).Instance("orders/3", timeline.InstanceReady).
		Seconds(1, 200, 0).Instance("orders/3", timeline.InstanceGone).Seconds(1, 200, 0).
		Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen")
	if r := recovery.Measure(calmed(arrived(scaled(b, 4)).Seconds(13, 600, 0)).Events()); r.RestoredBy != recovery.ByHealer {
		t.Errorf("restored by %s", r.RestoredBy)
	}
}

// All replicas are those of the start, or fewer where fewer are asked for now.
func TestCapacityFollowsWhatIsAskedFor(t *testing.T) {
	gone := func(b *timelinetest.Builder, id string) *timelinetest.Builder {
		return b.Instance(id, timeline.InstanceOut).Instance(id, timeline.InstanceExited).Instance(id, timeline.InstanceGone)
	}
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		full bool
	}{
		"scaled below the start":              {gone(surged().Desired("orders", 2), "orders/2"), true},
		"one went that nobody asked to":       {gone(surged(), "orders/2"), false},
		"of fewer one is not ready":           {gone(surged().Desired("orders", 2), "orders/2").Instance("orders/1", timeline.InstanceUnready), false},
		"more are asked for and not there":    {surged().Desired("orders", 6), true},
		"more came, and one of them went":     {gone(arrivedWell(surged().Desired("orders", 4)), "orders/3"), true},
		"scaled below the start and up":       {gone(surged().Desired("orders", 2), "orders/2").Desired("orders", 3), false},
		"another workload is scaled down":     {gone(surged().Desired("store", 0), "orders/2"), false},
		"all of one that is not of the start": {surged().Desired("batch", 7), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := recovery.Measure(calmed(row.run.Seconds(2, 300, 300)).Events())
			if (r.CapacityAfterRevert != nil) != row.full || row.full && *r.CapacityAfterRevert != 0 {
				t.Errorf("full again after the surge: %v, want %v", r.CapacityAfterRevert, row.full)
			}
			if !r.FullBefore {
				t.Error("it was not full before")
			}
		})
	}
}
