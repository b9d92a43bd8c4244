package metric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// A watch that failed is begun again after these.
const (
	rewatchFirst = 100 * time.Millisecond
	rewatchMost  = 5 * time.Second
)

// instances are those that run, as the system last told.
type instances struct {
	of map[string]bool // the workloads that matter

	mu      sync.Mutex
	known   bool                // guarded by mu: a full list has come
	lost    string              // guarded by mu: why none has
	running map[sut.ID]instance // guarded by mu
}

type instance struct {
	sut.Target
	workload string
}

func (n *instances) update(d sut.Delta) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = d.Lost
	if d.Reset {
		n.known = true
		clear(n.running)
	}
	for i := range d.Instances {
		in := &d.Instances[i]
		if in.Phase == sut.PhaseRunning && n.of[in.Workload] {
			n.running[in.ID] = instance{in.Target, in.Workload}
		} else {
			delete(n.running, in.ID)
		}
	}
	for _, id := range d.Gone {
		delete(n.running, id)
	}
}

// list is the instances of a workload, by ID. While the system is lost it is those of
// before: looks at them say by themselves what there is to see.
func (n *instances) list(workload string) ([]sut.Target, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.known {
		return nil, errors.New(cmp.Or(n.lost, "the system has not told its instances yet"))
	}
	var all []sut.Target
	for _, in := range n.running {
		if in.workload == workload {
			all = append(all, in.Target)
		}
	}
	slices.SortFunc(all, func(a, b sut.Target) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// runs tells whether the incarnation is still there.
func (n *instances) runs(t sut.Target) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running[t.ID].Target == t
}

func (n *instances) lose(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = fmt.Sprintf("watch the system: %v", err)
}

// watch keeps the list true until ctx ends.
func (n *instances) watch(ctx context.Context, system sut.System) {
	pause := rewatchFirst
	for {
		err := system.Watch(ctx, func(d sut.Delta) error {
			pause = rewatchFirst
			n.update(d)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		n.lose(err)
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, rewatchMost)
	}
}

// wait is false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
