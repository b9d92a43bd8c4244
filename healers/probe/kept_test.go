package probe_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// A connection is kept for a probe of an incarnation, until it fails once.
func TestConnectionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", 200)
		r := start(t, f, policy.Workload{
			Liveness: httpProbe(1, 3), Readiness: httpProbe(1, 3), Probing: policy.Probing{KeepConnections: true},
		}, 0)
		expect := func(when string, dials, open int) {
			t.Helper()
			if n := len(f.dials("orders/0")); n != dials {
				t.Errorf("%s: dialed %d times, want %d", when, n, dials)
			}
			if n, _ := f.counted(); n != open {
				t.Errorf("%s: %d are open, want %d", when, n, open)
			}
		}
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(5 * time.Second)
		expect("well", 2, 2)
		f.set("orders/0", stalls)
		pass(2 * time.Second)
		if n, _ := f.counted(); n > 2 {
			t.Errorf("while it stalls: %d are open", n)
		}
		f.set("orders/0", 200)
		pass(4 * time.Second)
		before := len(f.dials("orders/0"))
		pass(4 * time.Second)
		expect("well again", before, 2)
		f.deltas <- sut.Delta{Instances: []sut.Instance{instance("orders/0", "2")}}
		pass(4 * time.Second)
		expect("the next incarnation", before+2, 2)
		f.deltas <- sut.Delta{Gone: []sut.ID{"orders/0"}}
		pass(time.Second)
		expect("gone", before+2, 0)
		f.deltas <- sut.Delta{Instances: []sut.Instance{instance("orders/0", "3")}}
		pass(4 * time.Second)
		r.stop()
		expect("the prober has ended", before+4, 0)
	})
}

// Kubelet's prober never sees this one.
func TestStalledBodyIsAFailure(t *testing.T) {
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.set("orders/0", 200)
			r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3), Probing: policy.Probing{KeepConnections: keep}}, 0)
			defer func() { r.stop() }()
			f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
			pass(3 * time.Second)
			f.set("orders/0", stalls)
			pass(5 * time.Second)
			changes, _ := r.changes()
			if len(changes) != 2 || changes[1].Result != probe.Failure || changes[1].Detail != "status 200, but no end of its body within 1s" {
				t.Errorf("kept %v: %+v", keep, changes)
			}
		})
	}
}

// The system is asked once in an incarnation who dials, and anew when a look was
// spoiled.
func TestOfferIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", 200)
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(10 * time.Second)
		f.deltas <- sut.Delta{Instances: []sut.Instance{instance("orders/0", "2")}}
		pass(10 * time.Second)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.offers != 2 {
			t.Errorf("asked %d times in two incarnations", f.offers)
		}
	})
}
