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
	heard []probe.Answer  // guarded by mu
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

// answers are those since it was last asked, a letter for each.
func (r *running) answers() (letters string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.heard {
		letters += string("USF"[a.Result])
	}
	r.heard = nil
	return letters
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
		Answered: func(a probe.Answer) {
			out.mu.Lock()
			defer out.mu.Unlock()
			out.heard = append(out.heard, a)
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
