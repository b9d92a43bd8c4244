package sidecar_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

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
