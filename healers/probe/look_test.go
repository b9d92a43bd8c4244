package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(path string, headers ...corev1.HTTPHeader) *corev1.Probe {
	return &corev1.Probe{TimeoutSeconds: 1, ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP, HTTPHeaders: headers},
	}}
}

// dialTo reaches a test server whatever the port is called.
func dialTo(addr string) dialFunc {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	status := func(path string, code int) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	redirect := func(path, to string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
	}
	status("/ok", 200)
	status("/201", 201)
	status("/304", 304)
	status("/399", 399)
	status("/400", 400)
	status("/500", 500)
	redirect("/to-ok", "/ok")
	redirect("/to-500", "/500")
	redirect("/away", "http://elsewhere.example/500")
	redirect("/other-port", "http://localhost:1/500")
	redirect("/round", "/round")
	mux.HandleFunc("/503", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"store":"down"}`)
	})
	hang := func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	mux.HandleFunc("/stalled", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "part of a bo")
		hang(w, r)
	})
	mux.HandleFunc("/stalled-late", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 2*keptBody))
		hang(w, r)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 3*keptBody))
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", keptBody)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/no-header", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/torn", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	mux.HandleFunc("/hangup", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, accept := r.Header["Accept"]
		_, agent := r.Header["User-Agent"]
		fmt.Fprintf(w, "%s %s accept=%v agent=%v x=%v q=%s", r.Method, r.Host, accept, agent, r.Header["X-Two"], r.URL.RawQuery)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	addr := server.Listener.Addr().String()

	for _, c := range []struct {
		probe  *corev1.Probe
		want   Result
		detail string
	}{
		{get("/ok"), Success, "status 200"},
		{get("/201"), Success, "status 201"},
		{get("/304"), Success, "status 304"},
		{get("/399"), Success, "status 399"},
		{get("/400"), Failure, "status 400"},
		{get("/500"), Failure, "status 500"},
		{get("/503"), Failure, `status 503: "{\"store\":\"down\"}"`},
		{get("/to-ok"), Success, "status 200"},
		{get("/to-500"), Failure, "status 500"},
		{get("/away"), Success, "status 302"},
		{get("/other-port"), Success, "redirected to another port"},
		{get("/round"), Failure, "stopped after 10 redirects"},
		{get("/large"), Success, "status 200"},
		{get("/endless"), Success, "status 200"},
		{get("/stalled"), Failure, "status 200, but no end of its body within 1s"},
		{get("/stalled-late"), Failure, "status 200, but no end of its body within 1s"},
		{get("/no-header"), Failure, "no answer within 1s"},
		{get("/torn"), Failure, "status 200, but no end of its body"},
		{get("/hangup"), Failure, "connection closed without an answer"},
		{get("/echo?a=b"), Failure, `"GET localhost accept=true agent=true x=[] q=a=b"`},
		{
			get("/echo", corev1.HTTPHeader{Name: "Host", Value: "shop.example"}, corev1.HTTPHeader{Name: "accept"}, corev1.HTTPHeader{Name: "User-Agent"},
				corev1.HTTPHeader{Name: "x-two", Value: "a"}, corev1.HTTPHeader{Name: "x-two", Value: "b"}),
			Failure, `"GET shop.example accept=false agent=false x=[a b] q="`,
		},
	} {
		t.Run(c.probe.HTTPGet.Path, func(t *testing.T) {
			t.Parallel()
			got, detail := look(t.Context(), dialTo(addr), c.probe)
			if got != c.want || !strings.Contains(detail, c.detail) {
				t.Errorf("got %v %q, want %v %q", got, detail, c.want, c.detail)
			}
		})
	}
}

func TestTCP(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &corev1.Probe{TimeoutSeconds: 1, ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("tcp")}}}
	if r, detail := look(t.Context(), dialTo(ln.Addr().String()), p); r != Success {
		t.Errorf("listening: %v %s", r, detail)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if r, detail := look(t.Context(), dialTo(ln.Addr().String()), p); r != Failure || detail != "connection refused" {
		t.Errorf("closed: %v %s", r, detail)
	}
}

// Errors of the prober must never look like failures of the instance.
func TestBlame(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		name string
		err  error
		want Result
	}{
		{"refused", op(syscall.ECONNREFUSED), Failure},
		{"reset", op(syscall.ECONNRESET), Failure},
		{"unreachable", op(syscall.EHOSTUNREACH), Failure},
		{"out of files", op(syscall.EMFILE), Unknown},
		{"out of ports", op(syscall.EADDRNOTAVAIL), Unknown},
		{"not allowed", op(syscall.EPERM), Unknown},
		{"not offered", &sut.Missing{Capability: sut.CanDial}, Unknown},
		{"gone", fmt.Errorf("dial: %w", sut.ErrGone), Unknown},
		{"lost socket", errors.New("connection to the system is lost"), Unknown},
		{"time-out", context.DeadlineExceeded, Failure},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range []*corev1.Probe{get("/"), {TimeoutSeconds: 1, ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}}}} {
				r, detail := look(t.Context(), func(context.Context, string) (net.Conn, error) { return nil, &dialError{c.err} }, p)
				if r != c.want {
					t.Errorf("got %v %q, want %v", r, detail, c.want)
				}
			}
		})
	}
}

func TestCalledOffIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := look(ctx, func(ctx context.Context, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, &dialError{ctx.Err()}
	}, get("/"))
	if r != Unknown {
		t.Errorf("got %v", r)
	}
}

// A process that was stopped finds its deadline passed when it goes on.
func TestHeldUpProberBlamesItself(t *testing.T) {
	r, detail := look(t.Context(), func(ctx context.Context, _ string) (net.Conn, error) {
		<-ctx.Done()
		<-time.After(600 * time.Millisecond)
		return nil, &dialError{ctx.Err()}
	}, &corev1.Probe{TimeoutSeconds: 1, ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}}})
	if r != Unknown || !strings.Contains(detail, "held up") {
		t.Errorf("got %v %q", r, detail)
	}
}
