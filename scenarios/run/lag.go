package run

import (
	"context"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

const (
	lagTick  = 100 * time.Millisecond
	lagEvery = time.Second
)

// lag measures how late the harness's own timer is, and gathers what the prober
// says of its own: a harness that is starved of time measures itself.
type lag struct {
	rec *record

	mu     sync.Mutex
	prober time.Duration // the worst since it was last recorded; guarded by mu
	heard  bool          // guarded by mu
}

func (l *lag) proberWas(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prober, l.heard = max(l.prober, late), true
}

// Run records once a second until ctx ends.
func (l *lag) Run(ctx context.Context) error {
	timer := time.NewTimer(lagTick)
	defer timer.Stop()
	due := time.Now().Add(lagTick)
	recorded := time.Now()
	var worst time.Duration
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := time.Now()
		worst = max(worst, now.Sub(due))
		due = now.Add(lagTick)
		timer.Reset(lagTick)
		if now.Sub(recorded) < lagEvery {
			continue
		}
		l.tell("host", worst)
		worst, recorded = 0, now
		l.mu.Lock()
		late, heard := l.prober, l.heard
		l.prober, l.heard = 0, false
		l.mu.Unlock()
		if heard {
			l.tell("prober", late)
		}
	}
}

func (l *lag) tell(of string, worst time.Duration) {
	l.rec.Append(timeline.Event{Kind: timeline.KindLag, Actor: timeline.ActorRunner, Lag: &timeline.Lag{Of: of, Max: worst}})
}
