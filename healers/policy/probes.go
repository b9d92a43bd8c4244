package policy

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
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
// apply to what is 0. What we are stricter in: ports are by name, and a host is
// refused, since a probe asks the instance itself.
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
	if g := out.TerminationGracePeriodSeconds; g != nil {
		if role == readiness {
			c.add(at+".terminationGracePeriodSeconds", "must not be set in a readinessProbe: it kills nothing")
		} else if *g <= 0 {
			c.add(at+".terminationGracePeriodSeconds", "expected a number above 0, got %d", *g)
		}
	}
	c.handler(at, &out.ProbeHandler)
	return out
}

func (c *compiler) handler(at string, h *corev1.ProbeHandler) {
	var n int
	if h.HTTPGet != nil {
		n++
		c.httpGet(at+".httpGet", h.HTTPGet)
	}
	if t := h.TCPSocket; t != nil {
		n++
		if t.Host != "" {
			c.add(at+".tcpSocket.host", "a probe asks the instance itself; leave it out")
		}
		c.port(at+".tcpSocket.port", t.Port)
	}
	if e := h.Exec; e != nil {
		n++
		if len(e.Command) == 0 || e.Command[0] == "" {
			c.add(at+".exec.command", "expected a program and its arguments")
		}
	}
	if g := h.GRPC; g != nil {
		n++
		c.grpc(at+".grpc", g)
	}
	switch {
	case n == 0:
		c.add(at, "expected httpGet, tcpSocket, exec or grpc")
	case n > 1:
		c.add(at, "expected one of httpGet, tcpSocket, exec and grpc, got %d handlers", n)
	}
}

func (c *compiler) httpGet(at string, g *corev1.HTTPGetAction) {
	if g.Path == "" {
		g.Path = "/"
	}
	if !strings.HasPrefix(g.Path, "/") {
		c.add(at+".path", "expected a path that begins with /, got %q", g.Path)
	}
	if g.Scheme == "" {
		g.Scheme = corev1.URISchemeHTTP
	}
	if g.Scheme != corev1.URISchemeHTTP && g.Scheme != corev1.URISchemeHTTPS {
		c.add(at+".scheme", "expected HTTP or HTTPS, got %q", g.Scheme)
	}
	if p := g.Protocol; p != nil {
		switch {
		case *p != corev1.HTTPProtocolHTTP1 && *p != corev1.HTTPProtocolHTTP2:
			c.add(at+".protocol", "expected %s or %s, got %q", corev1.HTTPProtocolHTTP1, corev1.HTTPProtocolHTTP2, *p)
		case *p == corev1.HTTPProtocolHTTP2 && g.Scheme == corev1.URISchemeHTTPS:
			c.add(at+".protocol", "HTTP2 is spoken in the clear alone, as by kubelet; write scheme: HTTP")
		}
	}
	if g.Host != "" {
		c.add(at+".host", "a probe asks the instance itself; for a name, write httpHeaders: [{name: Host, value: %s}]", g.Host)
	}
	for i, h := range g.HTTPHeaders {
		field := func(name string) string { return at + ".httpHeaders[" + strconv.Itoa(i) + "]." + name }
		if !httpguts.ValidHeaderFieldName(h.Name) {
			c.add(field("name"), "expected the name of a header, got %q", h.Name)
		}
		if !httpguts.ValidHeaderFieldValue(h.Value) {
			c.add(field("value"), "expected one line, got %q", h.Value)
		}
	}
	c.port(at+".port", g.Port)
}

func (c *compiler) grpc(at string, g *corev1.GRPCAction) {
	if g.Port < 1 || g.Port > 65535 {
		c.add(at+".port", "expected the number that the System declares for a port, 1 to 65535, got %d", g.Port)
	}
	if g.Service == nil {
		g.Service = new(string) // the server as a whole
	}
	if m := g.Mode; m != nil && *m != corev1.GRPCProbeModePlaintext && *m != corev1.GRPCProbeModeTLS {
		c.add(at+".mode", "expected %s or %s, got %q", corev1.GRPCProbeModePlaintext, corev1.GRPCProbeModeTLS, *m)
	}
}

func (c *compiler) port(at string, p intstr.IntOrString) {
	if p.Type == intstr.Int || p.StrVal == "" {
		c.add(at, "expected the name of a port, like http: numbers are assigned anew for every instance")
	}
}

// probing checks that what it says has a probe to hold for: an option that does
// nothing was meant to do something.
func (c *compiler) probing(at string, w WorkloadSpec) Probing {
	keeps := slices.ContainsFunc([]*corev1.Probe{w.StartupProbe, w.LivenessProbe, w.ReadinessProbe}, func(p *corev1.Probe) bool {
		return p != nil && p.HTTPGet != nil && (p.HTTPGet.Protocol == nil || *p.HTTPGet.Protocol == corev1.HTTPProtocolHTTP1)
	})
	if w.Probing.KeepConnections && !keeps {
		c.add(at+".keepConnections", "needs an httpGet probe over HTTP1: the others keep no connection")
	}
	return Probing(w.Probing)
}
