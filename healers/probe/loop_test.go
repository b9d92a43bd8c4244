package probe

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// The looks that the end of the prober calls off tell nothing of anybody.
func TestEndOfTheProberIsNoNews(t *testing.T) {
	for range 50 { // the loop chooses at random between the end and an answer
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var said []Change
		now := func() time.Duration { return 0 }
		l := &loop{runner: &Runner{}, now: now, report: func(c Change) { said = append(said, c) }, pool: newPool(1, now), news: newNews()}
		p := tcp()
		p.PeriodSeconds, p.FailureThreshold = 1, 1
		w := newWatched(newAsked(&policy.Workload{Readiness: p}))
		target := sut.Target{ID: "orders/0", Incarnation: "1"}
		w.tracker.Begin(target, 0)
		k := &look{slot: &w.slots[0], target: target, result: Unknown, detail: calledOff}
		w.slots[0].look, l.pool.busy = k, 1
		l.pool.done <- k
		var workers sync.WaitGroup
		l.run(ctx, &workers)
		workers.Wait()
		if len(said) > 0 {
			t.Fatalf("said %+v", said)
		}
	}
}
