package bench

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	kubelet "k8s.io/kubernetes/pkg/probe"
	kubelethttp "k8s.io/kubernetes/pkg/probe/http"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

const (
	workers = 64
	warm    = 500 * time.Millisecond
	window  = 1500 * time.Millisecond
	rounds  = 7
	// atLeast is how many times as many probes as kubelet's prober ours does with the
	// same CPU time.
	atLeast = 1.5
)

// instances is a system of so many that more are due each second than any machine
// can ask. Each look opens one connection.
type instances struct {
	addresses []string
	count     int
	dialed    atomic.Int64
}

func (s *instances) Watch(ctx context.Context, report func(sut.Delta) error) error {
	d := sut.Delta{Reset: true}
	for i := range s.count {
		d.Instances = append(d.Instances, sut.Instance{
			Target: sut.Target{ID: sut.InstanceID("orders", i), Incarnation: "1"}, Workload: "orders", Phase: sut.PhaseRunning,
		})
	}
	if err := report(d); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *instances) Offer(sut.Capability, sut.Target) (any, error) { return s, nil }

// Dial dials as the platforms do.
func (s *instances) Dial(ctx context.Context, t sut.Target, _ string) (net.Conn, error) {
	s.dialed.Add(1)
	n, err := strconv.Atoi(string(t.ID)[len("orders/"):])
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp4", s.addresses[n%len(s.addresses)])
}

func httpGet(port intstr.IntOrString) *corev1.HTTPGetAction {
	return &corev1.HTTPGetAction{Path: "/healthz", Port: port, Scheme: corev1.URISchemeHTTP}
}

// rebound runs the whole of our prober: schedule, pool, thresholds.
func rebound(b *testing.B, s *instances) func(context.Context) {
	b.Helper()
	p := &corev1.Probe{
		PeriodSeconds: 1, TimeoutSeconds: 5, SuccessThreshold: 1, FailureThreshold: 1,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: httpGet(intstr.FromString("http"))},
	}
	r := &probe.Runner{System: s, Workers: workers, Policy: &policy.Policy{Workloads: []policy.Workload{
		{Selector: policy.Selector{"workload": "orders"}, Liveness: p},
	}}}
	return func(ctx context.Context) {
		begin := time.Now()
		err := r.Run(ctx, func() time.Duration { return time.Since(begin) }, func(c probe.Change) {
			if c.Result != probe.Success {
				b.Errorf("rebound: %+v", c)
			}
		})
		if err != nil {
			b.Error(err)
		}
	}
}

// kubelets runs what a worker of kubelet does for one probe, as many at once, and
// without its schedule.
func kubelets(b *testing.B, addresses []string, asked *atomic.Int64) func(context.Context) {
	b.Helper()
	prober := kubelethttp.New(false)
	return func(ctx context.Context) {
		var all sync.WaitGroup
		for n := range workers {
			all.Go(func() {
				for i := n; ctx.Err() == nil; i += workers {
					at := netip.MustParseAddrPort(addresses[i%len(addresses)])
					req, err := kubelethttp.NewRequestForHTTPGetAction(httpGet(intstr.FromInt32(int32(at.Port()))), &corev1.Container{}, at.Addr().String(), "probe")
					if err != nil {
						b.Error(err)
						return
					}
					if r, said, err := prober.Probe(req, 5*time.Second); err != nil || r != kubelet.Success {
						b.Errorf("kubelet: %v %s %v", r, said, err)
						return
					}
					asked.Add(1)
				}
			})
		}
		all.Wait()
	}
}

// BenchmarkProbers compares HTTP probes with a fresh connection each by the CPU time
// that each prober uses for one, in rounds that take turns. Our side is the whole
// prober, kubelet's its handler alone.
func BenchmarkProbers(b *testing.B) {
	addresses := servers(b)
	for b.Loop() {
		var mine, theirs []measured
		var byCPU, byRate []float64
		for range rounds {
			s := &instances{addresses: addresses, count: 15_000}
			mine = append(mine, measure(b, &s.dialed, rebound(b, s)))
			var asked atomic.Int64
			theirs = append(theirs, measure(b, &asked, kubelets(b, addresses, &asked)))
			m, t := mine[len(mine)-1], theirs[len(theirs)-1]
			byCPU, byRate = append(byCPU, float64(t.cpu)/float64(m.cpu)), append(byRate, m.rate/t.rate)
		}
		for unit, of := range map[string]func(measured) float64{
			"probes/s":      func(m measured) float64 { return m.rate },
			"cpu-us/probe":  func(m measured) float64 { return float64(m.cpu.Nanoseconds()) / 1000 },
			"probes/s/core": func(m measured) float64 { return float64(time.Second) / float64(m.cpu) },
		} {
			b.ReportMetric(median(mine, of), "rebound-"+unit)
			b.ReportMetric(median(theirs, of), "kubelet-"+unit)
		}
		same := func(x float64) float64 { return x }
		ratio := median(byCPU, same)
		b.ReportMetric(ratio, "ratio-by-cpu")
		b.ReportMetric(median(byRate, same), "ratio-by-rate")
		if ratio < atLeast {
			b.Errorf("rebound does %.2f times as many probes with the same CPU time, want %.1f; rebound %v, kubelet %v", ratio, atLeast, mine, theirs)
		}
	}
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, x := range all {
		values[i] = of(x)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// measured is what a prober did in a window.
type measured struct {
	rate float64       // probes a second
	cpu  time.Duration // of the prober's process, each probe
}

// measure runs a prober, lets it warm up, and counts.
func measure(b *testing.B, done *atomic.Int64, run func(context.Context)) measured {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { run(ctx) })
	<-time.After(warm)
	n, cpu, begin := done.Load(), used(b), time.Now()
	<-time.After(window)
	n, cpu = done.Load()-n, used(b)-cpu
	took := time.Since(begin)
	cancel()
	wg.Wait()
	if n == 0 {
		b.Fatal("nothing was probed")
	}
	return measured{rate: float64(n) / took.Seconds(), cpu: cpu / time.Duration(n)}
}

// used is the CPU time that this process has used so far.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
