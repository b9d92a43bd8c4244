package run

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

const page = `# HELP orders_pool_open Connections that are open.
# TYPE orders_pool_open gauge
orders_pool_open{to="store"} 8
# TYPE orders_pool_in_use gauge
orders_pool_in_use{to="store"} 3
# TYPE orders_pool_size gauge
orders_pool_size{to="store"} 10
# TYPE orders_pool_opened_total counter
orders_pool_opened_total{to="store"} 12
# TYPE orders_pool_waits_total counter
orders_pool_waits_total{to="store"} 7
# TYPE orders_pool_wait_seconds_total counter
orders_pool_wait_seconds_total{to="store"} 0.25
# TYPE orders_store_connections gauge
orders_store_connections 21
# TYPE shop_request_seconds histogram
shop_request_seconds_bucket{le="+Inf"} 4
shop_request_seconds_sum 0.01
shop_request_seconds_count 4
`

func TestScrape(t *testing.T) {
	for name, row := range map[string]struct {
		code int
		body string
		none bool
	}{
		"a page":               {http.StatusOK, page, false},
		"no such page":         {http.StatusNotFound, "404 page not found", true},
		"a page of no metrics": {http.StatusOK, "<html>", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/metrics" {
					t.Errorf("it asks for %s", r.URL.Path)
				}
				w.WriteHeader(row.code)
				_, _ = w.Write([]byte(row.body)) // a client that hung up is the test's own
			}))
			defer s.Close()
			client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
			}}}
			defer client.CloseIdleConnections()
			got, err := scrape(t.Context(), client)
			if errors.Is(err, errNoMetrics) != row.none || !row.none && err != nil {
				t.Fatalf("error %v", err)
			}
			if row.none {
				return
			}
			pools, servers := readings(got)
			if d := cmp.Diff(map[string]reading{"store": {8, 3, 10, 12, 7, 250 * time.Millisecond}}, pools, cmp.AllowUnexported(reading{})); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(map[string]int{"store": 21}, servers); d != "" {
				t.Error(d)
			}
		})
	}
}

// script answers for each instance, in turn; the last answer is given again.
type script struct {
	mu      sync.Mutex
	answers map[string][]string // by instance; "": no answer
	asked   map[string]int
}

func (s *script) next(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[id]++
	all := s.answers[id]
	answer := all[0]
	if len(all) > 1 {
		s.answers[id] = all[1:]
	}
	return answer
}

// callee is a Dialer that tells who was dialed, over the connection itself.
type callee struct{ s *script }

func (c callee) Dial(_ context.Context, t sut.Target, port string) (net.Conn, error) {
	if port != metricsPort {
		return nil, errors.New("no such port")
	}
	near, far := net.Pipe()
	go func() {
		defer func() { _ = far.Close() }()
		text := c.s.next(string(t.ID))
		if text == "" {
			return
		}
		buf := make([]byte, 4096)
		if _, err := far.Read(buf); err != nil {
			return
		}
		_, _ = far.Write([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text)) // the reader may have given up
	}()
	return near, nil
}

func running(id, incarnation, workload string) sut.Instance {
	return sut.Instance{Target: sut.Target{ID: sut.ID(id), Incarnation: incarnation}, Workload: workload, Phase: sut.PhaseRunning}
}

func pooled(opened, waits string) string {
	return "orders_pool_open{to=\"store\"} 8\norders_pool_opened_total{to=\"store\"} " + opened +
		"\norders_pool_waits_total{to=\"store\"} " + waits + "\n"
}

func TestPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{asked: map[string]int{}, answers: map[string][]string{
			"orders/0":    {pooled("8", "0") + "orders_store_connections 16\n", pooled("9", "5"), pooled("9", "6")},
			"orders/1":    {pooled("8", "1") + "orders_store_connections 17\n", "", pooled("3", "0")},
			"gateway/0":   {"shop_degraded_total 0\n"},
			"inventory/0": {""},
		}}
		sys := suttest.New(sut.Delta{Reset: true, Instances: []sut.Instance{
			running("gateway/0", "g", "gateway"), running("inventory/0", "i", "inventory"),
			running("orders/0", "a", "orders"), running("orders/1", "b", "orders"), running("store/0", "s", "store"),
		}})
		sys.Verbs[sut.CanDial] = callee{s}
		rec := newRecord(&bytes.Buffer{}, time.Now())
		port := func(name string) []manifest.Port { return []manifest.Port{{Name: name}} }
		o := &observer{sys: sys, rec: rec, seen: map[sut.ID]*seen{}, system: &manifest.System{Spec: manifest.SystemSpec{Workloads: []manifest.Workload{
			{Name: "gateway", Ports: port("http")},
			{Name: "inventory", Ports: port("http")},
			{Name: "orders", Ports: port("http")},
			{Name: "store", Ports: port("sql")},
		}}}}
		watching := spawn(t.Context(), o.Run)
		synctest.Wait()
		p := &pools{observer: o, scrape: scrape}
		reading := spawn(t.Context(), p.Run)
		<-time.After(2*poolsEvery + scrapeWithin)
		synctest.Wait()
		// The next life counts from nothing.
		sys.Push(sut.Delta{Instances: []sut.Instance{running("orders/1", "c", "orders")}})
		<-time.After(poolsEvery)
		synctest.Wait()
		if err := errors.Join(reading.end(), watching.end()); err != nil {
			t.Fatal(err)
		}
		type row struct {
			Target string
			Pool   timeline.Pool
		}
		var got []row
		for _, e := range rec.all() {
			if e.Pool != nil {
				got = append(got, row{e.Target, *e.Pool})
			}
		}
		want := []row{
			{"orders/0", timeline.Pool{To: "store", Open: 8, Opened: 8}},
			{"orders/1", timeline.Pool{To: "store", Open: 8, Opened: 8, Waits: 1}},
			{"store", timeline.Pool{To: "store", Server: 17}},
			{"orders/0", timeline.Pool{To: "store", Open: 8, Opened: 1, Waits: 5}},
			{"orders/0", timeline.Pool{To: "store", Open: 8, Waits: 1}},
			{"orders/1", timeline.Pool{To: "store", Open: 8, Opened: 3}},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string]int{"orders/0": 3, "orders/1": 3, "gateway/0": 1, "inventory/0": 3}, s.asked); d != "" {
			t.Errorf("who has no pool is asked once, who did not answer again:\n%s", d)
		}
	})
}

func TestCountersThatWentBackBeginAnew(t *testing.T) {
	got := reading{open: 2, opened: 2, waits: 1}.since(reading{open: 8, opened: 12, waits: 7}, "store")
	if want := (timeline.Pool{To: "store", Open: 2, Opened: 2, Waits: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
