package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// ErrNone is a policy without breakers: there is nothing to coordinate.
var ErrNone = errors.New("the policy names no breakers")

// Coordinator is that of the breakers of one policy. It is made by [New].
type Coordinator struct {
	fleet *fleet.Coordinator

	mu sync.Mutex
	// up is of each dependency that is probed: what its instances answered last. Guarded
	// by mu.
	up map[string]map[sut.ID]bool
}

// New makes the coordinator of a policy that has breakers.
func New(p *policy.Policy) (*Coordinator, error) {
	if len(p.Breakers) == 0 {
		return nil, ErrNone
	}
	config := fleet.Config{
		Dependencies: len(p.Breakers) + others,
		Budgets:      map[string]fleet.Budget{}, Settings: map[string]json.RawMessage{},
	}
	c := &Coordinator{up: map[string]map[sut.ID]bool{}}
	for i := range p.Breakers {
		b := &p.Breakers[i]
		set, err := json.Marshal(b.Settings)
		if err != nil {
			return nil, fmt.Errorf("write the settings of %s: %w", b.Dependency, err)
		}
		config.Budgets[b.Dependency], config.Settings[b.Dependency] = b.Budget, set
		if b.Probe {
			c.up[b.Dependency] = map[sut.ID]bool{}
		}
	}
	f, err := fleet.NewCoordinator(config)
	if err != nil {
		return nil, err
	}
	c.fleet = f
	return c, nil
}

// others is how many dependencies there may be besides those of the policy: they have the
// budget of who says nothing.
const others = 100

// Answered takes an answer of a probe in: it is a [probe.Runner]'s.
func (c *Coordinator) Answered(a probe.Answer) {
	dependency := a.Target.ID.Workload()
	o := c.outcome(dependency, a)
	if o != breaker.Neutral {
		c.fleet.Probed(dependency, o)
	}
}

func (c *Coordinator) outcome(dependency string, a probe.Answer) breaker.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	up, ok := c.up[dependency]
	if !ok {
		return breaker.Neutral
	}
	switch a.Result {
	case probe.Success:
		up[a.Target.ID] = true
		return breaker.OK
	case probe.Failure:
		up[a.Target.ID] = false
		for _, well := range up {
			if well {
				return breaker.Neutral
			}
		}
		return breaker.Failure
	case probe.Unknown:
		delete(up, a.Target.ID)
	}
	return breaker.Neutral
}

// ServeHTTP implements [http.Handler]: the API of package fleet.
func (c *Coordinator) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.fleet.ServeHTTP(w, r) }

// Listen listens at HOST:PORT. Without a host it is 127.0.0.1: who may reach the API may
// report what it likes, so that others than this machine's are let in by name alone.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	at, err := Address(address)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for breakers: %w", err)
	}
	return ln, nil
}

// Address is HOST:PORT with its host.
func Address(address string) (string, error) {
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	host, port, err := net.SplitHostPort(address)
	if err == nil && (port == "" || strings.Trim(port, "0123456789") != "") {
		err = errors.New("the port is a number")
	}
	if err != nil {
		return "", fmt.Errorf("listen for breakers at %q: expected HOST:PORT, like 127.0.0.1:7070: %w", address, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

const (
	// headersWithin bounds a client that connects and says nothing.
	headersWithin = 5 * time.Second
	// endWithin is how long requests may take to end. Members that wait for a directive
	// are cut off at once: they will ask the next coordinator.
	endWithin = time.Second
)

// Run serves until ctx ends, which is no error. It closes the listener.
func (c *Coordinator) Run(ctx context.Context, ln net.Listener) error {
	asked, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s := &http.Server{
		Handler: c, ReadHeaderTimeout: headersWithin, MaxHeaderBytes: 1 << 14,
		BaseContext: func(net.Listener) context.Context { return asked },
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(ln) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve breakers: %w", err), s.Close())
	case <-ctx.Done():
	}
	cut()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	err := s.Shutdown(ending)
	if err != nil {
		err = s.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
