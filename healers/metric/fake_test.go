package metric_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers/metric"
)

// place is a system whose instances answer as a test says.
type place struct {
	*suttest.Scripted
	begin time.Time

	mu      sync.Mutex
	pages   map[sut.ID]http.HandlerFunc          // guarded by mu; nil: it refuses
	usage   map[sut.ID]func() (sut.Usage, error) // guarded by mu
	hanging map[sut.ID]bool                      // guarded by mu
	asked   map[sut.ID][]time.Duration           // guarded by mu
	busy    int                                  // guarded by mu
	most    int                                  // guarded by mu
}

func newPlace(instances ...sut.Instance) *place {
	p := &place{
		Scripted: suttest.New(sut.Delta{Instances: instances}), begin: time.Now(), pages: map[sut.ID]http.HandlerFunc{},
		usage: map[sut.ID]func() (sut.Usage, error){}, hanging: map[sut.ID]bool{}, asked: map[sut.ID][]time.Duration{},
	}
	p.Verbs[sut.CanDial], p.Verbs[sut.CanMeter] = p, p
	return p
}

func instance(id sut.ID, incarnation string) sut.Instance {
	return sut.Instance{Target: sut.Target{ID: id, Incarnation: incarnation}, Workload: id.Workload(), Phase: sut.PhaseRunning}
}

// says makes an instance answer with a page.
func (p *place) says(id sut.ID, page string) {
	p.serves(id, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
}

func (p *place) serves(id sut.ID, h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[id] = h
}

// refuses makes an instance take no connections, and hangs leave those open that come.
func (p *place) refuses(id sut.ID) { p.serves(id, nil) }

func (p *place) hangs(id sut.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hanging[id] = true
}

func (p *place) hung(id sut.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hanging[id]
}

func (p *place) uses(id sut.ID, f func() (sut.Usage, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.usage[id] = f
}

// looks is when an instance was asked.
func (p *place) looks(id sut.ID) []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked[id])
}

func (p *place) atOnce() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most
}

func (p *place) enter(t sut.Target) (http.HandlerFunc, func() (sut.Usage, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[t.ID] = append(p.asked[t.ID], time.Since(p.begin))
	p.busy++
	p.most = max(p.most, p.busy)
	return p.pages[t.ID], p.usage[t.ID]
}

func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
}

const port = "metrics"

func (p *place) Dial(ctx context.Context, t sut.Target, to string) (net.Conn, error) {
	page, _ := p.enter(t)
	defer p.leave()
	switch {
	case p.hung(t.ID):
		<-ctx.Done()
		return nil, ctx.Err()
	case page == nil || to != port:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	go answer(far, page)
	return near, nil
}

// answer serves one request.
func answer(far net.Conn, page http.HandlerFunc) {
	defer func() { _ = far.Close() }()
	req, err := http.ReadRequest(bufio.NewReader(far))
	if err != nil {
		return
	}
	r := httptest.NewRecorder()
	page(r, req)
	resp := r.Result()
	resp.Close = true
	_ = resp.Write(far)
}

func (p *place) Usage(ctx context.Context, t sut.Target) (sut.Usage, error) {
	_, usage := p.enter(t)
	defer p.leave()
	if usage == nil {
		<-ctx.Done()
		return sut.Usage{}, ctx.Err()
	}
	return usage()
}

// reading is a Reader in a bubble.
type reading struct {
	mu   sync.Mutex
	all  []metric.Batch  // guarded by mu
	when []time.Duration // guarded by mu
	stop func()
}

func start(t *testing.T, r *metric.Reader) *reading {
	t.Helper()
	out := &reading{}
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	done := make(chan error, 1)
	go func() {
		done <- r.Run(ctx, func(b metric.Batch) {
			out.mu.Lock()
			defer out.mu.Unlock()
			out.all, out.when = append(out.all, b), append(out.when, time.Since(begin))
		})
	}()
	out.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return out
}

func (r *reading) batches() ([]metric.Batch, []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all), slices.Clone(r.when)
}

// last is the newest batch of a source.
func (r *reading) last(t *testing.T, source int) metric.Batch {
	t.Helper()
	all, _ := r.batches()
	for _, b := range slices.Backward(all) {
		if b.Source == source {
			return b
		}
	}
	t.Fatalf("source %d has told nothing", source)
	return metric.Batch{}
}

// pass lets virtual time pass and everything settle.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// by is a client whose every answer is given by f.
func by(f func(*http.Request) (*http.Response, error)) *http.Client {
	return &http.Client{Transport: transport(f)}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func ok(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func scrape(every time.Duration) metric.Source {
	return metric.Source{Metric: "queue", Workload: "orders", Scrape: &metric.Scrape{Port: port}, Every: every}
}
