package sidecar_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// TestStreamsWhatHasALength: also of an answer that says how long it is each byte arrives
// before the next, and the headers before the first.
func TestStreamsWhatHasALength(t *testing.T) {
	proceed := make(chan struct{})
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		w.Header().Set("Content-Length", "2")
		w.WriteHeader(http.StatusOK)
		_ = c.Flush()
		for _, b := range []string{"a", "b"} {
			<-proceed
			fmt.Fprint(w, b)
			_ = c.Flush()
		}
	})})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	defer close(proceed)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.routes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	b := make([]byte, 1)
	for _, want := range []string{"a", "b"} {
		proceed <- struct{}{}
		if _, err := io.ReadFull(a.Body, b); err != nil || string(b) != want {
			t.Fatalf("%q %v", b, err)
		}
	}
}

// TestUpstreamTakesNothing: one that hangs with a request half sent is late, as one that
// hangs with all of it.
func TestUpstreamTakesNothing(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: quick(), Timeout: 200 * time.Millisecond, Upstream: strings.Replace(listen(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		<-time.After(2 * time.Second)
	}), "tcp", "http", 1)})
	p.client.Transport.(*http.Transport).DisableKeepAlives = false
	began := time.Now()
	if code, h, body := p.ask("POST", "/", strings.Repeat("x", 32<<20)); code != 504 || h.Get(sidecar.ByHeader) != "timeout" {
		t.Errorf("%d %v %q", code, h, body)
	}
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("after %v", took)
	}
	p.becomes("1", "calls_total", `outcome="failure"`)
}

// A program that sends slowly is no fault of the upstream, however long it takes.
func TestProgramSendsSlowly(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: quick(), Timeout: 100 * time.Millisecond, Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})})
	in, out := io.Pipe()
	go func() {
		for range 4 {
			<-time.After(100 * time.Millisecond)
			fmt.Fprint(out, "x")
		}
		_ = out.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.routes[0], in)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if b, err := io.ReadAll(a.Body); string(b) != "xxxx" || err != nil || a.StatusCode != 200 {
		t.Errorf("%d %q %v", a.StatusCode, b, err)
	}
	p.becomes("1", "calls_total", `outcome="ok"`)
}

// TestTrailersPass in both directions.
func TestTrailersPass(t *testing.T) {
	var sum atomic.Value
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Count")
		n, _ := io.Copy(io.Discard, r.Body)
		sum.Store(r.Trailer.Get("X-Sum"))
		fmt.Fprint(w, "ok")
		w.Header().Set("X-Count", fmt.Sprint(n))
	})})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.routes[0], io.MultiReader(strings.NewReader("abc")))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sum": {"42"}}
	a, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if b, err := io.ReadAll(a.Body); err != nil || string(b) != "ok" || a.Trailer.Get("X-Count") != "3" || sum.Load() != "42" {
		t.Errorf("%q %v, trailer %v, and at the upstream %v", b, err, a.Trailer, sum.Load())
	}
}

// TestBigBodies pass whole, in both directions.
func TestBigBodies(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })})
	sent := strings.Repeat("0123456789abcdef", 4<<20)
	if code, _, body := p.ask("POST", "/", sent); code != 200 || body != sent {
		t.Errorf("%d, %d of %d bytes", code, len(body), len(sent))
	}
	p.becomes("1", "calls_total", `outcome="ok"`)
}

// TestProgramLeaves in the middle of what it sends, and of what it gets.
func TestProgramLeaves(t *testing.T) {
	for name, says := range map[string]string{
		"while it sends": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		"while it waits": "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n",
		"while it gets":  "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1)
			p := start(t, sidecar.Route{Breaker: quick(), Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				if r.URL.Path == "/stream" {
					fmt.Fprint(w, "x")
					_ = http.NewResponseController(w).Flush()
				}
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			})})
			c := p.dial()
			fmt.Fprint(c, says)
			<-asked
			if name == "while it gets" {
				if _, err := bufio.NewReader(c).ReadString('x'); err != nil {
					t.Fatal(err)
				}
			}
			_ = c.Close()
			p.becomes("1", "calls_total", `outcome="neutral"`)
			p.becomes("0", "calls_total", `outcome="failure"`)
		})
	}
}

// TestUpgradeOfOneThatSends: a request that asks for an upgrade and has a body, as some
// programs send with any first request, is one like others where there is no upgrade.
func TestUpgradeOfOneThatSends(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: breaker.Config{Mode: breaker.ForceOpen}, Upstream: "http://127.0.0.1:1"})
	c := p.dial()
	in := bufio.NewReader(c)
	for range 3 {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 2\r\n\r\nab")
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil || a.StatusCode != 503 {
			t.Fatal(a.StatusCode, err)
		}
	}
}

// TestUpgradeWithABody passes like any.
func TestUpgradeWithABody(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		all, _ := io.ReadAll(r.Body)
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n%s", all)
		_ = rw.Flush()
	})})
	c := p.dial()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 2\r\n\r\nab")
	in := bufio.NewReader(c)
	a, err := http.ReadResponse(in, nil)
	if err != nil || a.StatusCode != 101 {
		t.Fatal(a, err)
	}
	if b, err := io.ReadAll(in); string(b) != "ab" || err != nil {
		t.Errorf("%q %v", b, err)
	}
}

func TestCountsOpenings(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: quick(), Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })})
	if got := p.metric("breaker_opened_total"); got != "0" {
		t.Errorf("%s at first", got)
	}
	for range 3 {
		p.ask("GET", "/", "")
	}
	p.becomes("1", "breaker_opened_total")
}
