package healers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers/metric"
)

// However the news fall together, who folds what the inbox hands over knows
// what one knows who heard every word.
func TestInboxLosesNoLevel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newInbox()
		var every, taken sut.Delta
		resets := 0
		ids := []sut.ID{"a/0", "a/1", "b/0", "a/0:data", "node:n", "a", "budget:a"}
		take := func() {
			in := b.take()
			if in.System.Reset {
				resets--
			}
			if in.System.Rev > 0 {
				taken = suttest.Fold(taken, in.System)
			}
			if in.System.Lost != every.Lost {
				rt.Fatalf("lost %q, want %q", in.System.Lost, every.Lost)
			}
		}
		for rev := range rapid.IntRange(1, 30).Draw(rt, "news") {
			d := sut.Delta{Rev: uint64(rev + 1), Lost: rapid.SampledFrom([]string{"", "", "dark"}).Draw(rt, "lost")}
			if d.Reset = rapid.IntRange(0, 5).Draw(rt, "reset") == 0; d.Reset && resets == 0 {
				resets++
			}
			for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID[sut.ID]).Draw(rt, "of") {
				n := rapid.Uint64Range(1, 9).Draw(rt, "level")
				switch gone := rapid.IntRange(0, 3).Draw(rt, "gone") == 0; {
				case gone:
					d.Gone = append(d.Gone, id)
				case id.Kind() == sut.KindInstance:
					d.Instances = append(d.Instances, sut.Instance{Target: sut.Target{ID: id}, Exits: n})
				case id.Kind() == sut.KindVolume:
					d.Volumes = append(d.Volumes, sut.Volume{ID: id, Used: int64(n)})
				case id.Kind() == sut.KindNode:
					d.Nodes = append(d.Nodes, sut.Node{ID: id, Zone: string(rune('a' + n))})
				case id.Kind() == sut.KindBudget:
					d.Budgets = append(d.Budgets, sut.Budget{Name: id.Part(), MinAvailable: string(rune('0' + n))})
				default:
					d.Workloads = append(d.Workloads, sut.Workload{Name: string(id), Desired: int(n)})
				}
			}
			b.system(d)
			every = suttest.Fold(every, d)
			if rapid.Bool().Draw(rt, "take") {
				take()
			}
		}
		take()
		if resets > 0 {
			rt.Error("a reset was lost")
		}
		if diff := cmp.Diff(every, taken, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(sut.Delta{}, "Rev", "Reset")); diff != "" {
			rt.Error(diff)
		}
	})
}

func TestInboxWithoutNews(t *testing.T) {
	b := newInbox()
	b.done(Done{ID: 1, Result: ResultOK})
	in := b.take()
	if in.System.Rev != 0 || in.System.Reset || in.System.Lost != "" || len(in.Done) != 1 {
		t.Errorf("%+v", in)
	}
	b.system(sut.Delta{Lost: "dark"})
	b.take()
	if in := b.take(); in.System.Lost != "dark" {
		t.Error("the engine would take silence for sight")
	}
}

// What is read of a metric becomes what the engine takes: one number for each target, in its
// own time, and why there is none.
func TestInboxOfMetrics(t *testing.T) {
	b, wall := newInbox(), time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return wall.Add(-d) }
	jobs := metric.Source{Metric: "jobs", Workload: "orders", MaxAge: 10 * time.Second}
	b.metered(metric.Batch{Samples: []metric.Sample{
		{Metric: "jobs", Workload: "orders", Series: "{queue=a}", Value: 3, At: ago(2 * time.Second)},
		{Metric: "jobs", Workload: "orders", Series: "{queue=b}", Value: 4, At: ago(5 * time.Second)},
		{Metric: "rps", Workload: "orders", Instance: "orders/1", Incarnation: "x", Value: 7, At: ago(time.Second), Window: time.Second},
	}}, jobs, time.Minute, wall)
	b.metered(metric.Batch{Err: "it does not answer"}, metric.Source{Usage: true, Workload: "orders"}, time.Minute, wall)
	got := b.take().Metrics
	want := []Sample{
		{Target: sut.Target{ID: "orders"}, Metric: failedMetric + "cpu", At: time.Minute, Failed: "it does not answer"},
		{Target: sut.Target{ID: "orders"}, Metric: failedMetric + "memory", At: time.Minute, Failed: "it does not answer"},
		{Target: sut.Target{ID: "orders"}, Metric: "jobs", Value: 7, At: 55 * time.Second, Until: 65 * time.Second},
		{Target: sut.Target{ID: "orders/1", Incarnation: "x"}, Metric: "rps", Value: 7, At: 59 * time.Second, Window: time.Second, Until: 69 * time.Second},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.metered(metric.Batch{ // without one of its series it is no sum
		Samples: []metric.Sample{{Metric: "jobs", Workload: "orders", Series: "{queue=a}", Value: 3, At: wall}},
		Failed:  []metric.Failure{{Series: "{queue=b}", Metric: "jobs", Reason: "it is NaN"}},
	}, jobs, time.Minute, wall)
	if got := b.take().Metrics; len(got) != 1 || got[0].Failed != "{queue=b} it is NaN" {
		t.Errorf("got %v", got)
	}
	if again := b.take(); len(again.Metrics) > 0 {
		t.Errorf("told twice: %v", again.Metrics)
	}
}
