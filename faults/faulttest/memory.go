package faulttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Memory is a system in memory whose verbs change a map. It is safe for
// concurrent use; its fields are set before it is used.
type Memory struct {
	// Fail is asked before every call of a verb, by name: kill, delete, pause, dial, fill,
	// cut, stop node, freeze node, drain, roll out, observe, release. Its error is the call's, and nothing happens then. nil: none fails.
	Fail func(call string) error
	// ForgetCuts: a restart of either end mends a link, as where a cut lives in
	// the process's own network namespace.
	ForgetCuts bool

	mu        sync.Mutex
	instances map[sut.ID]sut.Instance
	volumes   []sut.Volume
	nodes     []sut.Node          // sorted by ID
	first     map[sut.ID]bool     // the instances that it was made with
	desired   map[string]int      // replicas, by workload
	ordinals  map[string]int      // the next, by workload
	rolling   map[sut.ID][]sut.ID // the instances that a rollout has yet to replace, by workload; guarded by mu
	lives     int
	broken    map[string]bool      // what is broken now; guarded by mu
	until     map[string]time.Time // when what ends by itself does; guarded by mu
	changes   []sut.Delta          // all since the start; guarded by mu
	news      chan struct{}        // closed and replaced by every change; guarded by mu
}

var _ sut.System = (*Memory)(nil)

// NewMemory makes a system of running instances and their volumes.
func NewMemory(instances []sut.ID, volumes ...sut.ID) *Memory {
	m := &Memory{
		first: map[sut.ID]bool{}, desired: map[string]int{}, ordinals: map[string]int{}, rolling: map[sut.ID][]sut.ID{},
		instances: map[sut.ID]sut.Instance{}, broken: map[string]bool{}, until: map[string]time.Time{}, news: make(chan struct{}),
	}
	for _, id := range instances {
		m.instances[id], m.first[id] = m.born(id), true
		m.desired[id.Workload()]++
		m.ordinals[id.Workload()]++
	}
	for _, id := range volumes {
		m.volumes = append(m.volumes, sut.Volume{ID: id, Size: 1 << 20})
	}
	return m
}

// Node adds a node that these instances run on, before anything else is done.
func (m *Memory) Node(name, zone string, runs ...sut.ID) {
	m.nodes = append(m.nodes, sut.Node{ID: sut.NodeID(name), Zone: zone, Ready: sut.Yes})
	slices.SortFunc(m.nodes, func(a, b sut.Node) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, id := range runs {
		in := m.instances[id]
		in.Node, in.Zone = name, zone
		m.instances[id] = in
	}
}

func (m *Memory) born(id sut.ID) sut.Instance {
	m.lives++
	return sut.Instance{
		Target:   sut.Target{ID: id, Incarnation: fmt.Sprintf("%d+%d", m.lives, m.lives)},
		Workload: id.Workload(), Phase: sut.PhaseRunning, Since: time.Now(),
		Node: m.instances[id].Node, Zone: m.instances[id].Zone,
	}
}

// Snapshot is the system as a whole.
func (m *Memory) Snapshot() sut.Delta {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := sut.Delta{Reset: true, Rev: uint64(len(m.changes)) + 1, Volumes: slices.Clone(m.volumes), Nodes: slices.Clone(m.nodes)}
	for _, id := range slices.Sorted(maps.Keys(m.instances)) {
		d.Instances = append(d.Instances, m.instances[id])
	}
	for _, name := range slices.Sorted(maps.Keys(m.desired)) {
		d.Workloads = append(d.Workloads, sut.Workload{Name: name, Desired: m.desired[name]})
	}
	return d
}

// Watch implements [sut.System].
func (m *Memory) Watch(ctx context.Context, f func(sut.Delta) error) error {
	first := m.Snapshot()
	told := int(first.Rev) - 1
	if err := f(first); err != nil {
		return err
	}
	for {
		m.mu.Lock()
		fresh, news := slices.Clone(m.changes[told:]), m.news
		m.mu.Unlock()
		for _, d := range fresh {
			if err := f(d); err != nil {
				return err
			}
		}
		told += len(fresh)
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// changed is called with mu held.
func (m *Memory) changed(d sut.Delta) {
	d.Rev = uint64(len(m.changes)) + 2
	m.changes = append(m.changes, d)
	m.wake()
}

// wake is called with mu held: whoever waits for news looks again.
func (m *Memory) wake() {
	close(m.news)
	m.news = make(chan struct{})
}

// end is called with mu held: the present life of an instance is over.
func (m *Memory) end(id sut.ID, s syscall.Signal) {
	in := m.instances[id]
	delete(m.broken, "hang "+in.String())
	delete(m.broken, "stall "+in.String())
	if m.ForgetCuts {
		maps.DeleteFunc(m.broken, func(what string, _ bool) bool {
			link, ok := strings.CutPrefix(what, "partition ")
			from, to := bare(link).Ends()
			return ok && (from == id || to == id)
		})
	}
	in.Phase, in.Exits, in.LastExit = sut.PhaseExited, in.Exits+1, sut.Exit{Signal: int(s)}
	m.instances[id] = in
}

// Restart starts the next incarnation of an instance, as a healer does; of one
// that was removed it does nothing.
func (m *Memory) Restart(id sut.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.instances[id]; !ok {
		return
	}
	m.end(id, syscall.SIGKILL)
	next := m.born(id)
	next.Exits = m.instances[id].Exits
	m.instances[id] = next
	m.changed(sut.Delta{Instances: []sut.Instance{next}})
}

// Exit ends an incarnation without another.
func (m *Memory) Exit(id sut.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in, ok := m.instances[id]; ok && in.Phase == sut.PhaseRunning {
		m.end(id, syscall.SIGKILL)
		m.changed(sut.Delta{Instances: []sut.Instance{m.instances[id]}})
	}
}

// Remove takes an instance away for good, with all that was its own.
func (m *Memory) Remove(id sut.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(id)
}

// remove is called with mu held.
func (m *Memory) remove(id sut.ID) {
	if _, ok := m.instances[id]; !ok {
		return
	}
	m.end(id, syscall.SIGKILL)
	delete(m.instances, id)
	maps.DeleteFunc(m.broken, func(what string, _ bool) bool {
		_, target, _ := strings.Cut(what, " ")
		from, to := bare(target).Ends()
		return bare(target).Instance() == id || from == id || to == id
	})
	m.changed(sut.Delta{Gone: []sut.ID{id}})
}

// Clean frees a volume, as a runbook does.
func (m *Memory) Clean(volume sut.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.broken, "disk-full "+string(volume))
}

// bare is a target without the direction in which it is broken.
func bare(target string) sut.ID {
	id, _, _ := strings.Cut(target, " ")
	return sut.ID(id)
}

// Broken lists what is broken now: "hang orders/1@3+3", "partition
// orders/0>store/0", "partition orders/0>store/0 there", "disk-full store/0:data",
// "node-stop node:a". What is dead is not in it.
func (m *Memory) Broken() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.broken))
}

// IsBroken tells whether a fault of that name acts on a target: of an instance
// the very incarnation; killed and deleted is what no longer runs, rolled out what has
// an instance that it did not have at first.
func (m *Memory) IsBroken(fault string, t sut.Target) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if fault == "kill" || fault == "crash-loop" || fault == "pod-kill" {
		return !m.alive(t)
	}
	if fault == "rollout" {
		for id := range m.instances {
			if sut.ID(id.Workload()) == t.ID && !m.first[id] {
				return true
			}
		}
		return false
	}
	what := m.name(fault, t)
	return m.broken[what] || m.broken[what+" there"] || m.broken[what+" back"]
}

func (*Memory) name(fault string, t sut.Target) string {
	if t.ID.Kind() == sut.KindInstance {
		return fault + " " + t.String()
	}
	return fault + " " + string(t.ID)
}

func (m *Memory) alive(t sut.Target) bool {
	if t.ID.Kind() == sut.KindNode {
		return m.node(t.ID) != nil
	}
	in, ok := m.instances[t.ID.Instance()]
	if _, to := t.ID.Ends(); to != "" {
		_, there := m.instances[to]
		ok = ok && there
	}
	return ok && in.Phase == sut.PhaseRunning && (t.Incarnation == "" || in.Incarnation == t.Incarnation)
}

func (m *Memory) node(id sut.ID) *sut.Node {
	if i := slices.IndexFunc(m.nodes, func(n sut.Node) bool { return n.ID == id }); i >= 0 {
		return &m.nodes[i]
	}
	return nil
}

func (m *Memory) fail(call string) error {
	if m.Fail == nil {
		return nil
	}
	return m.Fail(call)
}
