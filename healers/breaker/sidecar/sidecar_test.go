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
	"sync/atomic"
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
	for i := range routes {
		routes[i].Listen = "127.0.0.1:0"
	}
	p := &started{t: t, client: &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}}
	listening := make(chan struct{})
	s, err := sidecar.New(sidecar.Config{
		Routes: routes, Admin: "127.0.0.1:0", Drain: 300 * time.Millisecond,
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
	never := make(chan struct{})
	p := start(t, sidecar.Route{Breaker: breaker.Config{Consecutive: 3}, Timeout: 100 * time.Millisecond, Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
			return
		}
		<-never
	})})
	t.Cleanup(func() { close(never) }) // before the upstream is closed
	if code, h, _ := p.ask("GET", "/", ""); code != 504 || h.Get(sidecar.ByHeader) != "timeout" {
		t.Errorf("late: %d %v", code, h)
	}
	p.becomes("1", "calls_total", `outcome="failure"`)
	if code, _, body := p.ask("GET", "/cut", ""); code != 0 && !strings.HasPrefix(body, "cut") {
		t.Errorf("cut off: %d %q", code, body)
	}
	p.becomes("2", "calls_total", `outcome="failure"`)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.routes[0]+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := p.client.Do(r); err == nil {
		t.Error(a.Status, a.Body.Close())
	}
	p.becomes("1", "calls_total", `outcome="neutral"`)
}

func TestPassesAsItIs(t *testing.T) {
	var got atomic.Pointer[http.Request]
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r)
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		fmt.Fprint(w, "ok")
	}) + "/base"})
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.routes[0]+"/a%2fb?x=1;y=%zz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"X-Secret"}, "X-Secret": {"s"}, "Proxy-Authorization": {"p"}, "X-Forwarded-For": {"10.0.0.9"}, "User-Agent": {"curl"}}
	a, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	up := got.Load()
	if uri := up.RequestURI; uri != "/base/a%2fb?x=1;y=%zz" {
		t.Errorf("asked for %s", uri)
	}
	for name, want := range map[string]string{"X-Secret": "", "Proxy-Authorization": "", "X-Forwarded-For": "10.0.0.9", "User-Agent": "curl", "Accept-Encoding": ""} {
		if v := up.Header.Get(name); v != want {
			t.Errorf("%s is %q at the upstream, want %q", name, v, want)
		}
	}
	if c := a.Header.Values("Set-Cookie"); len(c) != 2 || a.Header.Get("Keep-Alive") != "" {
		t.Errorf("answered with %v", a.Header)
	}
}

// TestStreams: a byte that is sent arrives before the next is, in both directions.
func TestStreams(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		buf := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, buf); err != nil {
				return
			}
			_, _ = w.Write(buf)
			_ = c.Flush()
		}
	})})
	conn, err := net.Dial("tcp", p.routes[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// One that waits for all of the request before it answers would be deaf here.
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
	got := make([]byte, 0, 512)
	buf := make([]byte, 512)
	for !strings.Contains(string(got), "\r\n1\r\na\r\n") {
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
}

func TestUpgradePasses(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" {
			w.WriteHeader(400)
			return
		}
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	})})
	conn, err := net.Dial("tcp", p.routes[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil || a.StatusCode != 101 {
		t.Fatal(a, err)
	}
	fmt.Fprint(conn, "ping")
	buf := make([]byte, 4)
	if _, err := io.ReadFull(in, buf); err != nil || string(buf) != "ping" {
		t.Errorf("%q %v", buf, err)
	}
	p.becomes("1", "calls_total", `outcome="ok"`)
	// It would go on for ever: the end of the proxy cuts it, when its time is up.
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("it goes on")
	}
}

func TestDrains(t *testing.T) {
	asked, proceed := make(chan struct{}), make(chan struct{})
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
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
