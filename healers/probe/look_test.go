package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// way is a system that opens connections and runs commands as a test says.
type way struct {
	dial func(ctx context.Context, port string) (net.Conn, error)
	exec func(ctx context.Context, command []string) ([]byte, int, error)
}

func (w way) Watch(context.Context, func(sut.Delta) error) error { return errors.ErrUnsupported }

func (w way) Offer(c sut.Capability, t sut.Target) (any, error) {
	if c == sut.CanDial && w.dial != nil || c == sut.CanExec && w.exec != nil {
		return w, nil
	}
	return nil, &sut.Missing{Capability: c, Target: t.ID, Reason: "the test has none"}
}

func (w way) Dial(ctx context.Context, _ sut.Target, port string) (net.Conn, error) {
	return w.dial(ctx, port)
}

func (w way) Exec(ctx context.Context, _ sut.Target, command []string) ([]byte, int, error) {
	return w.exec(ctx, command)
}

// to reaches an address whatever the port is called.
func to(addr string) way {
	return way{dial: func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}}
}

const (
	// short is the limit of looks that are to run into it, ample that of all others.
	short = 300 * time.Millisecond
	ample = 20 * time.Second
)

// newLook is a look that can be asked over and over, as the loop does.
func newLook(w way, p *corev1.Probe, how policy.Probing) *look {
	return &look{
		system: w, target: sut.Target{ID: "orders/0", Incarnation: "1"}, limit: ample,
		handler: handlerOf(p, how),
	}
}

func lookAt(ctx context.Context, w way, p *corev1.Probe) (Result, string) {
	return lookFor(ctx, ample, w, p, policy.Probing{})
}

func lookFor(ctx context.Context, limit time.Duration, w way, p *corev1.Probe, how policy.Probing) (Result, string) {
	l := newLook(w, p, how)
	defer l.drop()
	l.limit = limit
	return l.ask(ctx)
}

// limitOf is how long a look may take of which a detail is expected.
func limitOf(detail string) time.Duration {
	if strings.HasSuffix(detail, "within "+short.String()) {
		return short
	}
	return ample
}

func get(path string, headers ...corev1.HTTPHeader) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP, HTTPHeaders: headers},
	}}
}

func tcp() *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("tcp")}}}
}

func command(args ...string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: args}}}
}

func healthOf(service string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9000, Service: &service}}}
}

func TestTCP(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if r, detail := lookAt(t.Context(), to(ln.Addr().String()), tcp()); r != Success {
		t.Errorf("listening: %v %s", r, detail)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if r, detail := lookAt(t.Context(), to(ln.Addr().String()), tcp()); r != Failure || detail != "connection refused" {
		t.Errorf("closed: %v %s", r, detail)
	}
}

// The port is handed to the system as the probe names it.
func TestPortIsTheProbes(t *testing.T) {
	for want, p := range map[string]*corev1.Probe{"http": get("/"), "tcp": tcp(), "9000": healthOf("")} {
		var got string
		lookAt(t.Context(), way{dial: func(_ context.Context, port string) (net.Conn, error) {
			got = port
			return nil, syscall.ECONNREFUSED
		}}, p)
		if got != want {
			t.Errorf("dialed %q, want %q", got, want)
		}
	}
}

func TestExec(t *testing.T) {
	w := way{exec: func(ctx context.Context, command []string) ([]byte, int, error) {
		switch command[0] {
		case "true":
			return nil, 0, nil
		case "exit":
			return []byte("not yet " + command[1]), 3, nil
		case "yes":
			return []byte(strings.Repeat("y", 1000)), 1, nil
		case "sleep":
			<-ctx.Done()
			return nil, 0, fmt.Errorf("run: %w", ctx.Err())
		case "killed": // as over a socket, where the far end says how it ended
			<-ctx.Done()
			return nil, 0, context.Canceled
		case "slow": // it notices late that it is to end
			<-ctx.Done()
			<-time.After(2 * short)
			return nil, 0, ctx.Err()
		case "gone late":
			<-ctx.Done()
			return nil, 0, errors.Join(sut.ErrGone, ctx.Err())
		case "gone":
			return nil, 0, fmt.Errorf("run: %w", sut.ErrGone)
		case "docker":
			return nil, 0, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		default:
			return nil, 0, errors.New("no such command")
		}
	}}
	for _, c := range []struct {
		probe  *corev1.Probe
		want   Result
		detail string
	}{
		{command("true"), Success, "code 0"},
		{command("exit", "a b"), Failure, `code 3: "not yet a b"`},
		{command("yes"), Failure, `code 1: "` + strings.Repeat("y", quoted) + `..."`},
		{command("sleep"), Failure, "the command did not end within 300ms"},
		{command("killed"), Failure, "the command did not end within 300ms"},
		{command("slow"), Failure, "the command did not end within 300ms"},
		{command("gone late"), Unknown, "target is gone"},
		{command("gone"), Unknown, "target is gone"},
		{command("docker"), Unknown, "connection refused"},
		{command("other"), Unknown, "no such command"},
	} {
		t.Run(c.probe.Exec.Command[0], func(t *testing.T) {
			t.Parallel()
			limit := limitOf(c.detail)
			if c.probe.Exec.Command[0] == "gone late" {
				limit = short
			}
			if r, detail := lookFor(t.Context(), limit, w, c.probe, policy.Probing{}); r != c.want || !strings.Contains(detail, c.detail) {
				t.Errorf("got %v %q, want %v %q", r, detail, c.want, c.detail)
			}
		})
	}
	if r, detail := lookAt(t.Context(), way{}, command("true")); r != Unknown || !strings.Contains(detail, "exec is not offered for orders/0") {
		t.Errorf("got %v %q", r, detail)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, detail := lookAt(ctx, w, command("sleep")); r != Unknown || detail != calledOff {
		t.Errorf("called off: %v %q", r, detail)
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
			for _, p := range []*corev1.Probe{get("/"), tcp(), healthOf("")} {
				w := way{dial: func(context.Context, string) (net.Conn, error) { return nil, c.err }}
				if r, detail := lookAt(t.Context(), w, p); r != c.want {
					t.Errorf("got %v %q, want %v", r, detail, c.want)
				}
			}
		})
	}
	if r, detail := lookAt(t.Context(), way{}, tcp()); r != Unknown {
		t.Errorf("not offered at all: %v %q", r, detail)
	}
	if r, detail := lookAt(t.Context(), way{}, &corev1.Probe{}); r != Unknown {
		t.Errorf("no handler: %v %q", r, detail)
	}
}

func TestCalledOffIsNoFailure(t *testing.T) {
	for _, p := range []*corev1.Probe{get("/"), tcp(), healthOf("")} {
		ctx, cancel := context.WithCancel(t.Context())
		r, detail := lookAt(ctx, way{dial: func(ctx context.Context, _ string) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}}, p)
		if r != Unknown || detail != calledOff {
			t.Errorf("got %v %q", r, detail)
		}
	}
	l := newLook(way{}, tcp(), policy.Probing{})
	l.callOff() // before a worker had it
	if r, detail := l.ask(t.Context()); r != Unknown || detail != calledOff {
		t.Errorf("got %v %q", r, detail)
	}
}

// A process that was stopped finds its deadline passed when it goes on; here its
// timers do not run. A system that is slow to say that a look has ended is another
// thing.
func TestHeldUpProberBlamesItself(t *testing.T) {
	late := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		<-time.After(2 * short)
		return nil, ctx.Err()
	}
	var l *look
	l = newLook(way{dial: func(ctx context.Context, _ string) (net.Conn, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return late(ctx)
	}}, tcp(), policy.Probing{})
	l.limit = short
	if r, detail := l.ask(t.Context()); r != Unknown || !strings.Contains(detail, "held up") || l.held < short {
		t.Errorf("held up: %v %q %v", r, detail, l.held)
	}
	w := way{dial: func(ctx context.Context, _ string) (net.Conn, error) { return late(ctx) }}
	if r, detail := lookFor(t.Context(), short, w, tcp(), policy.Probing{}); r != Failure || detail != "no answer within 300ms" {
		t.Errorf("a slow system: %v %q", r, detail)
	}
}
