package metric

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// idle is how long a connection to a Prometheus is kept.
const idle = 90 * time.Second

// defaultWorkers is how many looks of one source are under way at once. An instance that
// hangs holds one for its whole time-out.
const defaultWorkers = 64

// Reader looks at sources, each in its period. A slow source holds up no other.
type Reader struct {
	// System is asked for the instances; nil where no source asks any.
	System  sut.System
	Sources []Source
	// Seed spreads the looks; it decides nothing else.
	Seed uint64
	// Workers bounds the looks of each source that are under way at once; 0 means 64.
	Workers int
	// Client asks a Prometheus and HTTP; nil: one that goes by the environment. It is used
	// with a rule for redirects of our own.
	Client *http.Client
}

// Run looks until ctx ends, which is no error, and calls report with each batch, one at a
// time. Its error is that a source is not valid, and then nobody was asked.
func (r *Reader) Run(ctx context.Context, report func(Batch)) error {
	var found manifest.Problems
	seen := &instances{of: map[string]bool{}, running: map[sut.ID]instance{}}
	for i := range r.Sources {
		s := &r.Sources[i]
		found = append(found, s.Validate(fmt.Sprintf("sources[%d]", i))...)
		if s.ofInstances() {
			seen.of[s.Workload] = true
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("read metrics: %w", found)
	}
	if len(seen.of) > 0 && r.System == nil {
		return errors.New("read metrics: there are sources that ask instances, and no system")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, done := r.client()
	defer done()
	var telling sync.Mutex
	tell := func(b Batch) {
		telling.Lock()
		defer telling.Unlock()
		if ctx.Err() == nil { // the looks that the end called off tell nothing of anybody
			report(b)
		}
	}
	var children sync.WaitGroup
	if len(seen.of) > 0 {
		children.Go(func() { seen.watch(ctx, r.System) })
	}
	for i := range r.Sources {
		l := r.loop(i, seen, client)
		children.Go(func() { l.run(ctx, tell) })
	}
	children.Wait()
	return nil
}

// client is what asks over HTTP, and done hangs up.
func (r *Reader) client() (c *http.Client, done func()) {
	c = &http.Client{}
	done = func() {}
	if r.Client != nil {
		*c = *r.Client
	} else {
		t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: mostHead, IdleConnTimeout: idle}
		c.Transport, done = t, t.CloseIdleConnections
	}
	c.CheckRedirect = sameHost
	return c, done
}
