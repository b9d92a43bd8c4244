package probe

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// counted is a server that counts its connections.
func counted(t *testing.T, secure bool, h http.Handler) (s *httptest.Server, connections *atomic.Int32) {
	t.Helper()
	connections = &atomic.Int32{}
	s = httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, connections
}

func TestConnectionIsUsedAgain(t *testing.T) {
	for _, c := range []struct {
		path         string
		keep, secure bool
		want         int32
	}{
		{"/200", false, false, 3},
		{"/200", true, false, 1},
		{"/200", true, true, 1},
		{"/large", true, false, 1},
		{"/to-200", true, false, 1},
		{"/to-200", false, false, 6},
		{"/500", true, false, 3},
		{"/endless", true, false, 3},
	} {
		t.Run(fmt.Sprintf("%s keep %v TLS %v", c.path, c.keep, c.secure), func(t *testing.T) {
			s, connections := counted(t, c.secure, handlers())
			p := get(c.path)
			if c.secure {
				p.HTTPGet.Scheme = corev1.URISchemeHTTPS
			}
			l := newLook(to(s.Listener.Addr().String()), p, policy.Probing{KeepConnections: c.keep})
			defer l.drop()
			for range 3 {
				l.ask(t.Context())
			}
			if n := connections.Load(); n != c.want {
				t.Errorf("%d connections, want %d", n, c.want)
			}
		})
	}
}

// An instance may close a connection that was kept while nobody asks: that is no
// failure of it.
func TestClosedMeanwhile(t *testing.T) {
	s, connections := counted(t, false, handlers())
	l := newLook(to(s.Listener.Addr().String()), get("/200"), policy.Probing{KeepConnections: true})
	defer l.drop()
	for i := range 3 {
		if r, detail := l.ask(t.Context()); r != Success || l.kept == nil {
			t.Errorf("look %d: %v %q", i, r, detail)
		}
		s.CloseClientConnections()
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
	// Who waited too long for us says so before we ask.
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	go func() {
		_, _ = far.Read(make([]byte, 4096))
		_, _ = io.WriteString(far, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}()
	l.drop()
	l.kept = near
	if r, detail := l.ask(t.Context()); r != Success {
		t.Errorf("said that it timed out: %v %q", r, detail)
	}
}

// The second try, over a fresh connection, has no time-out of its own.
func TestSecondTrySharesTheLimit(t *testing.T) {
	near, far := net.Pipe()
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // it takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	l := newLook(to(ln.Addr().String()), get("/"), policy.Probing{KeepConnections: true})
	l.kept, l.limit = near, short
	begin := time.Now()
	if r, detail := l.ask(t.Context()); r != Failure || detail != "no answer within 300ms" || l.kept != nil {
		t.Errorf("%v %q", r, detail)
	}
	if took := time.Since(begin); took > 2*short-short/10 {
		t.Errorf("took %v", took)
	}
}
