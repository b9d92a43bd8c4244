package sidecar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
)

// ErrConfig is what every error of [Config.Validate] is.
var ErrConfig = errors.New("sidecar: config")

// ReadBreaker is [settings.Read].
func ReadBreaker(file string, data []byte) (breaker.Config, error) { return settings.Read(file, data) }

// Config is what a proxy does.
type Config struct {
	// Routes are where it listens and what is there.
	Routes []Route

	// Admin is where /healthz and /metrics are: 127.0.0.1:9001. Empty: nowhere.
	Admin string

	// Drain is how long requests and connections may take to end when the proxy ends. 0
	// means 10 s.
	Drain time.Duration

	// Listening is called when it listens, with the addresses of the routes, in order, and
	// the one of the port admin. Nil: nobody is told.
	Listening func(routes []net.Addr, admin net.Addr)
}

// Route is one upstream, with a breaker of its own.
type Route struct {
	// Listen is where the program calls: 127.0.0.1:9000.
	Listen string

	// Upstream is what it calls there: http://orders:8080, https://orders or
	// tcp://store:5432. A path goes before that of the request.
	Upstream string

	// Breaker is when to stop calling it. The zero value is the textbook's; an empty Name
	// means the upstream.
	Breaker breaker.Config

	// Make makes the breaker, as Client.New of package fleet does, whose breakers share their trials
	// with others. Nil means [breaker.New].
	Make func(breaker.Config) (*breaker.Breaker, error)

	// Fallback is what is answered while it is not called, or failed. Nil: an error. Of
	// HTTP alone.
	Fallback *Fallback

	// Connect is how long a connection may take to be made. 0 means 2 s.
	Connect time.Duration

	// Timeout is how long the upstream may take to begin its answer, and to take a piece of
	// the request before that. 0 means 30 s. Of HTTP alone.
	Timeout time.Duration

	// Idle is for how long a connection may be silent in both directions. 0 means 5 min.
	Idle time.Duration

	// Fresh makes a connection for each request, from a port that was not used for long: see
	// [FreshPorts]. It is for an upstream that is an address behind which others balance by
	// connection, as a Service of Kubernetes is. Kept ones would gather at the instances that
	// answer, stay with one that was taken out, and miss a new one.
	Fresh bool

	// Transport is what an upstream of HTTP is asked with. Nil means one of its own; else
	// Connect, Timeout and Fresh are the transport's to keep.
	Transport *http.Transport
}

// Validate names every problem, one error each.
func (c *Config) Validate() error {
	var found []error
	add := func(format string, args ...any) {
		found = append(found, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if len(c.Routes) == 0 {
		add("there is no route: nothing to proxy")
	}
	taken := map[string]string{}
	address := func(what, a string) {
		_, port, err := net.SplitHostPort(a)
		if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil {
			add("%s %q is not an address like 127.0.0.1:9000", what, a)
		} else if by, twice := taken[a]; twice && n != 0 {
			add("%s %s is that of %s already", what, a, by)
		}
		taken[a] = what
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		name := fmt.Sprintf("route %d", i+1)
		address(name+" listen", r.Listen)
		u, err := r.upstream()
		if err != nil {
			add("%s upstream %q %v", name, r.Upstream, err)
		} else if u.Scheme == schemeTCP && r.Fallback != nil {
			add("%s has a fallback, and TCP has no answer that it could be", name)
		}
		for j := range c.Routes {
			if err == nil && c.Routes[j].listensAt(u) {
				add("%s upstream %s is where route %d listens: it would call itself", name, r.Upstream, j+1)
			}
		}
		if r.Transport != nil && r.Fresh {
			add("%s has a transport of yours, which dials as it likes: Fresh is for its own", name)
		}
		if err := r.Breaker.Validate(); err != nil {
			found = append(found, fmt.Errorf("%s: %w", name, err))
		}
		if r.Fallback != nil {
			if err := r.Fallback.Validate(); err != nil {
				found = append(found, fmt.Errorf("%s: %w", name, err))
			}
		}
		for i, d := range []time.Duration{r.Connect, r.Timeout, r.Idle} {
			if d < 0 {
				add("%s %s %v is negative", name, []string{"connect timeout", "timeout", "idle timeout"}[i], d)
			}
		}
	}
	if c.Admin != "" {
		address("admin", c.Admin)
	}
	if c.Drain < 0 {
		add("drain %v is negative", c.Drain)
	}
	return errors.Join(found...)
}

const schemeTCP = "tcp"

// upstream reads the address, with its port.
func (r *Route) upstream() (*url.URL, error) {
	u, err := url.Parse(r.Upstream)
	if err != nil {
		return nil, errors.New("is not like http://orders:8080")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != schemeTCP:
		return nil, errors.New("does not begin with http://, https:// or tcp://")
	case u.Hostname() == "" || !utf8.ValidString(r.Upstream):
		return nil, errors.New("has no host")
	case u.Port() != "" && !isPort(u.Port()):
		return nil, errors.New("has a port that is not from 1 to 65535")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has more than a host, a port and a path")
	case u.Scheme == schemeTCP && (u.Port() == "" || u.Path != ""):
		return nil, errors.New("is not like tcp://store:5432")
	}
	return u, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// defaultPorts are those of upstreams that name none.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// listensAt tells whether an upstream is this route, as far as can be seen without asking
// anybody for a name.
func (r *Route) listensAt(u *url.URL) bool {
	host, port, err := net.SplitHostPort(r.Listen)
	if err != nil || port != cmp.Or(u.Port(), defaultPorts[u.Scheme]) {
		return false
	}
	there := net.ParseIP(u.Hostname())
	if u.Hostname() == "localhost" {
		there = net.IPv4(127, 0, 0, 1)
	}
	here := net.ParseIP(host)
	if host == "localhost" {
		here = net.IPv4(127, 0, 0, 1)
	}
	everywhere := host == "" || here.IsUnspecified()
	return host == u.Hostname() || there != nil && (there.Equal(here) || everywhere && there.IsLoopback())
}

// dialer makes the connections to the upstream.
func (r *Route) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	if r.Fresh {
		return (&FreshPorts{Timeout: r.Connect}).DialContext
	}
	return (&net.Dialer{Timeout: r.Connect}).DialContext
}

func (r Route) filled() Route {
	if r.Breaker.Name == "" {
		r.Breaker.Name = r.Upstream
	}
	if r.Make == nil {
		r.Make = breaker.New
	}
	r.Connect, r.Timeout, r.Idle = or(r.Connect, 2*time.Second), or(r.Timeout, 30*time.Second), or(r.Idle, 5*time.Minute)
	return r
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
