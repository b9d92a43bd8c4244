package probe

import (
	"maps"
	"slices"
	"sync"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// news holds the newest level of each instance until the loop takes it, so that
// a busy loop never holds up the system.
type news struct {
	more chan struct{}

	mu        sync.Mutex
	reset     bool                     // guarded by mu
	instances map[sut.ID]*sut.Instance // guarded by mu; nil: it is gone
	workloads []sut.Workload           // guarded by mu
}

func newNews() *news {
	return &news{more: make(chan struct{}, 1), instances: map[sut.ID]*sut.Instance{}}
}

func (n *news) put(d sut.Delta) {
	n.mu.Lock()
	if d.Reset {
		n.reset = true
		clear(n.instances)
	}
	n.workloads = append(n.workloads, d.Workloads...)
	for i := range d.Instances {
		in := d.Instances[i]
		n.instances[in.ID] = &in
	}
	for _, id := range d.Gone {
		n.instances[id] = nil
	}
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

// latest is what news.take hands over.
type latest struct {
	reset     bool
	instances map[sut.ID]*sut.Instance
	workloads []sut.Workload
}

func (n *news) take() latest {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := latest{n.reset, n.instances, n.workloads}
	n.reset, n.instances, n.workloads = false, map[sut.ID]*sut.Instance{}, nil
	return l
}

func sorted(m map[sut.ID]*sut.Instance) []sut.ID { return slices.Sorted(maps.Keys(m)) }
