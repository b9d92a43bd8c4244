package policy

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type probeRole string

const (
	liveness  probeRole = "liveness"
	readiness probeRole = "readiness"
	startup   probeRole = "startup"
)

// probe checks a probe as the API server does and fills in its defaults, which
// apply to what is 0. What we are stricter in: ports are by name, and a handler
// that we cannot carry out is refused here and not at the first probe.
func (c *compiler) probe(at string, p *corev1.Probe, role probeRole) *corev1.Probe {
	if p == nil {
		return nil
	}
	out := p.DeepCopy()
	for _, n := range []struct {
		field     string
		value     *int32
		otherwise int32
	}{
		{"initialDelaySeconds", &out.InitialDelaySeconds, 0},
		{"timeoutSeconds", &out.TimeoutSeconds, 1},
		{"periodSeconds", &out.PeriodSeconds, 10},
		{"successThreshold", &out.SuccessThreshold, 1},
		{"failureThreshold", &out.FailureThreshold, 3},
	} {
		if *n.value < 0 {
			c.add(at+"."+n.field, "expected a number that is not negative, got %d", *n.value)
		}
		if *n.value == 0 {
			*n.value = n.otherwise
		}
	}
	if role != readiness && out.SuccessThreshold != 1 {
		c.add(at+".successThreshold", "must be 1 in a %sProbe, got %d", role, out.SuccessThreshold)
	}
	if out.TerminationGracePeriodSeconds != nil {
		if role == readiness {
			c.add(at+".terminationGracePeriodSeconds", "must not be set in a readinessProbe: it kills nothing")
		} else {
			c.add(at+".terminationGracePeriodSeconds", "a grace of the probe's own is not there yet; write restart.grace")
		}
	}
	c.handler(at, &out.ProbeHandler)
	return out
}

func (c *compiler) handler(at string, h *corev1.ProbeHandler) {
	var n int
	if h.Exec != nil {
		n++
		c.add(at+".exec", "commands inside an instance are not there yet; use httpGet or tcpSocket")
	}
	if h.GRPC != nil {
		n++
		c.add(at+".grpc", "gRPC probes are not there yet; use httpGet or tcpSocket")
	}
	if g := h.HTTPGet; g != nil {
		n++
		if g.Path == "" {
			g.Path = "/"
		}
		if !strings.HasPrefix(g.Path, "/") {
			c.add(at+".httpGet.path", "expected a path that begins with /, got %q", g.Path)
		}
		if g.Scheme == "" {
			g.Scheme = corev1.URISchemeHTTP
		}
		if g.Scheme != corev1.URISchemeHTTP && g.Scheme != corev1.URISchemeHTTPS {
			c.add(at+".httpGet.scheme", "expected HTTP or HTTPS, got %q", g.Scheme)
		}
		if g.Host != "" {
			c.add(at+".httpGet.host", "a probe asks the instance itself; for a name, write httpHeaders: [{name: Host, value: %s}]", g.Host)
		}
		c.port(at+".httpGet.port", g.Port)
	}
	if t := h.TCPSocket; t != nil {
		n++
		if t.Host != "" {
			c.add(at+".tcpSocket.host", "a probe asks the instance itself; leave it out")
		}
		c.port(at+".tcpSocket.port", t.Port)
	}
	switch {
	case n == 0:
		c.add(at, "expected httpGet or tcpSocket")
	case n > 1:
		c.add(at, "expected one of httpGet and tcpSocket, got %d handlers", n)
	}
}

func (c *compiler) port(at string, p intstr.IntOrString) {
	if p.Type == intstr.Int || p.StrVal == "" {
		c.add(at, "expected the name of a port, like http: numbers are assigned anew for every instance")
	}
}
