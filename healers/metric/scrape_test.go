package metric_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers/metric"
)

// A counter's value is its growth, over the time between two looks at one incarnation.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 10 * time.Second
		p := newPlace(instance("orders/0", "1"))
		s := scrape(every)
		s.Scrape.Rate = true
		counts := func(v int) { p.says("orders/0", fmt.Sprintf("queue %d\n", v)) }
		counts(1000)
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{s}})
		defer r.stop()
		pass(6 * time.Second) // behind each round
		for i, step := range []struct {
			does func()
			want float64
			err  string
		}{
			{func() {}, 0, "orders/0: a rate needs two looks, and this is the first"},
			{func() { counts(1050) }, 5, ""},
			{func() { counts(20) }, 0, "orders/0: a counter fell or is gone: it begins anew"},
			{func() { counts(50) }, 3, ""},
			{func() { p.Push(sut.Delta{Instances: []sut.Instance{instance("orders/0", "2")}}) }, 0, "orders/0: a rate needs two looks, and this is the first"},
			{func() { counts(70) }, 2, ""},
			{func() { p.refuses("orders/0") }, 0, "orders/0: dial: connection refused"},
			{func() { counts(110) }, 2, ""}, // over two periods
		} {
			if i > 0 {
				step.does()
				pass(every)
			}
			b := r.last(t, 0)
			if b.Err != step.err || step.err == "" && (len(b.Samples) != 1 || math.Abs(b.Samples[0].Value-step.want) > 1e-9 || b.Samples[0].Window%every != 0 || b.Samples[0].Window == 0) {
				t.Errorf("step %d: %+v", i, b)
			}
		}
	})
}

// A page that says when it was so is as old as that.
func TestAPageMayBeOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "1"))
		p.says("orders/0", fmt.Sprintf("queue 5 %d\n", time.Now().UnixMilli()))
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{scrape(10 * time.Second)}})
		defer r.stop()
		begin := time.Now()
		pass(6 * time.Second)
		if b := r.last(t, 0); len(b.Samples) != 1 || !b.Samples[0].At.Equal(begin) {
			t.Errorf("%+v", b)
		}
		pass(30 * time.Second)
		if b := r.last(t, 0); len(b.Samples) > 0 || !strings.HasSuffix(b.Err, "old, more than 30s") {
			t.Errorf("%+v", b)
		}
	})
}

// town is a system of real servers.
type town struct {
	*suttest.Scripted
	addresses map[sut.ID]string
}

func (w *town) Dial(ctx context.Context, t sut.Target, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", w.addresses[t.ID])
}

const (
	long = 10 * time.Second // of what is not to be waited for
	// askedAtOnce is a seed by which orders/0 is among the first.
	askedAtOnce = 621
)

// scraped is what one look at a real server gives.
func scraped(t *testing.T, s *metric.Scrape, timeout time.Duration, h http.Handler) metric.Batch {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	w := &town{suttest.New(sut.Delta{Instances: []sut.Instance{instance("orders/0", "1")}}), map[sut.ID]string{"orders/0": server.Listener.Addr().String()}}
	w.Verbs[sut.CanDial] = w
	s.Port = port
	return first(t, &metric.Reader{System: w, Seed: askedAtOnce, Sources: []metric.Source{{
		Metric: "requests_total", Workload: "orders", Scrape: s, Every: long, Timeout: timeout,
	}}})
}

// first is the first batch that a reader reports of instances that it knows.
func first(t *testing.T, r *metric.Reader) (first metric.Batch) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := r.Run(ctx, func(b metric.Batch) {
		if first.At.IsZero() {
			first = b
		}
		cancel()
	})
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// The pages of the library that most servers are built with, as text and as OpenMetrics with
// exemplars, packed and not.
func TestScrapeOfTheLibrary(t *testing.T) {
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "how \"many\" \\ so far"}, []string{"code", "path"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", Buckets: []float64{0.1, 1}})
	reg.MustRegister(requests, took)
	requests.WithLabelValues("200", `/a"}\ # 1`).(prometheus.ExemplarAdder).AddWithExemplar(40, prometheus.Labels{"trace_id": `"} 7`})
	requests.WithLabelValues("200", "/b").Add(2)
	requests.WithLabelValues("500", "/b").Add(100)
	took.(prometheus.ExemplarObserver).ObserveWithExemplar(0.5, prometheus.Labels{"trace_id": "x"})
	library := promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true})
	for name, accept := range map[string]string{"as we ask for it": "", "OpenMetrics": "application/openmetrics-text;version=1.0.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/metrics" {
					http.NotFound(w, r)
					return
				}
				if accept != "" {
					r.Header.Set("Accept", accept)
				}
				library.ServeHTTP(w, r)
			})
			for _, c := range []struct {
				s    metric.Scrape
				want float64
			}{
				{metric.Scrape{}, 142},
				{metric.Scrape{Labels: map[string]string{"code": "200"}}, 42},
				{metric.Scrape{Name: "took_seconds_count"}, 1},
				{metric.Scrape{Name: "took_seconds_sum"}, 0.5},
			} {
				b := scraped(t, &c.s, long, h)
				if b.Err != "" || len(b.Samples) != 1 || b.Samples[0].Value != c.want || b.Samples[0].Metric != "requests_total" || time.Since(b.Samples[0].At) > time.Minute {
					t.Errorf("%+v: %+v", c.s, b)
				}
			}
		})
	}
}

func TestScrapeOfWhatIsNoPage(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		_, _ = io.WriteString(w, "requests_total 9\n")
	}))
	t.Cleanup(func() {
		other.Close()
		if elsewhere.Load() > 0 {
			t.Error("the other host was asked")
		}
	})
	mib := strings.Repeat("# "+strings.Repeat("x", 1021)+"\n", 1024) // 1 MiB
	for _, c := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"not found", http.NotFound, `status 404: "404 page not found"`},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "status 204"},
		{"to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/metrics", http.StatusFound)
		}, "redirected to " + other.URL + ", which is not who is asked"},
		{
			"round and round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/metrics", http.StatusFound) },
			"stopped after 10 redirects",
		},
		{
			"8 MiB and more", func(w http.ResponseWriter, _ *http.Request) {
				for range 9 {
					_, _ = io.WriteString(w, mib)
				}
				_, _ = io.WriteString(w, "requests_total 9\n")
			}, "the answer is longer than 8 MiB",
		},
		{
			"half of it", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, "requests_total 9\n")
			}, "unexpected EOF",
		},
		{
			"stalls", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "requests_total 9\n")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}, "no answer within 300ms",
		},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			timeout := long
			if strings.HasSuffix(c.want, "within 300ms") {
				timeout = 300 * time.Millisecond
			}
			if b := scraped(t, &metric.Scrape{}, timeout, c.h); b.Err != "orders/0: "+c.want || len(b.Samples) > 0 {
				t.Errorf("%+v", b)
			}
		})
	}
}

// A redirect on the host that is asked is followed, and a page of nearly 8 MiB is read.
func TestScrapeOfUnusualPages(t *testing.T) {
	mib := strings.Repeat("# "+strings.Repeat("x", 1021)+"\n", 1024)
	b := scraped(t, &metric.Scrape{Path: "/old?all=1"}, long, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Error("the connection is kept")
		}
		switch r.RequestURI {
		case "/old?all=1":
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		case "/new":
			for range 7 {
				_, _ = io.WriteString(w, mib)
			}
			_, _ = io.WriteString(w, "requests_total 9\n")
		}
	}))
	if b.Err != "" || len(b.Samples) != 1 || b.Samples[0].Value != 9 {
		t.Errorf("%+v", b)
	}
}
