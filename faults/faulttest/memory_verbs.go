package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Offer implements [sut.System].
func (m *Memory) Offer(c sut.Capability, t sut.Target) (any, error) {
	kind := t.ID.Kind()
	switch {
	case c == harm.CanKill && kind == sut.KindInstance,
		c == harm.CanPause && kind == sut.KindInstance,
		c == harm.CanFill && kind == sut.KindVolume,
		c == harm.CanCut && kind == sut.KindLink:
		return memoryVerbs{m}, nil
	}
	return nil, &sut.Missing{Capability: c, Target: t.ID, Reason: "memory has no such verb"}
}

// Undo does what an operation says that a verb armed.
func (m *Memory) Undo(_ context.Context, op harm.Op) error {
	var what string
	if err := json.Unmarshal(op.Args, &what); err != nil || op.Kind != "mend" {
		return errors.Join(fmt.Errorf("%s is no operation of a memory", op.Kind), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.broken, what)
	return nil
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

func (v memoryVerbs) Cut(ctx context.Context, l harm.Lease, t sut.Target, _ harm.Cut) (harm.Hold, error) {
	return v.m.breaks(ctx, l, "cut", "partition", t)
}

func (m *Memory) breaks(ctx context.Context, l harm.Lease, call, fault string, t sut.Target) (harm.Hold, error) {
	if err := m.fail(call); err != nil {
		return nil, err
	}
	what := m.name(fault, t)
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
	case sut.KindLink, sut.KindWorkload, sut.KindNode, sut.KindZone: // nobody mends them for us
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
	delete(h.m.broken, h.what)
	h.m.mu.Unlock()
	return h.disarm(ctx)
}
