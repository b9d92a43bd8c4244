package run

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// The engine's end of the socket hears of all that a cluster tells.
func TestEngineHearsOfNodesAndBudgetsAndBlindness(t *testing.T) {
	told := sut.Delta{
		Nodes:     []sut.Node{{ID: "node:worker", Zone: "a", Ready: sut.No, CordonedBy: "us"}},
		Budgets:   []sut.Budget{{Name: "orders", MinAvailable: "2"}},
		Instances: []sut.Instance{{Target: sut.Target{ID: "orders/0", Incarnation: "uid/c"}, Workload: "orders", Node: "worker", Budgets: []string{"orders"}}},
		Workloads: []sut.Workload{{Name: "orders", Desired: 3}},
	}
	sys := suttest.New(told)
	sys.Record("repair.evict", nil)
	sys.Record("repair.cordon", nil)
	sys.Record(harm.CanKill, nil)
	socket := filepath.Join(t.TempDir(), "s")
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	serving := spawn(t.Context(), func(ctx context.Context) error { return remote.Serve(ctx, ln, sys, nil) })
	defer func() { _ = serving.end() }()
	c, err := remote.Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, can := range []sut.Capability{"repair.evict", "repair.cordon"} {
		if _, err := c.Offer(can, sut.Target{ID: "orders/0"}); err != nil {
			t.Errorf("%s does not pass: %v", can, err)
		}
	}
	if _, err := c.Offer(harm.CanKill, sut.Target{ID: "orders/0"}); err == nil {
		t.Error("the engine may kill instances")
	}
	blind := sut.Delta{Lost: "the API server does not answer"}
	seen := errors.New("seen")
	first := true
	err = c.Watch(t.Context(), func(d sut.Delta) error {
		if !first {
			if d.Lost != blind.Lost {
				t.Errorf("got %+v", d)
			}
			return seen
		}
		first = false
		d.Reset, d.Rev = false, 0
		if diff := cmp.Diff(told, d); diff != "" {
			t.Error(diff)
		}
		sys.Push(blind)
		return nil
	})
	if !errors.Is(err, seen) {
		t.Error(err)
	}
}

// A platform that is not there skips the scenario by name, and leaves neither a
// record that looks like a run nor anything else.
func TestPlatformThatIsNotThereIsSkipped(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a guardian")
	}
	bin, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, state := t.TempDir(), t.TempDir()
	p := Platform{Name: "process", Arms: []sut.Arm{sut.ArmRebound, sut.ArmNative, sut.ArmOff}, Within: quick(), Start: func(context.Context, platform.Config, cluster.Options) (platform.System, error) {
		return nil, &sut.Missing{Capability: "containers", Target: "containers", Reason: "no Docker engine answers", WayOut: "start Docker"}
	}}
	pairs, err := Batch{
		Scenarios: []*scenarios.Scenario{crash(t)}, Control: ControlOwn, Out: out,
		Config: Config{Binary: bin, State: state, platforms: []Platform{p}},
	}.Run(t.Context())
	if err != nil || len(pairs) != 1 || pairs[0].Missing == nil || pairs[0].Missing.WayOut != "start Docker" {
		t.Fatalf("%+v, %v", pairs, err)
	}
	left, err := filepath.Glob(filepath.Join(out, "*", "*", "*", "timeline.jsonl"))
	if err != nil || len(left) > 0 {
		t.Errorf("a record is left: %v %v", left, err)
	}
	if leases, err := faults.Leases(state); err != nil || len(leases) > 0 {
		t.Errorf("leases are left: %v %v", leases, err)
	}
}

// The arm native is one without our engine, judged by the same checks.
func TestNativeRunsWithoutOurEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	bin, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := PlatformNamed(PlatformProcess)
	if err != nil {
		t.Fatal(err)
	}
	var arm sut.Arm
	p.Arms = append(p.Arms, sut.ArmNative)
	p.Start = func(ctx context.Context, c platform.Config, _ cluster.Options) (platform.System, error) {
		arm = c.Arm
		return process.Start(ctx, c)
	}
	s := crash(t)
	s.Spec.Baseline, s.Spec.Sustained = manifest.Duration(2*time.Second), manifest.Duration(time.Second)
	s.Spec.SteadyState, s.Spec.Stop = []scenarios.SLI{{SLI: "success", AtLeast: 0.1}}, scenarios.Stop{}
	s.Spec.Expect = []scenarios.Check{scenarios.Expect("capacityRestored", map[string]string{"within": "1s"})}
	s.Spec.Control = scenarios.Control{}
	o, err := Run(t.Context(), Config{
		Scenario: s, Healers: sut.ArmNative, Binary: bin, State: t.TempDir(), Out: t.TempDir(), platforms: []Platform{p},
	})
	if err != nil {
		t.Fatal(err)
	}
	if arm != sut.ArmNative || o.Events[0].Header.Healers != "native" {
		t.Errorf("started with %s, recorded as %s", arm, o.Events[0].Header.Healers)
	}
	pools := 0
	for _, e := range o.Events {
		if e.Kind == timeline.KindHealing {
			t.Errorf("our engine acts: %+v", e.Healing)
		}
		if e.Kind == timeline.KindPool {
			pools++
		}
	}
	if pools == 0 {
		t.Error("no instance tells of its pool")
	}
	if o.Judgement.Verdict == timeline.Pass {
		t.Error("a replica that nobody restarts is back")
	}
}
