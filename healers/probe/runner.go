package probe

import (
	"context"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

const (
	// soon is the span over which the first looks at new incarnations are spread.
	soon = 100 * time.Millisecond
	// eager is how often a new incarnation is asked until its first success, and
	// eagerFor how long at least.
	eager    = 250 * time.Millisecond
	eagerFor = 5 * time.Second
	// defaultWorkers is how many looks are under way at once. An instance that hangs
	// holds a worker for its whole time-out.
	defaultWorkers = 256
	// A watch that failed is begun again after these.
	rewatchFirst = 100 * time.Millisecond
	rewatchMost  = 5 * time.Second
)

// Runner asks the instances of a system what a policy says they are to be
// asked. One goroutine keeps one heap of what is due; a bounded number of workers
// look.
type Runner struct {
	System sut.System
	Policy *policy.Policy
	// Seed spreads the looks; it decides nothing else.
	Seed uint64
	// Workers bounds the looks under way, and the goroutines; 0 means 256.
	Workers int
	// Health is told how the prober itself fares, at most once a second and when
	// there is news; nil: nobody is. It is called by the goroutine of Run and must be
	// quick.
	Health func(Health)

	// Answered is told of every answer of the probe that says whether an instance is of use:
	// its readiness probe or, where it has none, its liveness probe. nil: nobody is. It is
	// called as Health is.
	Answered func(Answer)

	begun func(late time.Duration) // of each look, for benchmarks
}

// Run asks until ctx ends, which is no error, and calls report with every
// change, one at a time. now is the engine's clock, which many goroutines may ask:
// what Since is written in.
func (r *Runner) Run(ctx context.Context, now func() time.Duration, report func(Change)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	most := r.Workers
	if most <= 0 {
		most = defaultWorkers
	}
	l := &loop{
		runner: r, now: now, report: report, pool: newPool(most, now), news: newNews(),
		watched: map[sut.ID]*watched{}, labels: map[string]map[string]string{}, asked: map[*policy.Workload]*asked{},
	}
	var children sync.WaitGroup
	children.Go(func() { r.watch(ctx, l.news) })
	l.run(ctx, &children)
	cancel()
	children.Wait()
	l.close()
	return nil
}

// watch keeps the news coming. While the system is lost nothing new comes, and
// the looks say by themselves that they see nothing.
func (r *Runner) watch(ctx context.Context, n *news) {
	pause := rewatchFirst
	for {
		err := r.System.Watch(ctx, func(d sut.Delta) error {
			pause = rewatchFirst
			n.put(d)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		_ = err // the engine watches the same system, and says that it is lost
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		pause = min(2*pause, rewatchMost)
	}
}
