package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// serveGRPC serves the health protocol by the library that most servers are built
// with.
func serveGRPC(t *testing.T, s healthpb.HealthServer, opts ...grpc.ServerOption) way {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(opts...)
	if s != nil {
		healthpb.RegisterHealthServer(server, s)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(ln)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return to(ln.Addr().String())
}

// fails is a server that answers with an error, or not at all.
type fails struct {
	healthpb.UnimplementedHealthServer
	err error // nil: it hangs
}

func (f fails) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestGRPC(t *testing.T) {
	known := grpchealth.NewServer()
	for name, s := range map[string]healthpb.HealthCheckResponse_ServingStatus{
		"shop": healthpb.HealthCheckResponse_SERVING, "down": healthpb.HealthCheckResponse_NOT_SERVING, "odd": healthpb.HealthCheckResponse_UNKNOWN,
		strings.Repeat("long", 4000): healthpb.HealthCheckResponse_SERVING,
	} {
		known.SetServingStatus(name, s)
	}
	plain := serveGRPC(t, known)
	for _, c := range []struct {
		name   string
		w      way
		probe  *corev1.Probe
		want   Result
		detail string
	}{
		{"serving", plain, healthOf("shop"), Success, "SERVING"},
		{"as a whole", plain, healthOf(""), Success, "SERVING"},
		{"a long name", plain, healthOf(strings.Repeat("long", 4000)), Success, "SERVING"},
		{"a name too long", plain, healthOf(strings.Repeat("long", 5000)), Unknown, "the name of the service is too long to ask for"},
		{"not serving", plain, healthOf("down"), Failure, "NOT_SERVING"},
		{"unknown", plain, healthOf("odd"), Failure, "UNKNOWN"},
		{"unknown service", plain, healthOf("other"), Failure, `it knows no service "other"`},
		{"unimplemented", serveGRPC(t, nil), healthOf(""), Failure, "it does not serve grpc.health.v1.Health"},
		{"error", serveGRPC(t, fails{err: status.Error(codes.Unavailable, "100 % down\nfor now")}), healthOf(""), Failure, `gRPC code 14: "100 % down\nfor now"`},
		{"hangs", serveGRPC(t, fails{}), healthOf(""), Failure, "no answer within 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if r, detail := lookFor(t.Context(), limitOf(c.detail), c.w, c.probe, policy.Probing{}); r != c.want || detail != c.detail {
				t.Errorf("got %v %q, want %v %q", r, detail, c.want, c.detail)
			}
		})
	}
}

func TestGRPCOverTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	certified.Close()
	creds := credentials.NewTLS(&tls.Config{Certificates: certified.TLS.Certificates})
	secure, plain := serveGRPC(t, grpchealth.NewServer(), grpc.Creds(creds)), serveGRPC(t, grpchealth.NewServer())
	for _, c := range []struct {
		name string
		w    way
		mode corev1.GRPCProbeMode
		want Result
	}{
		{"both TLS", secure, corev1.GRPCProbeModeTLS, Success},
		{"both in the clear", plain, corev1.GRPCProbeModePlaintext, Success},
		{"the probe alone", plain, corev1.GRPCProbeModeTLS, Failure},
		{"the server alone", secure, corev1.GRPCProbeModePlaintext, Failure},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := healthOf("")
			p.GRPC.Mode = &c.mode
			if r, detail := lookAt(t.Context(), c.w, p); r != c.want {
				t.Errorf("got %v %q, want %v", r, detail, c.want)
			}
		})
	}
}

// What speaks HTTP/2, but not gRPC.
func TestGRPCOfOthers(t *testing.T) {
	answers := map[string]struct {
		h      http.HandlerFunc
		detail string
	}{
		"not found": {http.NotFound, "status 404, which is not of gRPC"},
		"web page": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "an answer that is not of gRPC",
		},
		"no message": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "0") }, "an answer that is not of grpc.health.v1: not one whole message",
		},
		"compressed": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Trailer:Grpc-Status", "0")
				_, _ = w.Write([]byte{1, 0, 0, 0, 0})
			}, "an answer that is not of grpc.health.v1: not one whole message",
		},
		"broken message": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Trailer:Grpc-Status", "0")
				_, _ = w.Write([]byte{0, 0, 0, 0, 1, 8})
			}, "an answer that is not of grpc.health.v1: unexpected EOF",
		},
		"a status of tomorrow": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Trailer:Grpc-Status", "0")
				_, _ = w.Write([]byte{0, 0, 0, 0, 2, 8, 9})
			}, "an answer that is not of grpc.health.v1: status 9",
		},
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(a.h)
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			defer server.Close()
			if r, detail := lookAt(t.Context(), to(server.Listener.Addr().String()), healthOf("")); r != Failure || detail != a.detail {
				t.Errorf("got %v %q, want %q", r, detail, a.detail)
			}
		})
	}
}

// The message may come with fields of tomorrow.
func TestServingReadsWhatItKnows(t *testing.T) {
	got, err := serving([]byte{0, 0, 0, 0, 7, 0x12, 3, 'a', 'b', 'c', 8, 1})
	if err != nil || got != "SERVING" {
		t.Errorf("%q %v", got, err)
	}
	if got, err := serving([]byte{0, 0, 0, 0, 0}); err != nil || got != "UNKNOWN" {
		t.Errorf("%q %v", got, err)
	}
}

// A look at what says nothing after it took the connection ends with its limit.
func TestGRPCOfSilence(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if r, detail := lookFor(t.Context(), short, to(ln.Addr().String()), healthOf(""), policy.Probing{}); r != Failure || detail != "no answer within 300ms" {
		t.Errorf("got %v %q", r, detail)
	}
}
