package probe_test

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func TestHealthCountsWhoIsBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, id := range []sut.ID{"orders/0", "orders/1"} {
			f.set(id, 200)
		}
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3), Readiness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1"), instance("orders/1", "1")}}
		last := func() probe.Health {
			told, _ := r.health()
			if len(told) == 0 {
				t.Fatal("nothing is told")
			}
			return told[len(told)-1]
		}
		pass(3 * time.Second)
		if h := last(); h.Blind != 0 || h.Probes != 4 {
			t.Errorf("with sight: %+v", h)
		}
		f.fail(errors.New("connection to the system is lost"))
		pass(5 * time.Second)
		if h := last(); h.Blind != 4 || h.Probes != 4 {
			t.Errorf("blind: %+v", h)
		}
		f.deltas <- sut.Delta{Gone: []sut.ID{"orders/1"}}
		pass(2 * time.Second)
		if h := last(); h.Blind != 2 || h.Probes != 2 {
			t.Errorf("one is gone: %+v", h)
		}
		f.fail(nil)
		pass(3 * time.Second)
		if h := last(); h.Blind != 0 || h.Probes != 2 {
			t.Errorf("with sight again: %+v", h)
		}
		f.deltas <- sut.Delta{Reset: true}
		pass(2 * time.Second)
		if h := last(); h.Blind != 0 || h.Probes != 0 {
			t.Errorf("nobody is left: %+v", h)
		}
		told, at := r.health()
		pass(10 * time.Second)
		if again, _ := r.health(); len(again) != len(told) {
			t.Errorf("told %d times although nothing was new", len(again)-len(told))
		}
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < time.Second {
				t.Errorf("told at %v", at)
			}
		}
	})
}

// A process that was stopped for a while, or gets no processor, gives instances as
// much more time, but not more than their time-out again.
func TestSlowProberWaitsLonger(t *testing.T) {
	for _, c := range []struct {
		name   string
		stood  time.Duration
		detail string
		slack  time.Duration
	}{
		{"in time", 0, "no answer within 1s", 0},
		{"as slow as any", 19 * time.Millisecond, "no answer within 1s", 0},
		{"late", 300 * time.Millisecond, "no answer within 1.3s", 300 * time.Millisecond},
		{"at most doubled", 4 * time.Second, "no answer within 2s", 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.set("orders/0", 200)
				r := start(t, f, policy.Workload{Liveness: httpProbe(3, 1)}, 0)
				defer func() { r.stop() }()
				f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
				for len(f.dials("orders/0")) == 0 {
					pass(time.Millisecond)
				}
				pass(3*time.Second - 2*time.Millisecond)
				r.stand(c.stood) // over the instant at which it is due
				pass(5 * time.Millisecond)
				f.set("orders/0", hangs)
				pass(6 * time.Second)
				changes, _ := r.changes()
				if len(changes) != 2 || changes[1].Result != probe.Failure || changes[1].Detail != c.detail {
					t.Errorf("%+v, want %q", changes, c.detail)
				}
				told, _ := r.health()
				if !slices.ContainsFunc(told, func(h probe.Health) bool { return h.Slack == c.slack }) {
					t.Errorf("told %+v", told)
				}
				f.set("orders/0", 200)
				pass(60 * time.Second)
				if told, _ := r.health(); told[len(told)-1].Slack != 0 {
					t.Errorf("it is not forgotten: %+v", told[len(told)-1])
				}
			})
		})
	}
}

func TestNoGoroutineOfAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const probes, workers = 5000, 64
		f := newFake()
		w := policy.Workload{Liveness: httpProbe(1, 3)}
		w.Liveness.ProbeHandler = corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("tcp")}}
		before := runtime.NumGoroutine()
		r := start(t, f, w, workers)
		defer func() { r.stop() }()
		d := sut.Delta{Reset: true}
		for i := range probes {
			id := sut.InstanceID("orders", i)
			f.set(id, hangs)
			d.Instances = append(d.Instances, instance(id, strconv.Itoa(i)))
		}
		f.deltas <- d
		pass(1500 * time.Millisecond)
		if n := runtime.NumGoroutine() - before; n > workers+5 {
			t.Errorf("%d goroutines for %d workers", n, workers)
		}
		if _, most := f.counted(); most != workers {
			t.Errorf("%d looks at once", most)
		}
	})
}

// Workers are begun as they are needed: a small system has few.
func TestIdleWorkersAreUsedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", 200)
		before := runtime.NumGoroutine()
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(20 * time.Second)
		if n := runtime.NumGoroutine() - before; n > 4 {
			t.Errorf("%d goroutines for one probe", n)
		}
	})
}
