package sqlbreaker

import (
	"context"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// guard is a connection's way through the breaker.
type guard struct {
	b        *breaker.Breaker
	classify func(context.Context, error) breaker.Outcome

	mu    sync.Mutex
	kept  breaker.Permit // guarded by mu; of a trial that has only led to a call yet
	timer *time.Timer    // guarded by mu; gives it back
}

// keptFor is how long a trial waits for the call that it led to: so much longer than it
// takes database/sql to make it, and shorter than a lease.
const keptFor = 100 * time.Millisecond

// allow gives the permit that is kept, or asks the breaker. A [breaker.Gate] gives leave for
// a trial once: were it gone with what only leads to a call, the call would be refused, each
// time anew.
func (g *guard) allow() (breaker.Permit, error) {
	if p := g.take(); p.Trial() {
		if g.b.State() == breaker.HalfOpen {
			return p, nil
		}
		p.Done(breaker.Neutral) // the breaker went on without it
	}
	return g.b.Allow()
}

// keep a trial for the next call of the connection.
func (g *guard) keep(p breaker.Permit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept, g.timer = p, time.AfterFunc(keptFor, g.giveBack)
}

func (g *guard) take() breaker.Permit {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timer != nil {
		g.timer.Stop()
	}
	p := g.kept
	g.kept, g.timer = breaker.Permit{}, nil
	return p
}

// giveBack what is kept, if anything is: no call came.
func (g *guard) giveBack() {
	p := g.take()
	p.Done(breaker.Neutral)
}
