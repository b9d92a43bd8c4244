package probe_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func TestRecoveryIsSeenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, policy.Workload{Readiness: httpProbe(10, 2)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(time.Second) // it starts up: connections are refused
		f.set("orders/0", 200)
		pass(300 * time.Millisecond)
		if changes, _ := r.changes(); len(changes) != 1 || changes[0].Result != probe.Success {
			t.Fatalf("after 300 ms: %+v", changes)
		}
		first := f.dials("orders/0")
		if first[0] > 100*time.Millisecond || len(first) < 4 {
			t.Errorf("looks at %v", first)
		}
		n := len(first)
		pass(30 * time.Second)
		if got := len(f.dials("orders/0")) - n; got != 3 {
			t.Errorf("%d looks in three periods", got)
		}
	})
}

func TestEagerLooksFillNoThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, policy.Workload{Readiness: httpProbe(2, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(5 * time.Second)
		if changes, _ := r.changes(); len(f.dials("orders/0")) < 15 || len(changes) != 0 {
			t.Fatalf("%d looks, changes %+v", len(f.dials("orders/0")), changes)
		}
		pass(4 * time.Second)
		if changes, at := r.changes(); len(changes) != 1 || changes[0].Result != probe.Failure || at[0] < 6*time.Second {
			t.Fatalf("changes %+v at %v", changes, at)
		}
	})
}

func TestHangIsSeenByLivenessInThreePeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", 200)
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(10 * time.Second)
		f.set("orders/0", hangs)
		pass(5 * time.Second)
		if changes, _ := r.changes(); len(changes) != 2 || changes[1].Result != probe.Failure || changes[1].Detail != "no answer within 1s" {
			t.Fatalf("%+v", changes)
		}
		// The guard may hold the restart back: it comes back by itself.
		f.set("orders/0", 200)
		pass(3 * time.Second)
		if changes, _ := r.changes(); len(changes) != 3 || changes[2].Result != probe.Success {
			t.Fatalf("%+v", changes)
		}
	})
}

func TestReplicasAreNotAskedInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, policy.Workload{Liveness: httpProbe(10, 3)}, 0)
		defer func() { r.stop() }()
		d := sut.Delta{Reset: true}
		for i := range 50 {
			id := sut.InstanceID("orders", i)
			f.set(id, 200)
			d.Instances = append(d.Instances, instance(id, "1"))
		}
		f.deltas <- d
		pass(20 * time.Second)
		var seconds [10]int
		for i := range 50 {
			at := f.dials(sut.InstanceID("orders", i))
			if len(at) != 2 || at[1]-at[0] != 10*time.Second {
				t.Fatalf("orders/%d at %v", i, at)
			}
			seconds[at[0]/time.Second]++
		}
		if slices.Max(seconds[:]) > 15 || slices.Min(seconds[:]) == 0 {
			t.Errorf("looks by second: %v", seconds)
		}
	})
}

func TestNewIncarnationDoesNotWaitForTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", hangs)
		w := policy.Workload{Readiness: httpProbe(10, 1)}
		w.Readiness.TimeoutSeconds = 60
		r := start(t, f, w, 1) // one worker, and it hangs
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(5 * time.Second)
		f.set("orders/0", 200)
		f.deltas <- sut.Delta{Instances: []sut.Instance{instance("orders/0", "2")}}
		pass(200 * time.Millisecond)
		if changes, _ := r.changes(); len(changes) != 1 || changes[0].Target.Incarnation != "2" || changes[0].Result != probe.Success {
			t.Fatalf("%+v", changes)
		}
	})
}

func TestWhatIsGoneOrEndedIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, id := range []sut.ID{"orders/0", "orders/1", "orders/2", "store/0"} {
			f.set(id, 200)
		}
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{
			instance("orders/0", "1"), instance("orders/1", "1"), instance("orders/2", "1"), instance("store/0", "1"),
		}}
		pass(5 * time.Second)
		ended := instance("orders/0", "1")
		ended.Phase = sut.PhaseExited
		f.deltas <- sut.Delta{Instances: []sut.Instance{ended}, Gone: []sut.ID{"orders/1"}}
		pass(time.Millisecond)
		before := map[sut.ID]int{}
		for _, id := range []sut.ID{"orders/0", "orders/1", "orders/2"} {
			before[id] = len(f.dials(id))
		}
		pass(5 * time.Second)
		for id, want := range map[sut.ID]int{"orders/0": 0, "orders/1": 0, "orders/2": 5} {
			if got := len(f.dials(id)) - before[id]; got != want {
				t.Errorf("%s: %d looks, want %d", id, got, want)
			}
		}
		if len(f.dials("store/0")) != 0 {
			t.Error("what the policy does not name was asked")
		}
		// A full list without it is as good as Gone.
		f.deltas <- sut.Delta{Reset: true}
		pass(time.Millisecond)
		n := len(f.dials("orders/2"))
		pass(5 * time.Second)
		if got := len(f.dials("orders/2")); got != n {
			t.Errorf("%d looks after the reset", got-n)
		}
	})
}

func TestBlindProberSaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set("orders/0", 200)
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3)}, 0)
		defer func() { r.stop() }()
		f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
		pass(3 * time.Second)
		f.fail(errors.New("connection to the system is lost"))
		f.deltas <- sut.Delta{Lost: "socket closed"} // the watch fails, and is begun again
		pass(5 * time.Second)
		if changes, _ := r.changes(); len(changes) != 2 || changes[1].Result != probe.Unknown {
			t.Fatalf("%+v", changes)
		}
	})
}

func TestPoolIsBoundedAndLagIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := policy.Workload{Readiness: httpProbe(10, 1)}
		w.Readiness.ProbeHandler = corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("tcp")}}
		r := start(t, f, w, 2)
		defer func() { r.stop() }()
		d := sut.Delta{Reset: true}
		for i := range 10 {
			id := sut.InstanceID("orders", i)
			f.set(id, hangs) // each takes its whole time-out
			d.Instances = append(d.Instances, instance(id, "1"))
		}
		f.deltas <- d
		pass(6500 * time.Millisecond)
		if _, most := f.counted(); most != 2 {
			t.Errorf("%d looks at once", most)
		}
		var worst time.Duration
		told, at := r.health()
		for i, h := range told {
			worst = max(worst, h.Lag)
			if h.Slack != 0 {
				t.Errorf("%+v: it is the instances that hold the workers", h)
			}
			if i > 0 && at[i]-at[i-1] < time.Second {
				t.Errorf("told at %v", at)
			}
		}
		if worst < 3*time.Second {
			t.Errorf("told %+v", told)
		}
	})
}
