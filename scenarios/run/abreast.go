package run

import (
	"context"
	"slices"
	"sync"
)

// abreast keeps runs that go on beside each other from disturbing what the other
// measures: neither is measured while another still starts its system, and none
// takes its system down while another is still measured.
type abreast struct {
	mu      sync.Mutex
	parties []*party
	changed chan struct{} // closed when one got further or left
}

// party is one of the runs. nil: it is alone.
type party struct {
	with    *abreast
	reached point
	left    bool
}

// point is how far a run has come.
type point uint8

const (
	pointStarted point = iota + 1 // the system runs, and gets no load yet
	pointDone                     // nothing more is measured
)

// newAbreast makes so many parties.
func newAbreast(n int) []*party {
	a := &abreast{changed: make(chan struct{})}
	for range n {
		a.parties = append(a.parties, &party{with: a})
	}
	return a.parties
}

// reach returns when all have come so far or have left, and when ctx ends.
func (p *party) reach(ctx context.Context, at point) {
	if p == nil {
		return
	}
	p.with.change(func() { p.reached = max(p.reached, at) })
	for {
		behind, changed := p.with.behind(at)
		if !behind {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// leave lets the others go on without this one.
func (p *party) leave() {
	if p != nil {
		p.with.change(func() { p.left = true })
	}
}

func (a *abreast) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

// behind tells whether any has not come so far, and when to look again.
func (a *abreast) behind(at point) (bool, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.parties, func(p *party) bool { return p.reached < at && !p.left }), a.changed
}
