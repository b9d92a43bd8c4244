package sidecar_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is a proxy that runs.
type started struct {
	t      *testing.T
	routes []string // addresses
	admin  string
	stop   func() error
	client *http.Client
}

func start(t *testing.T, routes ...sidecar.Route) *started {
	t.Helper()
	return startDraining(t, 300*time.Millisecond, routes...)
}

func startDraining(t *testing.T, drain time.Duration, routes ...sidecar.Route) *started {
	t.Helper()
	for i := range routes {
		routes[i].Listen = "127.0.0.1:0"
	}
	p := &started{t: t, client: &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}}
	listening := make(chan struct{})
	s, err := sidecar.New(sidecar.Config{
		Routes: routes, Admin: "127.0.0.1:0", Drain: drain,
		Listening: func(all []net.Addr, admin net.Addr) {
			for _, a := range all {
				p.routes = append(p.routes, a.String())
			}
			p.admin = admin.String()
			close(listening)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-listening
	p.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// get asks the first route, and gives status, headers and body.
func (p *started) ask(method, path, body string) (int, http.Header, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.routes[0]+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := p.client.Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return a.StatusCode, a.Header, "cut: " + err.Error()
	}
	return a.StatusCode, a.Header, string(b)
}

// metric is the value of one, as Prometheus would read it.
func (p *started) metric(name string, labels ...string) string {
	p.t.Helper()
	a, err := p.client.Get("http://" + p.admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		line := lines.Text()
		ok := strings.HasPrefix(line, "rebound_proxy_"+name+"{")
		for _, l := range labels {
			ok = ok && strings.Contains(line, l)
		}
		if ok {
			return line[strings.LastIndex(line, " ")+1:]
		}
	}
	return "none"
}

// becomes waits until a metric has a value.
func (p *started) becomes(want, name string, labels ...string) {
	p.t.Helper()
	got := ""
	for range 250 {
		if got = p.metric(name, labels...); got == want {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	p.t.Errorf("%s%v is %s, want %s", name, labels, got, want)
}

// quick is a breaker that two failures in a row open for a long time.
func quick() breaker.Config {
	return breaker.Config{Consecutive: 2, OpenFor: time.Hour, Jitter: breaker.Percent(0)}
}

func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestStatuses(t *testing.T) {
	for status, want := range map[int]breaker.State{
		200: breaker.Closed, 404: breaker.Closed, 408: breaker.Closed, 429: breaker.Open, 500: breaker.Open, 501: breaker.Closed,
		502: breaker.Open, 503: breaker.Open, 504: breaker.Open, 505: breaker.Closed,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			p := start(t, sidecar.Route{Breaker: quick(), Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, "hello")
			})})
			for range 2 {
				if code, h, body := p.ask("GET", "/", ""); code != status || body != "hello" || h.Get(sidecar.ByHeader) != "" {
					t.Fatalf("%d %q %v", code, body, h)
				}
			}
			p.becomes("1", "breaker_state", `state="`+want.String()+`"`)
			code, h, body := p.ask("GET", "/", "")
			if want == breaker.Closed {
				return
			}
			if code != 503 || h.Get(sidecar.ByHeader) != "open" || h.Get("Retry-After") != "3600" {
				t.Errorf("refused with %d %v %q", code, h, body)
			}
			p.becomes("1", "calls_total", `outcome="rejected"`)
			p.becomes("2", "calls_total", `outcome="failure"`)
		})
	}
}

func TestUpstreamAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	fallback := &sidecar.Fallback{Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"items":[]}`}
	p := start(t, sidecar.Route{Breaker: quick(), Upstream: "http://" + ln.Addr().String(), Fallback: fallback})
	if code, h, _ := p.ask("POST", "/", "x"); code != 502 || h.Get(sidecar.ByHeader) != "unreachable" || h.Get(sidecar.DegradedHeader) != "" {
		t.Errorf("%d %v", code, h)
	}
	for range 3 { // a failure, then open
		if code, h, body := p.ask("GET", "/", ""); code != 200 || h.Get(sidecar.DegradedHeader) != "true" || body != fallback.Body || h.Get("Content-Type") != "application/json" {
			t.Errorf("%d %v %q", code, h, body)
		}
	}
	p.becomes("3", "degraded_total")
	p.becomes("2", "calls_total", `outcome="rejected"`)
	a, err := p.client.Get("http://" + p.admin + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if b, err := io.ReadAll(a.Body); err != nil || a.StatusCode != 200 || !strings.Contains(string(b), `"breaker":"open"`) {
		t.Errorf("health: %d %s %v", a.StatusCode, b, err)
	}
}

func TestFallbackForStatus(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: quick(), Fallback: &sidecar.Fallback{Status: 203, Body: "static"}, Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		fmt.Fprint(w, "stack trace")
	})})
	if code, _, body := p.ask("GET", "/", ""); code != 203 || body != "static" {
		t.Errorf("%d %q", code, body)
	}
	if code, _, body := p.ask("POST", "/", ""); code != 500 || body != "stack trace" {
		t.Errorf("%d %q", code, body)
	}
}

func TestLateAndCut(t *testing.T) {
	never, entered := make(chan struct{}), make(chan struct{}, 1)
	h := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
			return
		case "/left":
			entered <- struct{}{}
		}
		<-never
	}
	late := start(t, sidecar.Route{Breaker: breaker.Config{Consecutive: 3}, Timeout: 100 * time.Millisecond, Upstream: upstream(t, h)})
	// What is not late here is not late however slow the machine is.
	p := start(t, sidecar.Route{Breaker: breaker.Config{Consecutive: 3}, Timeout: time.Minute, Upstream: upstream(t, h)})
	t.Cleanup(func() { close(never) }) // before the upstreams are closed
	if code, h, _ := late.ask("GET", "/", ""); code != 504 || h.Get(sidecar.ByHeader) != "timeout" {
		t.Errorf("late: %d %v", code, h)
	}
	late.becomes("1", "calls_total", `outcome="failure"`)
	if code, _, body := p.ask("GET", "/cut", ""); code != 0 && !strings.HasPrefix(body, "cut") {
		t.Errorf("cut off: %d %q", code, body)
	}
	p.becomes("1", "calls_total", `outcome="failure"`)

	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.routes[0]+"/left", nil)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		if a, err := p.client.Do(r); err == nil {
			t.Error(a.Status, a.Body.Close())
		}
	}()
	<-entered
	leave()
	<-left
	p.becomes("1", "calls_total", `outcome="neutral"`)
	p.becomes("1", "calls_total", `outcome="failure"`) // and no more
}

func TestDrains(t *testing.T) {
	asked, proceed := make(chan struct{}), make(chan struct{})
	p := startDraining(t, time.Minute, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-proceed
		fmt.Fprint(w, "done")
	})})
	answer := make(chan string, 1)
	go func() {
		_, _, body := p.ask("GET", "/", "")
		answer <- body
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	<-time.After(50 * time.Millisecond)
	close(proceed)
	if body := <-answer; body != "done" {
		t.Errorf("the request under way ended with %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
