package sidecar_test

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// TestFresh: each request comes over a connection of its own, from a port above the last,
// though the program keeps its connection.
func TestFresh(t *testing.T) {
	var mu sync.Mutex
	var ports []int
	p := start(t, sidecar.Route{Fresh: true, Upstream: upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(r.RemoteAddr)
		n, _ := strconv.Atoi(port)
		mu.Lock()
		ports = append(ports, n)
		mu.Unlock()
		if !r.Close {
			t.Error("the connection would be kept")
		}
	})})
	p.client.Transport.(*http.Transport).DisableKeepAlives = false
	for range 10 {
		if code, _, body := p.ask("POST", "/", "x"); code != http.StatusOK {
			t.Fatal(code, body)
		}
	}
	for i := 1; i < len(ports); i++ {
		if ports[i] <= ports[i-1] {
			t.Errorf("from the ports %v", ports)
			break
		}
	}
	if len(ports) != 10 || ports[0] < 20_000 {
		t.Errorf("from the ports %v", ports)
	}
}

func TestFreshTCP(t *testing.T) {
	from := make(chan int, 2)
	p := start(t, sidecar.Route{Fresh: true, Upstream: listen(t, func(c *net.TCPConn) {
		from <- c.RemoteAddr().(*net.TCPAddr).Port
		_, _ = c.Write([]byte("hello"))
	})})
	for range 2 {
		if _, err := p.dial().Read(make([]byte, 5)); err != nil {
			t.Error(err)
		}
	}
	if first, second := <-from, <-from; first < 20_000 || second <= first {
		t.Errorf("from %d and %d", first, second)
	}
}
