package probe

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// The roles by number, in the order in which they gate each other.
const (
	startup = iota
	liveness
	readiness
)

var roles = [...]Role{startup: Startup, liveness: Liveness, readiness: Readiness}

func number(r Role) (int, bool) {
	for n := range roles {
		if roles[n] == r {
			return n, true
		}
	}
	return 0, false
}

// asked is what the instances of one workload are asked, prepared once for all.
type asked struct {
	probes   [len(roles)]*corev1.Probe // nil: they are not asked it
	handlers [len(roles)]handler
}

func newAsked(w *policy.Workload) *asked {
	a := &asked{probes: [len(roles)]*corev1.Probe{startup: w.Startup, liveness: w.Liveness, readiness: w.Readiness}}
	for n, p := range a.probes {
		if p != nil {
			a.handlers[n] = handlerOf(p, w.Probing)
		}
	}
	return a
}

// telling is the role that says whether an instance is of use.
func (a *asked) telling() uint8 {
	if a.probes[readiness] != nil {
		return readiness
	}
	return liveness
}

// count is how many probes there are.
func (a *asked) count() (n int) {
	for _, p := range a.probes {
		if p != nil {
			n++
		}
	}
	return n
}

// handler asks in one way. It holds what is the same for every instance that is
// asked so, and is used by many looks at once.
type handler interface {
	// ask looks once, until ctx ends, at what k is about. Connections come from k,
	// which closes what is open when ctx ends.
	ask(ctx context.Context, k *look) (Result, string)
}

func handlerOf(p *corev1.Probe, how policy.Probing) handler {
	switch {
	case p.HTTPGet != nil:
		return newHTTPGet(p.HTTPGet, how.KeepConnections)
	case p.TCPSocket != nil:
		return tcpSocket{port: p.TCPSocket.Port.String()}
	case p.Exec != nil:
		return execCommand{command: p.Exec.Command}
	case p.GRPC != nil:
		return newGRPC(p.GRPC)
	default:
		return cannot("the prober has no such handler")
	}
}

// cannot is a handler that says why there is none.
type cannot string

func (c cannot) ask(context.Context, *look) (Result, string) { return Unknown, string(c) }

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
