package probe

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// town is a system of many instances that are all well. Those with the same
// remainder share an address.
type town struct {
	instances int
	addresses []string
}

// newTown has its instances served by a process of its own: a process may have only
// so many connections, and what is measured is the prober.
func newTown(tb testing.TB, instances int) *town {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := exec.CommandContext(tb.Context(), self)
	c.Env = append(os.Environ(), serveEnv+"=1")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	w := &town{instances: instances}
	for lines := bufio.NewScanner(out); len(w.addresses) < addresses && lines.Scan(); {
		w.addresses = append(w.addresses, lines.Text())
	}
	if len(w.addresses) != addresses {
		tb.Fatal("the server does not come up")
	}
	return w
}

func (w *town) address(i int) string { return w.addresses[i%len(w.addresses)] }

func (w *town) delta() sut.Delta {
	d := sut.Delta{Reset: true}
	for i := range w.instances {
		d.Instances = append(d.Instances, sut.Instance{
			Target:   sut.Target{ID: sut.InstanceID("orders", i), Incarnation: strconv.Itoa(100_000+i) + "+4711"},
			Workload: "orders", Phase: sut.PhaseRunning,
		})
	}
	return d
}

func (w *town) Watch(ctx context.Context, report func(sut.Delta) error) error {
	if err := report(w.delta()); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (w *town) Offer(sut.Capability, sut.Target) (any, error) { return w, nil }

func (w *town) Dial(ctx context.Context, t sut.Target, _ string) (net.Conn, error) {
	n, err := strconv.Atoi(string(t.ID)[len("orders/"):])
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp4", w.address(n))
}

func orders(p *corev1.Probe, how policy.Probing) *policy.Policy {
	p.PeriodSeconds, p.TimeoutSeconds, p.SuccessThreshold, p.FailureThreshold = 1, 5, 1, 3
	return &policy.Policy{Workloads: []policy.Workload{{Selector: policy.Selector{"workload": "orders"}, Liveness: p, Probing: how}}}
}

// BenchmarkLook is one look at a server on 127/8, by workers that look without a
// pause, two for each processor: what one machine can do, all of it, server and
// kernel included.
func BenchmarkLook(b *testing.B) {
	for _, c := range []struct {
		name  string
		probe *corev1.Probe
		how   policy.Probing
	}{
		{"http fresh", get("/healthz"), policy.Probing{}},
		{"http kept", get("/healthz"), policy.Probing{KeepConnections: true}},
		{"tcp", tcp(), policy.Probing{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newTown(b, 1)
			h := handlerOf(c.probe, c.how)
			var next atomic.Int64
			b.SetParallelism(8)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				k := &look{
					system: w, handler: h, limit: 5 * time.Second,
					target: sut.Target{ID: sut.InstanceID("orders", int(next.Add(1))), Incarnation: "1"},
				}
				defer k.drop()
				for pb.Next() {
					if r, detail := k.ask(b.Context()); r != Success {
						b.Errorf("%v %s", r, detail)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "probes/s")
		})
	}
}

// BenchmarkRunnerKept is the whole prober with 12,000 probes due each second over
// connections that are kept. At least 10,000 are to be answered.
func BenchmarkRunnerKept(b *testing.B) {
	const probes, span, least = 12_000, 3 * time.Second, 10_000
	w := newTown(b, probes)
	for b.Loop() {
		var looks atomic.Int64
		r := &Runner{
			System: w, Policy: orders(get("/healthz"), policy.Probing{KeepConnections: true}),
			begun: func(time.Duration) { looks.Add(1) },
		}
		done := runFor(b, r)
		<-time.After(2 * time.Second) // every probe has its connection
		before, begin := looks.Load(), time.Now()
		<-time.After(span)
		rate := float64(looks.Load()-before) / time.Since(begin).Seconds()
		done()
		b.ReportMetric(rate, "probes/s")
		if rate < least {
			b.Errorf("%.0f probes a second over kept connections, want %d", rate, least)
		}
	}
}

// BenchmarkScheduleLag is how late looks are begun with 5,000 due each second. The
// dialer connects to nobody: what is measured is the schedule. At most 20 ms for 99
// of 100.
func BenchmarkScheduleLag(b *testing.B) {
	const probes, span = 5_000, 5 * time.Second
	for b.Loop() {
		var late []time.Duration
		r := &Runner{System: &nowhere{town{instances: probes}}, Policy: orders(tcp(), policy.Probing{}), begun: func(d time.Duration) { late = append(late, d) }}
		done := runFor(b, r)
		<-time.After(span + time.Second)
		done()
		slices.Sort(late)
		p99 := late[len(late)*99/100]
		b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(late[len(late)-1].Microseconds())/1000, "max-ms")
		b.ReportMetric(float64(len(late))/(span+time.Second).Seconds(), "probes/s")
		if p99 > 20*time.Millisecond {
			b.Errorf("99 of 100 looks are begun within %v, want 20 ms", p99)
		}
	}
}

// nowhere dials connections that lead nowhere.
type nowhere struct{ town }

func (n *nowhere) Offer(sut.Capability, sut.Target) (any, error) { return n, nil }
func (n *nowhere) Dial(context.Context, sut.Target, string) (net.Conn, error) {
	return said{}, nil
}

// runFor runs a prober until done is called.
func runFor(b *testing.B, r *Runner) (done func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	begin := time.Now()
	wg.Go(func() {
		if err := r.Run(ctx, func() time.Duration { return time.Since(begin) }, func(Change) {}); err != nil {
			b.Error(err)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// BenchmarkRegistered is the memory of a probe that is registered and was asked, at
// 100,000: at most 400 bytes, of which the name and the incarnation of its instance
// are a part. With one probe to each instance, and with three.
func BenchmarkRegistered(b *testing.B) {
	const probes, limit = 100_000, 400
	one := &corev1.Probe{
		PeriodSeconds: 3600, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3,
		ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("tcp")}},
	}
	for _, c := range []struct {
		name        string
		each, asked int // of each instance; a liveness probe waits for its phase
		w           policy.Workload
	}{
		{"one each", 1, 1, policy.Workload{Readiness: one}},
		{"three each", 3, 2, policy.Workload{Startup: one, Liveness: one, Readiness: one}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.w.Selector = policy.Selector{"workload": "orders"}
			for b.Loop() {
				w := &nowhere{town{instances: probes / c.each}}
				answered := make(chan struct{})
				var n atomic.Int64
				r := &Runner{System: w, Policy: &policy.Policy{Workloads: []policy.Workload{c.w}}, Workers: 16, begun: func(time.Duration) {
					if int(n.Add(1)) == w.instances*c.asked {
						close(answered)
					}
				}}
				before := heapInUse()
				done := runFor(b, r)
				<-answered
				size := float64(heapInUse()-before) / float64(w.instances*c.each)
				done()
				b.ReportMetric(size, "bytes/probe")
				if size > limit {
					b.Errorf("%.0f bytes for each of %d probes, want %d", size, w.instances*c.each, limit)
				}
			}
		})
	}
}

// heapInUse is what is in use once all that nobody needs is gone.
func heapInUse() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
