package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// compressed is a scenario that takes seconds: the same machinery, less patience.
func compressed(fault scenarios.Fault, expect ...scenarios.Check) *scenarios.Scenario {
	return &scenarios.Scenario{
		Metadata: manifest.Metadata{Name: "compressed"},
		Spec: scenarios.Spec{
			Claim: "It works.",
			Load: manifest.Load{Rate: 20, Requests: []manifest.Request{
				{Method: "POST", Path: "/orders", Body: `{"item":"book"}`, ReadBack: "/orders/${id}"},
			}},
			SteadyState: []scenarios.SLI{{SLI: "success", AtLeast: 0.8}},
			Baseline:    manifest.Duration(2 * time.Second),
			Sustained:   manifest.Duration(2 * time.Second),
			Gates:       scenarios.Gates{LoadFloor: 0.5, MaxLag: manifest.Duration(2 * time.Second), MaxHostLag: manifest.Duration(5 * time.Second), MaxProberLag: manifest.Duration(5 * time.Second)},
			Faults:      []scenarios.Fault{fault},
			Expect:      expect,
		},
	}
}

func kill() scenarios.Fault {
	return scenarios.Fault{Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 1}}
}

func binary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real processes")
	}
	path, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// carryOut runs and looks for what was left behind.
func carryOut(ctx context.Context, t *testing.T, cfg run.Config) *run.Outcome {
	t.Helper()
	cfg.Binary, cfg.State = binary(t), t.TempDir()
	if cfg.Out == "" {
		cfg.Out = filepath.Join(t.TempDir(), "out")
	}
	o, err := run.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := o.Events[0].Header
	if left := host.Residue(h.Run); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	last := o.Events[len(o.Events)-1]
	if last.Kind != timeline.KindEnd || len(last.End.Residue) > 0 {
		t.Errorf("the last event is %+v", last)
	}
	if leases, err := faults.Leases(cfg.State); err != nil || len(leases) > 0 {
		t.Errorf("leases left: %v, %v", leases, err)
	}
	if t.Failed() || testing.Verbose() {
		for _, c := range append(o.Judgement.Gates, o.Judgement.Checks...) {
			t.Logf("%s %s: %s, %s: %s", c.ID, c.Verdict, c.Measured, c.Limit, c.Reason)
		}
	}
	return o
}

// logLoad shows what users met, for a run that was not what it should be.
func logLoad(t *testing.T, o *run.Outcome) {
	t.Helper()
	for _, e := range o.Events {
		switch {
		case e.Load != nil:
			t.Logf("%s %s: second %d: %d of %d good, %v, p99 %s", o.Events[0].Header.Healers, e.At, e.Load.Second, e.Load.OK, e.Load.Intended, e.Load.Outcomes, e.Load.Latency.Quantile(0.99))
		case e.Phase != nil:
			t.Logf("%s %s: %s", o.Events[0].Header.Healers, e.At, e.Phase.Name)
		case e.Note != nil:
			t.Logf("%s %s: %s", o.Events[0].Header.Healers, e.At, e.Note.Text)
		}
	}
}

func phasesOf(o *run.Outcome) string {
	var all []string
	for _, e := range o.Events {
		if e.Phase != nil {
			all = append(all, string(e.Phase.Name))
		}
	}
	return strings.Join(all, " ")
}

const whole = "setup baseline inject observe revert settle audit teardown"

func TestCrashIsHealedAndTheControlMisses(t *testing.T) {
	t.Parallel()
	s := compressed(kill(), scenarios.Expect("capacityRestored", map[string]string{"within": "6s"}), scenarios.Expect("noAcknowledgedWriteLost", struct{}{}))
	pairs, err := run.Batch{
		Scenarios: []*scenarios.Scenario{s}, Control: run.ControlOwn, Seed: 7, Out: t.TempDir(),
		Config: run.Config{Binary: binary(t), State: t.TempDir()},
	}.Run(t.Context())
	if err != nil || len(pairs) != 1 {
		t.Fatal(pairs, err)
	}
	healed, control := pairs[0].Outcome, pairs[0].Control
	if healed.Judgement.Verdict != timeline.Pass {
		t.Errorf("healed: %s: %v", healed.Judgement.Verdict, healed.Judgement.Reasons)
	}
	if control.Judgement.Verdict != timeline.Fail {
		t.Errorf("control: %s: %v", control.Judgement.Verdict, control.Judgement.Reasons)
	}
	if t.Failed() {
		logLoad(t, healed)
		logLoad(t, control)
	}
	if got := phasesOf(healed); got != whole {
		t.Errorf("phases: %s", got)
	}
	for _, o := range []*run.Outcome{healed, control} {
		data, err := os.ReadFile(o.File)
		if err != nil {
			t.Fatal(err)
		}
		events, err := timeline.ReadAll(bytes.NewReader(data))
		if err != nil || len(events) != len(o.Events) {
			t.Errorf("%s holds %d of %d events: %v", o.File, len(events), len(o.Events), err)
		}
		for i, e := range events {
			if e.Seq != uint64(i)+1 || e.Cause >= e.Seq {
				t.Errorf("event %d has number %d and cause %d", i+1, e.Seq, e.Cause)
			}
		}
	}
	// The chain from what was done back to what was broken holds.
	chain := func(seq uint64) (kinds []timeline.Kind) {
		for ; seq != 0; seq = healed.Events[seq-1].Cause {
			kinds = append(kinds, healed.Events[seq-1].Kind)
		}
		return kinds
	}
	for _, e := range healed.Events {
		if e.Healing != nil && e.Healing.State == timeline.HealingAct && e.Healing.Verb == "restart" {
			if kinds := chain(e.Seq); kinds[len(kinds)-1] != timeline.KindFault {
				t.Errorf("the restart goes back to %v and not to the fault", kinds)
			}
			return
		}
	}
	t.Error("no restart is recorded")
}

func TestPlaceboIsInconclusive(t *testing.T) {
	t.Parallel()
	s := compressed(scenarios.Fault{Fault: "placebo", Target: faults.Selector{Workload: "orders"}}, scenarios.Expect("recoverWithin", "1s"))
	o := carryOut(t.Context(), t, run.Config{Scenario: s, Healers: sut.ArmOff})
	if o.Judgement.Verdict != timeline.Inconclusive || o.Judgement.Aborted {
		t.Errorf("%s: %v", o.Judgement.Verdict, o.Judgement.Reasons)
	}
	if got := phasesOf(o); got != strings.ReplaceAll(whole, "observe ", "") {
		t.Errorf("phases: %s", got)
	}
}

func TestInterrupted(t *testing.T) {
	for _, at := range []timeline.PhaseName{timeline.PhaseSetup, timeline.PhaseBaseline, timeline.PhaseObserve} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := compressed(
				scenarios.Fault{Fault: "hang", Target: faults.Selector{Workload: "orders", Count: 1}},
				scenarios.Expect("recoverWithin", "20s"),
			)
			o := carryOut(ctx, t, run.Config{Scenario: s, Healers: sut.ArmOff, Observe: func(e timeline.Event) {
				if e.Phase != nil && e.Phase.Name == at {
					cancel()
				}
			}})
			if !o.Judgement.Aborted {
				t.Errorf("not aborted: %s", o.Judgement.Verdict)
			}
			var stops []timeline.Event
			for _, e := range o.Events {
				if e.Stop != nil {
					stops = append(stops, e)
				}
			}
			if len(stops) != 1 || stops[0].Actor != timeline.ActorUser || stops[0].Stop.Reason != "interrupted" {
				t.Errorf("stops: %+v", stops)
			}
			reverted := false
			for _, e := range o.Events {
				reverted = reverted || e.Fault != nil && e.Fault.State == timeline.FaultReverted
			}
			if reverted != (at == timeline.PhaseObserve) {
				t.Errorf("reverted: %t", reverted)
			}
		})
	}
}

func TestStopConditionEndsTheRun(t *testing.T) {
	t.Parallel()
	s := compressed(kill(), scenarios.Expect("recoverWithin", "30s"))
	// Anything is below 100 %: a second with an answer too late trips it, and so
	// does one whose latency is above nothing.
	s.Spec.Stop.When = []scenarios.SLI{{SLI: "latency", Percentile: 50, AtMost: manifest.Duration(time.Nanosecond)}}
	o := carryOut(t.Context(), t, run.Config{Scenario: s})
	if !o.Judgement.Aborted {
		t.Errorf("not aborted: %s", o.Judgement.Verdict)
	}
}

func TestEngineIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := compressed(kill(), scenarios.Expect("capacityRestored", map[string]string{"within": "10s"}))
	s.Spec.Faults[0].At = manifest.Duration(time.Second)
	var once sync.Once
	var killed error
	o := carryOut(t.Context(), t, run.Config{Scenario: s, Observe: func() func(timeline.Event) {
		id := ""
		return func(e timeline.Event) {
			if e.Header != nil {
				id = e.Header.Run
			}
			if e.Phase != nil && e.Phase.Name == timeline.PhaseInject {
				once.Do(func() { killed = killEngine(id) })
			}
		}
	}()})
	if killed != nil {
		t.Fatal(killed)
	}
	if o.Judgement.Verdict != timeline.Pass {
		t.Errorf("%s: %v", o.Judgement.Verdict, o.Judgement.Reasons)
	}
	noted := false
	for _, e := range o.Events {
		noted = noted || e.Note != nil && strings.Contains(e.Note.Text, "started again")
	}
	if !noted {
		t.Error("that the engine was started again is not noted")
	}
}

// killEngine finds the engine of a run as an operator would: by its arguments.
func killEngine(id string) error {
	for _, line := range host.Residue(id) {
		var pid int
		if _, err := fmt.Sscanf(line, "process %d:", &pid); err == nil && strings.Contains(line, " _engine ") {
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return errors.New("there is no engine")
}

func TestSetupFails(t *testing.T) {
	t.Parallel()
	bin := binary(t)
	dir := t.TempDir()
	system := filepath.Join(dir, "system.yaml")
	if err := os.WriteFile(system, []byte(`
apiVersion: rebound.dev/v1
kind: System
metadata: {name: broken}
spec:
  entry: {workload: orders, port: http}
  workloads:
    - {name: orders, command: [/nothing/there], ports: [{name: http}]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := compressed(kill(), scenarios.Expect("recoverWithin", "1s"))
	s.Spec.System, s.Spec.Healing.Policy = system, "shop"
	id := ""
	o, err := run.Run(t.Context(), run.Config{
		Scenario: s, Binary: bin, State: t.TempDir(), Out: filepath.Join(dir, "out"), Healers: sut.ArmOff,
		Observe: func(e timeline.Event) {
			if e.Header != nil {
				id = e.Header.Run
			}
		},
	})
	if err == nil || o != nil {
		t.Fatalf("outcome %v, error %v", o, err)
	}
	if left := host.Residue(id); id == "" || len(left) > 0 {
		t.Errorf("run %q left behind: %v", id, left)
	}
}

func TestOutThatHoldsResultsIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "result.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := run.Run(t.Context(), run.Config{Scenario: compressed(kill(), scenarios.Expect("recoverWithin", "1s")), Out: dir})
	if !errors.Is(err, run.ErrHoldsResults) {
		t.Errorf("got %v", err)
	}
}

func TestNativeIsMissing(t *testing.T) {
	_, err := run.Run(t.Context(), run.Config{Scenario: compressed(kill(), scenarios.Expect("recoverWithin", "1s")), Healers: sut.ArmNative})
	var missing *sut.Missing
	if !errors.As(err, &missing) || missing.WayOut == "" {
		t.Errorf("got %v", err)
	}
}

func TestDryRunIsStable(t *testing.T) {
	s, err := scenarios.Load("crash")
	if err != nil {
		t.Fatal(err)
	}
	a, errA := run.DryRun(s, "process", 7)
	b, errB := run.DryRun(s, "process", 7)
	var textA, textB bytes.Buffer
	if err := errors.Join(errA, errB, a.Text(&textA), b.Text(&textB)); err != nil {
		t.Fatal(err)
	}
	if textA.String() != textB.String() || !strings.Contains(textA.String(), "orders/") {
		t.Errorf("%s\n%s", &textA, &textB)
	}
}

// TestDryRunStatesTheRounding of budgets and staggers, and on a cluster also of the
// budgets that the manifests declare.
func TestDryRunStatesTheRounding(t *testing.T) {
	s, err := scenarios.Load("crash")
	if err != nil {
		t.Fatal(err)
	}
	const declared = "  budget  PodDisruptionBudget orders: minAvailable 2 of 3: 1 may be away, 2 must stay\n"
	for platform, others := range map[string]bool{"": false, run.PlatformProcess: false, run.PlatformKind: true} {
		plan, err := run.DryRun(s, platform, 7)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := plan.Text(&text); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"  budget  gateway: maxUnavailable 1 of 1: 1 may be away, 0 must stay\n",
			"  budget  orders: minAvailable 2 of 3: 1 may be away, 2 must stay\n",
			"  stagger  orders: 25% of 3, rounded down but at least one: 1 at once may be between restart and ready\n",
		} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("on %q: it lacks %q:\n%s", platform, want, &text)
			}
		}
		if strings.Contains(text.String(), declared) != others {
			t.Errorf("on %q: the budget of the manifests is told: %v, want %v:\n%s", platform, !others, others, &text)
		}
	}
	if _, err := run.DryRun(s, "moon", 7); !errors.Is(err, run.ErrPlatform) {
		t.Errorf("on a platform that there is not: %v", err)
	}
}
