package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// TestNodesOfAnyCluster: whatever the cluster, what is hit is what was asked for,
// equal seeds hit equal nodes, and no two items hit one.
func TestNodesOfAnyCluster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instances := []sut.ID{"orders/0", "orders/1", "store/0", "gateway/0"}
		on := map[string][]sut.ID{}
		names := []string{faulttest.Control}
		for i := range rapid.IntRange(1, 5).Draw(t, "workers") {
			names = append(names, fmt.Sprintf("w%d", i))
		}
		where := map[sut.ID]string{}
		for _, id := range instances {
			where[id] = rapid.SampledFrom(names).Draw(t, string(id))
			on[where[id]] = append(on[where[id]], id)
		}
		zone := map[string]string{}
		for _, n := range names {
			zone[n] = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone of "+n)
		}
		build := func() *faulttest.Memory {
			m := faulttest.NewMemory(instances)
			for _, n := range names {
				m.Node(n, zone[n], on[n]...)
			}
			return m
		}
		target := faults.Selector{
			Workload: rapid.SampledFrom([]string{"", "orders"}).Draw(t, "workload"),
			Zone:     rapid.SampledFrom([]string{"", "a"}).Draw(t, "zone"),
			Spare:    rapid.SampledFrom([][]string{{"store"}, {"gateway", "store"}}).Draw(t, "spare"),
			Count:    rapid.IntRange(1, 3).Draw(t, "count"),
		}
		if target.Workload == "" {
			target.Zone = "a"
		}
		s := rapid.Uint64().Draw(t, "seed")
		plan, err := faults.Plan([]faults.Spec{{Fault: "node-stop", Target: target}}, s, snapshotWithGateway())
		if err != nil {
			t.Fatal(err)
		}
		fits := 0
		for _, n := range names[1:] {
			has := func(w string) bool {
				return slices.ContainsFunc(on[n], func(id sut.ID) bool { return id.Workload() == w })
			}
			spared := slices.ContainsFunc(target.Spare, has)
			if !spared && (target.Zone == "" || zone[n] == target.Zone) && (target.Workload == "" || has(target.Workload)) {
				fits++
			}
		}
		first, again := hits(t, build(), plan), hits(t, build(), plan)
		if !slices.Equal(first, again) {
			t.Fatalf("one seed hit %v, then %v", first, again)
		}
		if want := min(fits, target.Count); len(slices.Compact(first)) != want || len(first) != want {
			t.Fatalf("hit %v, want %d of %d", first, want, fits)
		}
	})
}

func snapshotWithGateway() sut.Delta {
	d := snapshot()
	d.Workloads = append(d.Workloads, sut.Workload{Name: "gateway", Desired: 1})
	return d
}

// hits plays a schedule for a moment and lists the nodes that were hit, sorted.
func hits(t *rapid.T, m *faulttest.Memory, plan faults.Schedule) []sut.ID {
	var hit []sut.ID
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := &faults.Injector{
		System: m, Schedule: plan, Lease: faulttest.NewLease(0), ConfirmWithin: 5 * time.Millisecond,
		Event: func(e faults.Event) {
			if e.State == "active" {
				hit = append(hit, e.Target.ID)
			}
		},
	}
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	<-in.Confirmed()
	cancel()
	if err := errors.Join(<-ended, in.Revert(ctx)); err != nil {
		t.Fatal(err)
	}
	if left := m.Broken(); len(left) > 0 {
		t.Fatalf("left broken: %v", left)
	}
	slices.Sort(hit)
	return hit
}
