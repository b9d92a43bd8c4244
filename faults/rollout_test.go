package faults_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
)

// TestRolloutComesToItsEnd: it is seen with the first new instance, held until all are
// new, and then there is nothing to revert.
func TestRolloutComesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("rollout", "orders", time.Second, 0))
		after(1100 * time.Millisecond)
		if !p.confirmed() || p.done() {
			t.Errorf("confirmed: %t; at its end: %t", p.confirmed(), p.done())
		}
		after(4 * time.Second)
		if !p.done() {
			t.Error("Run goes on after the rollout")
		}
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "1 reverted@2s")
		var now []sut.ID
		for _, in := range p.memory.Snapshot().Instances {
			now = append(now, in.ID)
		}
		if want := []sut.ID{"orders/2", "orders/3", "store/0"}; !slices.Equal(now, want) {
			t.Errorf("the system consists of %v, want %v", now, want)
		}
	})
}

// TestRolloutIsWaitedFor: what is under way at the end of the run is not left so.
func TestRolloutIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("rollout", "orders", time.Second, 0))
		after(1100 * time.Millisecond)
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "1 reverted@1.1s")
		if !slices.ContainsFunc(p.memory.Snapshot().Instances, func(in sut.Instance) bool { return in.ID == "orders/3" }) {
			t.Errorf("it was not waited for: %v", p.memory.Snapshot().Instances)
		}
	})
}

func TestRolloutOncePerWorkload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("rollout", "orders", time.Second, 0), item("rollout", "orders", time.Second+time.Millisecond, 0), item("rollout", "orders", time.Minute, 0))
		after(2 * time.Minute)
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "2 failed@1.001s", "1 reverted@2s", "3 injecting@1m0s", "3 active@1m0s", "3 reverted@1m1s")
	})
}

// scene is a rollout of a system that does as it is told.
type scene struct {
	*suttest.Scripted

	mu       sync.Mutex
	evidence harm.Evidence // guarded by mu
	refusal  error
}

func (s *scene) RollOut(context.Context, harm.Lease, sut.Target) (harm.Hold, error) {
	return s, s.refusal
}

func (s *scene) Observe(context.Context) (harm.Evidence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evidence, nil
}

// Release comes to its end at once.
func (s *scene) Release(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evidence.Gone = true
	return nil
}

func (s *scene) shows(e harm.Evidence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evidence = e
}

// TestLifeOfAWorkload: it lives as long as the system tells of it, and has no incarnation
// that could be another.
func TestLifeOfAWorkload(t *testing.T) {
	under := harm.Evidence{Observed: true, Proof: "one is new"}
	stopped := harm.Evidence{Gone: true, Proof: "the rollout has stopped: orders/2 is not ready"}
	restarted := sut.Delta{Instances: []sut.Instance{{Target: sut.Target{ID: "orders/0", Incarnation: "b"}, Workload: "orders", Phase: sut.PhaseRunning}}}
	for name, c := range map[string]struct {
		workload sut.ID
		first    harm.Evidence
		refusal  error
		then     func(*scene)
		want     []string
		proof    string // in the last event
	}{
		"one that is not there":           {workload: "ordrs", want: []string{"failed"}, proof: "ordrs is not there"},
		"an instance is restarted":        {workload: "orders", first: under, then: func(s *scene) { s.Push(restarted) }, want: []string{"injecting", "active"}, proof: "one is new"},
		"an instance is gone":             {workload: "orders", first: under, then: func(s *scene) { s.Push(sut.Delta{Gone: []sut.ID{"orders/0"}}) }, want: []string{"injecting", "active"}, proof: "one is new"},
		"it is removed":                   {workload: "orders", first: under, then: func(s *scene) { s.Push(sut.Delta{Gone: []sut.ID{"orders"}}) }, want: []string{"injecting", "active", "overtaken"}, proof: "orders was removed"},
		"the rollout stops":               {workload: "orders", first: under, then: func(s *scene) { s.shows(stopped) }, want: []string{"injecting", "active", "overtaken"}, proof: "orders/2 is not ready"},
		"the rollout stops at once":       {workload: "orders", first: stopped, want: []string{"injecting", "unseen"}, proof: "orders/2 is not ready"},
		"it has no instances at the time": {workload: "orders", refusal: sut.ErrGone, want: []string{"injecting", "failed"}, proof: "does not run"},
		"another is under way":            {workload: "orders", refusal: sut.ErrAlready, want: []string{"injecting", "failed"}, proof: "roll out orders"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scene{Scripted: suttest.New(sut.Delta{
					Workloads: []sut.Workload{{Name: "orders", Desired: 1}},
					Instances: []sut.Instance{{Target: sut.Target{ID: "orders/0", Incarnation: "a"}, Workload: "orders", Phase: sut.PhaseRunning}},
				}), evidence: c.first, refusal: c.refusal}
				s.Verbs[harm.CanRollOut] = s
				var told []string
				var last string
				in := &faults.Injector{
					System: s, Lease: faulttest.NewLease(0),
					Schedule: faults.Schedule{Items: []faults.Item{{ID: "1", Fault: "rollout", Target: c.workload}}},
					Event:    func(e faults.Event) { told, last = append(told, string(e.State)), e.Proof },
				}
				ctx, cancel := context.WithCancel(t.Context())
				ran := make(chan error, 1)
				go func() { ran <- in.Run(ctx) }()
				after(time.Second)
				if c.then != nil {
					c.then(s)
				}
				after(5 * time.Second)
				if c.refusal != nil {
					after(2 * time.Minute) // a target that may yet come is waited for as long as evidence is
				}
				if !slices.Equal(told, c.want) || !strings.Contains(last, c.proof) {
					t.Errorf("told %v, the last %q; want %v, %q", told, last, c.want, c.proof)
				}
				cancel()
				if err := errors.Join(<-ran, in.Revert(t.Context())); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPlanRollout(t *testing.T) {
	plan, err := faults.Plan([]faults.Spec{{Fault: "rollout", Target: faults.Selector{Workload: "orders"}}}, 7, snapshot())
	if err != nil || len(plan.Items) != 1 || plan.Items[0].Target != "orders" {
		t.Errorf("planned %+v, %v", plan, err)
	}
	for want, spec := range map[string]faults.Spec{
		`faults[0].target.workload: no target: the system has no workload "ordrs"`:              {Fault: "rollout", Target: faults.Selector{Workload: "ordrs"}},
		`faults[0].target.count: rollout is of the whole workload: name the workload alone`:     {Fault: "rollout", Target: faults.Selector{Workload: "orders", Count: 2}},
		`faults[0].target.percent: rollout is of the whole workload: name the workload alone`:   {Fault: "rollout", Target: faults.Selector{Workload: "orders", Percent: 0.5}},
		`faults[0].target.zone: rollout is of the whole workload: name the workload alone`:      {Fault: "rollout", Target: faults.Selector{Workload: "orders", Zone: "a"}},
		`faults[0].target.instances: rollout is of the whole workload: name the workload alone`: {Fault: "rollout", Target: faults.Selector{Workload: "orders", Instances: []sut.ID{"orders/0"}}},
		`faults[0].target.to: rollout does not break links`:                                     {Fault: "rollout", Target: faults.Selector{Workload: "orders", To: "store"}},
		`faults[0].args: bad arguments: json: unknown field "grace"`:                            {Fault: "rollout", Target: faults.Selector{Workload: "orders"}, Args: []byte(`{"grace":"1s"}`)},
	} {
		if _, err := faults.Plan([]faults.Spec{spec}, 7, snapshot()); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestWhatUsersSufferEndsFirst: what can only be waited for does not keep what hurts from
// being undone, however new it is.
func TestWhatUsersSufferEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("hang", "store/0", time.Second, 0), item("rollout", "orders", 1500*time.Millisecond, 0))
		after(1600 * time.Millisecond)
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "2 injecting@1.5s", "2 active@1.5s", "1 reverted@1.6s", "2 reverted@1.6s")
	})
}
