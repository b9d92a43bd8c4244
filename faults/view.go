package faults

import (
	"sync"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// view is what the system's Watch last said, as far as targets go.
type view struct {
	mu        sync.Mutex
	seen      bool // the first Delta has come; guarded by mu
	instances map[sut.ID]sut.Instance
	nodes     map[sut.ID]sut.Node
	workloads map[sut.ID]bool // those that there are
	changed   chan struct{}   // closed and replaced by every Delta; guarded by mu
}

func newView() *view {
	return &view{instances: map[sut.ID]sut.Instance{}, nodes: map[sut.ID]sut.Node{}, workloads: map[sut.ID]bool{}, changed: make(chan struct{})}
}

func (v *view) apply(d sut.Delta) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d.Reset {
		clear(v.instances)
		clear(v.nodes)
		clear(v.workloads)
	}
	for _, in := range d.Instances {
		v.instances[in.ID] = in
	}
	for _, n := range d.Nodes {
		v.nodes[n.ID] = n
	}
	for _, w := range d.Workloads {
		v.workloads[sut.ID(w.Name)] = true
	}
	for _, id := range d.Gone {
		delete(v.instances, id)
		delete(v.nodes, id)
		delete(v.workloads, id)
	}
	v.seen = true
	close(v.changed)
	v.changed = make(chan struct{})
	return nil
}

// next is closed by the next Delta.
func (v *view) next() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

func (v *view) instance(id sut.ID) (sut.Instance, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	in, ok := v.instances[id]
	return in, ok
}

// life is the present life of a target.
type life struct {
	target  sut.Target
	key     string // differs between lives: of a link, for each of its ends
	exists  bool
	running bool
}

// life tells how a target lives now. ok is false before the first Delta.
func (v *view) life(id sut.ID) (l life, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l = life{target: sut.Target{ID: id}, exists: true, running: true}
	// What has no incarnation has one life; whether it runs is for the fault's own evidence.
	switch id.Kind() { //nolint:exhaustive // the rest is, or is of, instances
	case sut.KindNode:
		_, l.exists = v.nodes[id]
		l.key = string(id)
		return l, v.seen
	case sut.KindWorkload:
		l.exists, l.key = v.workloads[id], string(id)
		return l, v.seen
	}
	from, to := id.Instance(), sut.ID("")
	if id.Kind() == sut.KindLink {
		_, to = id.Ends()
	}
	for _, end := range []sut.ID{from, to} {
		if end == "" {
			continue // a zone has no incarnation
		}
		in, exists := v.instances[end]
		l.exists = l.exists && exists
		l.running = l.running && in.Phase == sut.PhaseRunning
		l.key += in.Incarnation + ">"
		if end == from {
			l.target.Incarnation = in.Incarnation
		}
	}
	return l, v.seen
}
