package probe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// What a fake instance answers with, besides a status.
const (
	refuses = 0
	hangs   = -1 // takes no connection
	stalls  = -2 // sends a header and half a body
)

// fake is a system of which a test sets the instances and their answers.
type fake struct {
	mu     sync.Mutex
	deltas chan sut.Delta
	status map[sut.ID]int
	dialed map[sut.ID][]time.Duration
	begin  time.Time
	busy   int
	most   int
	open   int
	offers int
	broken error
}

func newFake() *fake {
	return &fake{deltas: make(chan sut.Delta, 10), status: map[sut.ID]int{}, dialed: map[sut.ID][]time.Duration{}, begin: time.Now()}
}

func (f *fake) Watch(ctx context.Context, report func(sut.Delta) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d := <-f.deltas:
			if d.Lost != "" {
				return errors.New(d.Lost)
			}
			if err := report(d); err != nil {
				return err
			}
		}
	}
}

func (f *fake) Offer(sut.Capability, sut.Target) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers++
	if f.broken != nil {
		return nil, f.broken
	}
	return f, nil
}

func (f *fake) set(id sut.ID, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status[id] = status
}

func (f *fake) answers(id sut.ID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status[id]
}

func (f *fake) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

func (f *fake) dials(id sut.ID) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dialed[id])
}

// counted is how many connections are open, and how many looks were under way at
// once.
func (f *fake) counted() (open, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.most
}

func (f *fake) Dial(ctx context.Context, t sut.Target, _ string) (net.Conn, error) {
	f.mu.Lock()
	status, broken := f.status[t.ID], f.broken
	f.dialed[t.ID] = append(f.dialed[t.ID], time.Since(f.begin))
	f.busy++
	f.most = max(f.most, f.busy)
	f.mu.Unlock()
	if broken == nil && status == hangs {
		<-ctx.Done()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	switch {
	case broken != nil:
		return nil, broken
	case status == refuses:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case status == hangs:
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	f.open++
	go f.serve(t.ID, far)
	return &opened{Conn: near, f: f}, nil
}

// serve answers over one connection until somebody hangs up.
func (f *fake) serve(id sut.ID, far net.Conn) {
	defer func() { _ = far.Close() }()
	for r := bufio.NewReader(far); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		text := fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n", f.answers(id))
		if f.answers(id) == stalls {
			text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
		}
		if _, err := io.WriteString(far, text); err != nil || req.Close {
			_, _ = r.ReadByte() // until it is closed
			return
		}
	}
}

// opened is a connection that counts.
type opened struct {
	net.Conn
	f    *fake
	once sync.Once
}

func (o *opened) Close() error {
	o.once.Do(func() {
		o.f.mu.Lock()
		o.f.open--
		o.f.mu.Unlock()
	})
	return o.Conn.Close()
}

func httpProbe(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		PeriodSeconds: period, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: failures,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}},
	}
}

func instance(id sut.ID, incarnation string) sut.Instance {
	return sut.Instance{Target: sut.Target{ID: id, Incarnation: incarnation}, Workload: id.Workload(), Phase: sut.PhaseRunning}
}

// running is a Runner in a bubble.
type running struct {
	mu    sync.Mutex
	all   []probe.Change  // guarded by mu
	when  []time.Duration // guarded by mu
	fared []probe.Health  // guarded by mu
	at    []time.Duration // guarded by mu: when each of fared was told
	jump  time.Duration   // guarded by mu: what the engine's clock is ahead
	stop  func()
}

// changes are those so far, and when they came.
func (r *running) changes() ([]probe.Change, []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all), slices.Clone(r.when)
}

func (r *running) health() ([]probe.Health, []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.fared), slices.Clone(r.at)
}

// stand lets the engine's clock go on while nobody gets to run.
func (r *running) stand(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jump += d
}

func start(t *testing.T, f *fake, w policy.Workload, workers int) *running {
	t.Helper()
	w.Selector = policy.Selector{"workload": "orders"}
	out := &running{}
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	now := func() time.Duration {
		out.mu.Lock()
		defer out.mu.Unlock()
		return time.Since(begin) + out.jump
	}
	r := &probe.Runner{
		System: f, Policy: &policy.Policy{Workloads: []policy.Workload{w}}, Seed: 7, Workers: workers,
		Health: func(h probe.Health) {
			at := now()
			out.mu.Lock()
			defer out.mu.Unlock()
			out.fared, out.at = append(out.fared, h), append(out.at, at)
		},
	}
	done := make(chan error, 1)
	go func() {
		done <- r.Run(ctx, now, func(c probe.Change) {
			at := now()
			out.mu.Lock()
			defer out.mu.Unlock()
			out.all, out.when = append(out.all, c), append(out.when, at)
		})
	}()
	out.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return out
}

// pass lets virtual time pass and everything settle.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

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
