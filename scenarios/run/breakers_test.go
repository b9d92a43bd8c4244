package run

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

const clientPage = `shop_client_calls_total{to="store"} %d
shop_client_attempts_total{to="store"} %d
shop_client_failures_total{to="store"} 7
shop_client_rejected_total{to="store"} 6
shop_client_degraded_total{to="store"} 5
shop_client_breaker_state{to="store"} %d
shop_client_breaker_opened_total{to="store"} 4
shop_client_breaker_trials_total{to="store"} 3
shop_client_breaker_trials_in_flight{to="store"} 1
shop_client_breaker_trials_peak{to="store"} 2
shop_client_calls_total{to="inventory"} 9
shop_client_breaker_state{to="nobody"} 2
`

// What instances tell of their calls is in the timeline, by the same request as what they
// tell of their pools.
func TestBreakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{asked: map[string]int{}, answers: map[string][]string{
			"orders/0":  {fmt.Sprintf(clientPage, 10, 12, 1), fmt.Sprintf(clientPage, 20, 42, 2), fmt.Sprintf(clientPage, 1, 1, 9)},
			"gateway/0": {"shop_degraded_total 0\n"},
		}}
		sys := suttest.New(sut.Delta{Reset: true, Instances: []sut.Instance{
			running("gateway/0", "g", "gateway"), running("orders/0", "a", "orders"),
		}})
		sys.Verbs[sut.CanDial] = callee{s}
		rec := newRecord(&bytes.Buffer{}, time.Now())
		port := []manifest.Port{{Name: metricsPort}}
		o := &observer{sys: sys, rec: rec, seen: map[sut.ID]*seen{}, system: &manifest.System{Spec: manifest.SystemSpec{Workloads: []manifest.Workload{
			{Name: "gateway", Ports: port}, {Name: "orders", Ports: port},
		}}}}
		watching := spawn(t.Context(), o.Run)
		synctest.Wait()
		p := &pools{observer: o, scrape: scrape}
		reading := spawn(t.Context(), p.Run)
		<-time.After(3*poolsEvery + scrapeWithin)
		synctest.Wait()
		if err := errors.Join(reading.end(), watching.end()); err != nil {
			t.Fatal(err)
		}
		var got []timeline.Breaker
		for _, e := range rec.all() {
			if e.Breaker != nil && e.Target == "orders/0" {
				got = append(got, *e.Breaker)
			}
		}
		const second = time.Second
		want := []timeline.Breaker{
			{To: "inventory", Calls: 9},
			{To: "store", State: timeline.BreakerClosed, Calls: 10, Attempts: 12, Failed: 7, Rejected: 6, Degraded: 5, Opened: 4, Trials: 3, InFlight: 1, Peak: 2},
			{To: "inventory", Over: second},
			{To: "store", State: timeline.BreakerOpen, Over: second, Calls: 10, Attempts: 30, InFlight: 1, Peak: 2},
			{To: "inventory", Over: second},
			// It was begun anew, and its state is one that this program does not know.
			{To: "store", Calls: 1, Attempts: 1, Failed: 7, Rejected: 6, Degraded: 5, Opened: 4, Trials: 3, InFlight: 1, Peak: 2},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string]int{"orders/0": 3, "gateway/0": 1}, s.asked); d != "" {
			t.Error(d)
		}
	})
}
