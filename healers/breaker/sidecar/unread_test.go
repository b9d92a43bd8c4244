package sidecar_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// TestUnreadRequests: a program keeps its connection also where nobody reads what it sends:
// not the proxy, that refuses, and not the upstream.
func TestUnreadRequests(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	fine := upstream(t, func(http.ResponseWriter, *http.Request) {})
	for name, row := range map[string]struct {
		route sidecar.Route
		want  int
	}{
		"refused by the breaker": {sidecar.Route{Upstream: fine, Breaker: breaker.Config{Mode: breaker.ForceOpen}}, 503},
		"unreachable":            {sidecar.Route{Upstream: "http://" + ln.Addr().String(), Breaker: breaker.Config{Mode: breaker.ForceClosed}}, 502},
		"a fallback": {sidecar.Route{
			Upstream: fine, Breaker: breaker.Config{Mode: breaker.ForceOpen}, Fallback: &sidecar.Fallback{Status: 202, Methods: []string{"POST"}},
		}, 202},
		"by the upstream":                      {sidecar.Route{Upstream: fine}, 200},
		"by the upstream, over one of its own": {sidecar.Route{Upstream: fine, Fresh: true}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, row.route)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			made := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
				if !c.Reused {
					made++
				}
			}})
			for range 100 {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.routes[0], strings.NewReader("an order"))
				if err != nil {
					t.Fatal(err)
				}
				a, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, a.Body)
				if err != nil || a.Body.Close() != nil || a.StatusCode != row.want {
					t.Fatalf("%d %v", a.StatusCode, err)
				}
			}
			if made != 1 {
				t.Errorf("it took %d connections", made)
			}
		})
	}
}

// One that wants no connection kept, and is refused before it has sent all, reads why.
func TestRefusedWhileItSends(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: "http://127.0.0.1:1", Breaker: breaker.Config{Mode: breaker.ForceOpen}})
	for range 20 {
		c := p.dial()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\nhalf")
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || a.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(a, err)
		}
		fmt.Fprint(c, strings.Repeat("x", 100000-len("half")))
		if b, err := io.ReadAll(a.Body); err != nil || !strings.Contains(string(b), "forced open") {
			t.Fatalf("%q %v", b, err)
		}
		_ = c.Close()
	}
}

// A program that asks before it sends is told at once.
func TestRefusedBeforeItSends(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: "http://127.0.0.1:1", Breaker: breaker.Config{Mode: breaker.ForceOpen}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.routes[0], strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	p.client.Transport.(*http.Transport).ExpectContinueTimeout = never
	a, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil || a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %v", a.StatusCode, err)
	}
}

const never = 1 << 40
