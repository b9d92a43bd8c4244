package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Coordinator is a [Core] for any number of goroutines, served over HTTP: it is the
// [http.Handler] of the API. It is made by [NewCoordinator].
type Coordinator struct {
	mux   *http.ServeMux
	began time.Time
	lease time.Duration // of a member
	most  int           // questions that wait at once

	settings map[string]json.RawMessage

	mu      sync.Mutex
	core    *Core         // guarded by mu
	changed chan struct{} // guarded by mu; closed when there is a new directive
	waiting int           // guarded by mu; questions that do
}

// NewCoordinator makes a coordinator, or refuses a config with all that is wrong with it.
func NewCoordinator(c Config) (*Coordinator, error) {
	core, err := NewCore(c, strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return nil, err
	}
	o := &Coordinator{
		began: time.Now(), lease: core.set.MemberLease, most: core.set.Members, settings: core.set.Settings,
		core: core, changed: make(chan struct{}), mux: http.NewServeMux(),
	}
	o.routes()
	return o, nil
}

// Probed is [Core.Probed].
func (o *Coordinator) Probed(dependency string, out breaker.Outcome) {
	o.locked(func(now time.Duration) { o.core.Probed(now, dependency, out) })
}

// Waiting is [Core.Waiting].
func (o *Coordinator) Waiting(dependency string) (n int) {
	o.locked(func(now time.Duration) { n = o.core.Waiting(now, dependency) })
	return n
}

// Status is [Core.Status].
func (o *Coordinator) Status() (all []Status) {
	o.locked(func(now time.Duration) { all = o.core.Status(now) })
	return all
}

// locked runs f with the lock and the time, and wakes those that wait for what it changed.
func (o *Coordinator) locked(f func(now time.Duration)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.core.version
	f(time.Since(o.began))
	if o.core.version != before {
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// directive is what the member is to do, when there is something newer than after or wait
// is over.
func (o *Coordinator) directive(ctx context.Context, member string, after uint64, wait time.Duration) (d Directive, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	full := false
	o.locked(func(time.Duration) {
		if full = o.waiting >= o.most; !full {
			o.waiting++
		}
	})
	if full {
		return Directive{}, ErrFull
	}
	defer o.locked(func(time.Duration) { o.waiting-- })
	for over := wait <= 0; ; {
		var changed chan struct{}
		o.locked(func(now time.Duration) {
			d, err = o.core.Directive(now, member, after)
			changed = o.changed
		})
		if err != nil || d.Sequence != after || over {
			return d, err
		}
		select {
		case <-changed:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return Directive{}, ctx.Err()
		}
	}
}
