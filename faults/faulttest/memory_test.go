package faulttest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

func TestMemory(t *testing.T) {
	var m *faulttest.Memory
	faulttest.ConformAll(t, faulttest.Platform{
		Name: "memory",
		Start: func(*testing.T) faulttest.Rig {
			m = faulttest.NewMemory([]sut.ID{"orders/0", "store/0", "jobs/0", "jobs/1"}, "store/0:data")
			m.Node("a", "", "orders/0")
			return rig(m)
		},
		Undo: func(ctx context.Context, op harm.Op) error { return m.Undo(ctx, op) },
	})
}

// TestCases: a fault that is added is conformed to everywhere.
func TestCases(t *testing.T) {
	for _, def := range faults.Builtin() {
		if !slices.ContainsFunc(faulttest.Cases(), func(c faulttest.Case) bool { return c.Fault == def.Name }) {
			t.Errorf("no case is about %s", def.Name)
		}
	}
}

func rig(m *faulttest.Memory) faulttest.Rig {
	return faulttest.Rig{
		System: m,
		Targets: map[sut.Kind]sut.ID{
			sut.KindInstance: "orders/0", sut.KindLink: "orders/0>store/0", sut.KindVolume: "store/0:data", sut.KindNode: "node:a",
			sut.KindWorkload: "jobs",
		},
		Look: func(_ context.Context, fault string, t sut.Target) (bool, string, error) {
			return m.IsBroken(fault, t), "memory", nil
		},
		Residue: m.Broken,
	}
}
