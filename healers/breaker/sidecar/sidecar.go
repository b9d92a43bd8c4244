package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Sidecar is a proxy. It is made by [New].
type Sidecar struct {
	config   Config
	metrics  *metrics
	draining atomic.Bool
	breakers []*breaker.Breaker
	counts   []*routeMetrics
}

// protocol is what is spoken on a route.
type protocol interface {
	// serve takes connections until the listener is closed.
	serve(ctx context.Context, ln net.Listener) error
	// end waits for what is under way, until ctx ends, and cuts the rest. It is called
	// once, when no more connections come.
	end(ctx context.Context)
}

// New refuses a config with all that is wrong with it. It listens nowhere yet.
func New(c Config) (*Sidecar, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Drain = or(c.Drain, 10*time.Second)
	routes := c.Routes
	c.Routes = make([]Route, len(routes))
	s := &Sidecar{config: c, metrics: newMetrics()}
	for i, r := range routes {
		r = r.filled()
		c.Routes[i] = r
		timed := r.Breaker
		timed.SlowAfter = 0 // what is late is known here: the body does not count
		b, err := r.Make(timed)
		if err != nil {
			return nil, fmt.Errorf("route %d: %w", i+1, err)
		}
		s.breakers = append(s.breakers, b)
		s.counts = append(s.counts, s.metrics.route(s.name(i), b))
	}
	return s, nil
}

// name tells routes apart, also two from any port to one upstream.
func (s *Sidecar) name(i int) string {
	r := s.config.Routes[i]
	name := r.Listen + "=" + r.Upstream
	for _, before := range s.config.Routes[:i] {
		if before.Listen == r.Listen && before.Upstream == r.Upstream {
			return fmt.Sprintf("%s#%d", name, i+1)
		}
	}
	return name
}

// Run listens, and proxies until ctx ends and what was under way has ended. That ctx ended
// is no error.
func (s *Sidecar) Run(ctx context.Context) error {
	listeners, err := s.listen(ctx)
	if err != nil {
		return err
	}
	routes := listeners[:len(s.config.Routes)]
	admin := &http.Server{Handler: s.Admin(), ReadHeaderTimeout: 5 * time.Second}
	protocols := make([]protocol, len(routes))
	addresses := make([]net.Addr, len(routes))
	ended := make(chan error, len(listeners))
	var serving sync.WaitGroup
	for i, ln := range routes {
		addresses[i] = ln.Addr()
		protocols[i] = s.protocol(ctx, i)
		serving.Go(func() {
			if err := protocols[i].serve(ctx, ln); err != nil {
				ended <- fmt.Errorf("serve %s: %w", s.name(i), err)
			}
		})
	}
	var adminAddress net.Addr
	if len(listeners) > len(routes) {
		ln := listeners[len(routes)]
		adminAddress = ln.Addr()
		serving.Go(func() {
			if err := admin.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				ended <- fmt.Errorf("serve the port admin: %w", err)
			}
		})
	}
	if s.config.Listening != nil {
		s.config.Listening(addresses, adminAddress)
	}
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	s.draining.Store(true)
	s.drain(ctx, routes, protocols)
	_ = admin.Close() // last: it tells of the draining
	serving.Wait()
	return err
}

func (s *Sidecar) drain(ctx context.Context, routes []net.Listener, protocols []protocol) {
	for _, ln := range routes {
		_ = ln.Close() // no more of them
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Drain)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range protocols {
		all.Go(func() { p.end(ctx) })
	}
	all.Wait()
}

// listen listens everywhere, or nowhere.
func (s *Sidecar) listen(ctx context.Context) ([]net.Listener, error) {
	var all []net.Listener
	var l net.ListenConfig
	addresses := make([]string, 0, len(s.config.Routes)+1)
	for _, r := range s.config.Routes {
		addresses = append(addresses, r.Listen)
	}
	if s.config.Admin != "" {
		addresses = append(addresses, s.config.Admin)
	}
	for _, a := range addresses {
		ln, err := l.Listen(ctx, "tcp", a)
		if err != nil {
			for _, open := range all {
				err = errors.Join(err, open.Close())
			}
			return nil, fmt.Errorf("listen on %s: %w", a, err)
		}
		all = append(all, ln)
	}
	return all, nil
}

func (s *Sidecar) protocol(ctx context.Context, i int) protocol {
	r := s.config.Routes[i]
	u, _ := r.upstream() // it was validated
	if u.Scheme == schemeTCP {
		return newTCP(r, u.Host, s.breakers[i], s.counts[i])
	}
	return newHTTP(r, u, s.breakers[i], s.counts[i]).listening(ctx)
}

// Handler is the one HTTP route of a proxy without a listener of its own, for a program
// that is a server itself. Run is for those with listeners; it is not called then.
func (s *Sidecar) Handler() (http.Handler, error) {
	r := s.config.Routes[0]
	u, err := r.upstream()
	if err != nil || u.Scheme == schemeTCP || len(s.config.Routes) > 1 {
		return nil, fmt.Errorf("%w: a handler is of one route of HTTP", ErrConfig)
	}
	return newHTTP(r, u, s.breakers[0], s.counts[0]), nil
}

// State is where the breaker of a route stands.
func (s *Sidecar) State(route int) breaker.State { return s.breakers[route].State() }

// Reset closes the breaker of a route, for one who knows that the upstream is well again.
func (s *Sidecar) Reset(route int) { s.breakers[route].Reset() }

// Admin is what the port admin serves: /healthz and /metrics.
func (s *Sidecar) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		type route struct {
			Route   string `json:"route"`
			Breaker string `json:"breaker"`
		}
		out := struct {
			Status string  `json:"status"`
			Routes []route `json:"routes"`
		}{Status: "serving"}
		for i, b := range s.breakers {
			out.Routes = append(out.Routes, route{s.name(i), b.State().String()})
		}
		code := http.StatusOK
		if s.draining.Load() {
			out.Status, code = "draining", http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(out) // who asked may be gone
	})
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}
