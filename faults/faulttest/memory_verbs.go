package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Control is the name of the node that no verb is offered for.
const Control = "control"

// Offer implements [sut.System].
func (m *Memory) Offer(c sut.Capability, t sut.Target) (any, error) {
	kind := t.ID.Kind()
	switch {
	case c == sut.CanDial && kind == sut.KindInstance,
		c == harm.CanKill && kind == sut.KindInstance,
		c == harm.CanPause && kind == sut.KindInstance,
		c == harm.CanDelete && kind == sut.KindInstance,
		c == harm.CanFill && kind == sut.KindVolume,
		c == harm.CanCut && kind == sut.KindLink:
		return memoryVerbs{m}, nil
	case c == harm.CanRollOut && kind == sut.KindWorkload:
		return memoryRoller{m}, nil
	case kind != sut.KindNode || c != harm.CanStopNode && c != harm.CanFreezeNode && c != harm.CanDrain:
		return nil, &sut.Missing{Capability: c, Target: t.ID, Reason: "memory has no such verb"}
	case t.ID.Part() == Control:
		return nil, &sut.Missing{Capability: c, Target: t.ID, Reason: "it runs the control plane"}
	case m.node(t.ID) == nil:
		return nil, &sut.Missing{Capability: c, Target: t.ID, Reason: "there is no such node"}
	}
	return memoryNodes{m, map[sut.Capability]string{harm.CanStopNode: "stop", harm.CanFreezeNode: "freeze"}[c]}, nil
}

// Undo does what an operation says that a verb armed.
func (m *Memory) Undo(_ context.Context, op harm.Op) error {
	var what string
	if err := json.Unmarshal(op.Args, &what); err != nil || op.Kind != "mend" {
		return errors.Join(fmt.Errorf("%s is no operation of a memory", op.Kind), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mend(what)
	return nil
}

// mend is called with mu held.
func (m *Memory) mend(what string) {
	delete(m.broken, what)
	if id, ok := strings.CutPrefix(what, "drain "); ok && m.node(sut.ID(id)) != nil {
		m.cordon(sut.ID(id), "")
	}
}

// cordon is called with mu held.
func (m *Memory) cordon(id sut.ID, by string) {
	n := m.node(id)
	n.CordonedBy = by
	m.changed(sut.Delta{Nodes: []sut.Node{*n}})
}

type memoryVerbs struct{ m *Memory }

func (v memoryVerbs) Kill(_ context.Context, t sut.Target, s syscall.Signal) error {
	if err := v.m.fail("kill"); err != nil {
		return err
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	if !v.m.alive(t) {
		return fmt.Errorf("kill %s: %w", t, sut.ErrGone)
	}
	if s != 0 {
		v.m.end(t.ID, s)
		v.m.changed(sut.Delta{Instances: []sut.Instance{v.m.instances[t.ID]}})
	}
	return nil
}

func (v memoryVerbs) Pause(ctx context.Context, l harm.Lease, t sut.Target) (harm.Hold, error) {
	return v.m.breaks(ctx, l, "pause", "hang", t)
}

func (v memoryVerbs) Fill(ctx context.Context, l harm.Lease, t sut.Target, _ harm.Fill) (harm.Hold, error) {
	return v.m.breaks(ctx, l, "fill", "disk-full", t)
}

func (v memoryVerbs) Cut(ctx context.Context, l harm.Lease, t sut.Target, c harm.Cut) (harm.Hold, error) {
	what := v.m.name("partition", t)
	if c.Only != "" {
		what += " " + string(c.Only)
	}
	return v.m.arm(ctx, l, "cut", what, t)
}

// Delete implements [harm.Deleter]: nobody makes another.
func (v memoryVerbs) Delete(_ context.Context, t sut.Target, _ time.Duration) error {
	if err := v.m.fail("delete"); err != nil {
		return err
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	if !v.m.alive(t) {
		return fmt.Errorf("delete %s: %w", t, sut.ErrGone)
	}
	v.m.remove(t.ID)
	return nil
}

// memoryNodes are the verbs of nodes; how is stop or freeze.
type memoryNodes struct {
	m   *Memory
	how string
}

// StopNode implements [harm.NodeStopper].
func (v memoryNodes) StopNode(ctx context.Context, l harm.Lease, t sut.Target) (harm.Hold, error) {
	return v.m.breaks(ctx, l, v.how+" node", "node-"+v.how, t)
}

// Drain implements [harm.Drainer]: nothing delays what is evicted.
func (v memoryNodes) Drain(ctx context.Context, l harm.Lease, t sut.Target) (harm.Hold, error) {
	h, err := v.m.breaks(ctx, l, "drain", "drain", t)
	if err != nil {
		return nil, err
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	v.m.cordon(t.ID, "somebody")
	for _, id := range slices.Sorted(maps.Keys(v.m.instances)) {
		if v.m.instances[id].Node == t.ID.Part() {
			v.m.remove(id)
		}
	}
	return h, nil
}

func (m *Memory) breaks(ctx context.Context, l harm.Lease, call, fault string, t sut.Target) (harm.Hold, error) {
	return m.arm(ctx, l, call, m.name(fault, t), t)
}

func (m *Memory) arm(ctx context.Context, l harm.Lease, call, what string, t sut.Target) (harm.Hold, error) {
	if err := m.fail(call); err != nil {
		return nil, err
	}
	args, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	disarm, err := l.Arm(ctx, harm.Op{Kind: "mend", Args: args})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", call, t, err)
	}
	m.mu.Lock()
	lives := m.alive(t)
	if lives {
		m.broken[what] = true
	}
	m.mu.Unlock()
	if !lives {
		return nil, errors.Join(fmt.Errorf("%s %s: %w", call, t, sut.ErrGone), disarm(context.WithoutCancel(ctx)))
	}
	return &memoryHold{m, what, t, disarm}, nil
}

type memoryHold struct {
	m      *Memory
	what   string
	target sut.Target
	disarm func(context.Context) error
}

// Observe implements [harm.Hold].
func (h *memoryHold) Observe(context.Context) (harm.Evidence, error) {
	if err := h.m.fail("observe"); err != nil {
		return harm.Evidence{}, err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	e := harm.Evidence{Observed: h.m.broken[h.what], Proof: h.what}
	switch h.target.ID.Kind() {
	case sut.KindInstance:
		e.Gone = !h.m.alive(h.target)
	case sut.KindVolume:
		e.Gone = !e.Observed
	case sut.KindLink, sut.KindWorkload, sut.KindNode, sut.KindZone, sut.KindBudget, sut.KindTraffic: // nobody mends them for us
	}
	if !e.Observed {
		e.Proof = "nothing of " + h.what
	}
	return e, nil
}

// Release implements [harm.Hold].
func (h *memoryHold) Release(ctx context.Context) error {
	if err := h.m.fail("release"); err != nil {
		return err
	}
	h.m.mu.Lock()
	if h.m.broken[h.what] {
		h.m.mend(h.what)
	}
	h.m.mu.Unlock()
	return h.disarm(ctx)
}
