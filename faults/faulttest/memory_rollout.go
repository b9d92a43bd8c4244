package faulttest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// memoryRoller is the verb of workloads.
type memoryRoller struct{ m *Memory }

// RollOut implements [harm.Roller]: one instance is new when it returns, and one more
// after each look.
func (v memoryRoller) RollOut(_ context.Context, _ harm.Lease, t sut.Target) (harm.Hold, error) {
	if err := v.m.fail("roll out"); err != nil {
		return nil, err
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	h := &memoryRollout{m: v.m, workload: t.ID}
	for id := range v.m.instances {
		if sut.ID(id.Workload()) == t.ID {
			h.old = append(h.old, id)
		}
	}
	switch {
	case len(h.old) == 0:
		return nil, fmt.Errorf("roll out %s: %w", t, sut.ErrGone)
	case len(v.m.rolling[t.ID]) > 0:
		return nil, fmt.Errorf("roll out %s: %w", t, sut.ErrAlready)
	}
	slices.SortFunc(h.old, func(a, b sut.ID) int { return cmp.Compare(a, b) })
	v.m.rolling[t.ID] = slices.Clone(h.old)
	h.step()
	return h, nil
}

type memoryRollout struct {
	m        *Memory
	workload sut.ID
	old      []sut.ID
}

// step replaces the next that is still there; mu is held.
func (h *memoryRollout) step() {
	for len(h.m.rolling[h.workload]) > 0 {
		id := h.m.rolling[h.workload][0]
		h.m.rolling[h.workload] = h.m.rolling[h.workload][1:]
		if _, there := h.m.instances[id]; !there {
			continue
		}
		name := string(h.workload)
		next := h.m.born(sut.InstanceID(name, h.m.ordinals[name]))
		h.m.ordinals[name]++
		next.Node, next.Zone = h.m.instances[id].Node, h.m.instances[id].Zone
		h.m.instances[next.ID] = next
		h.m.changed(sut.Delta{Instances: []sut.Instance{next}})
		h.m.remove(id)
		return
	}
}

// Observe implements [harm.Hold].
func (h *memoryRollout) Observe(context.Context) (harm.Evidence, error) {
	if err := h.m.fail("observe"); err != nil {
		return harm.Evidence{}, err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	left, fresh := 0, 0
	for id, in := range h.m.instances {
		switch {
		case sut.ID(id.Workload()) != h.workload:
		case slices.Contains(h.old, id):
			left++
		case in.Phase == sut.PhaseRunning:
			fresh++
		}
	}
	h.step()
	return harm.Evidence{
		Observed: fresh > 0, Gone: left == 0 && fresh >= h.m.desired[string(h.workload)],
		Proof: fmt.Sprintf("%d of %d are left, and %d are new", left, len(h.old), fresh),
	}, nil
}

// Release implements [harm.Hold].
func (h *memoryRollout) Release(context.Context) error {
	if err := h.m.fail("release"); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	for len(h.m.rolling[h.workload]) > 0 {
		h.step()
	}
	return nil
}
