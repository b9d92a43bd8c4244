package healers

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// inbox holds what is new until the loop takes it. Of the system it keeps the
// newest level of each thing, so that a loop that is busy costs nothing but
// time, and the system is never held up.
type inbox struct {
	more chan struct{} // holds one token when there is something

	mu        sync.Mutex // guards all below
	news      bool       // of the system
	reset     bool
	lost      string // a level: every Input tells it
	rev       uint64
	instances map[sut.ID]sut.Instance
	nodes     map[sut.ID]sut.Node
	workloads map[sut.ID]sut.Workload
	volumes   map[sut.ID]sut.Volume
	budgets   map[sut.ID]sut.Budget
	gone      map[sut.ID]struct{}
	probes    []probe.Change
	samples   map[sampleKey]Sample
	ended     []Done
}

func newInbox() *inbox {
	b := &inbox{more: make(chan struct{}, 1), samples: map[sampleKey]Sample{}}
	b.clear()
	return b
}

func (b *inbox) clear() {
	b.instances, b.nodes = map[sut.ID]sut.Instance{}, map[sut.ID]sut.Node{}
	b.workloads, b.volumes = map[sut.ID]sut.Workload{}, map[sut.ID]sut.Volume{}
	b.budgets, b.gone = map[sut.ID]sut.Budget{}, map[sut.ID]struct{}{}
}

func (b *inbox) wake() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *inbox) probed(c probe.Change) {
	b.mu.Lock()
	b.probes = append(b.probes, c)
	b.mu.Unlock()
	b.wake()
}

// metered keeps the newest samples of a source. now and wall are the engine's time and the
// clock's. What comes in several series is one number, their sum; without one of them it is
// none.
func (b *inbox) metered(batch metric.Batch, from metric.Source, now time.Duration, wall time.Time) {
	sums := map[sampleKey]Sample{}
	failed := batch.Err
	for _, f := range batch.Failed {
		if f.Instance == "" && failed == "" {
			failed = strings.TrimSpace(f.Series + " " + f.Reason)
		}
	}
	if failed != "" {
		t := sut.Target{ID: sut.ID(from.Workload)}
		names := []string{from.Metric}
		if from.Usage {
			names = []string{metric.CPU, metric.Memory}
		}
		for _, name := range names {
			sums[sampleKey{t.ID, failedMetric + name}] = Sample{Target: t, Metric: failedMetric + name, At: now, Failed: failed}
		}
	}
	for _, s := range batch.Samples {
		if s.Instance == "" && failed != "" {
			continue
		}
		one := Sample{
			Target: sut.Target{ID: s.Instance, Incarnation: s.Incarnation}, Metric: s.Metric, Value: s.Value,
			At: max(now-wall.Sub(s.At), 0), Window: s.Window,
		}
		one.Until = one.At + from.MaxAge
		if s.Instance == "" {
			one.Target.ID = sut.ID(s.Workload)
		}
		key := sampleKey{one.Target.ID, one.Metric}
		if sum, more := sums[key]; more {
			one.Value, one.At, one.Until = one.Value+sum.Value, min(one.At, sum.At), min(one.Until, sum.Until)
		}
		sums[key] = one
	}
	if len(sums) == 0 {
		return
	}
	b.mu.Lock()
	maps.Copy(b.samples, sums)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) done(d Done) {
	b.mu.Lock()
	b.ended = append(b.ended, d)
	b.mu.Unlock()
	b.wake()
}

// system folds a delta into those that wait.
func (b *inbox) system(d sut.Delta) {
	b.mu.Lock()
	b.news, b.lost, b.rev = true, d.Lost, max(b.rev, d.Rev)
	if d.Reset {
		b.clear()
		b.reset = true
	}
	put(b, b.instances, d.Instances, func(x sut.Instance) sut.ID { return x.ID })
	put(b, b.nodes, d.Nodes, func(x sut.Node) sut.ID { return x.ID })
	put(b, b.workloads, d.Workloads, func(x sut.Workload) sut.ID { return sut.ID(x.Name) })
	put(b, b.volumes, d.Volumes, func(x sut.Volume) sut.ID { return x.ID })
	put(b, b.budgets, d.Budgets, func(x sut.Budget) sut.ID { return sut.BudgetID(x.Name) })
	for _, id := range d.Gone {
		delete(b.instances, id)
		delete(b.nodes, id)
		delete(b.workloads, id)
		delete(b.volumes, id)
		delete(b.budgets, id)
		b.gone[id] = struct{}{}
	}
	b.mu.Unlock()
	b.wake()
}

func put[T any](b *inbox, into map[sut.ID]T, from []T, id func(T) sut.ID) {
	for _, x := range from {
		into[id(x)] = x
		delete(b.gone, id(x))
	}
}

// take empties the inbox.
func (b *inbox) take() Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := Input{Probes: b.probes, Done: b.ended}
	b.probes, b.ended = nil, nil
	if len(b.samples) > 0 {
		in.Metrics = slices.SortedFunc(maps.Values(b.samples), func(x, y Sample) int {
			return cmp.Or(cmp.Compare(x.Target.ID, y.Target.ID), cmp.Compare(x.Metric, y.Metric))
		})
		clear(b.samples)
	}
	in.System.Lost = b.lost
	if !b.news {
		return in
	}
	in.System = sut.Delta{
		Reset: b.reset, Lost: b.lost, Rev: b.rev,
		Instances: values(b.instances), Nodes: values(b.nodes), Workloads: values(b.workloads),
		Volumes: values(b.volumes), Budgets: values(b.budgets),
		Gone: slices.Sorted(maps.Keys(b.gone)),
	}
	b.news, b.reset = false, false
	b.clear()
	return in
}

// values are a map's values in the order of their IDs.
func values[T any](m map[sut.ID]T) []T {
	if len(m) == 0 {
		return nil
	}
	out := make([]T, 0, len(m))
	for _, id := range slices.SortedFunc(maps.Keys(m), cmp.Compare[sut.ID]) {
		out = append(out, m[id])
	}
	return out
}
