package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios"
)

func TestPairKeepsWhatItHas(t *testing.T) {
	missing := fmt.Errorf("run it: %w", &sut.Missing{Capability: "x", Reason: "no x"})
	broken := errors.New("the engine does not run")
	for _, c := range []struct {
		name                    string
		run, control            error
		skipped, withoutControl bool
		err                     string
	}{
		{name: "all well"},
		{name: "the control is missing", control: missing, withoutControl: true},
		{name: "both are missing", run: missing, control: missing, skipped: true},
		{name: "the run alone is missing", run: missing, skipped: true},
		{name: "the run breaks down and the control is missing", run: broken, control: missing, withoutControl: true, err: "healers rebound: the engine"},
		{name: "the run is missing and the control breaks down", run: missing, control: broken, skipped: true, err: "healers off: the engine"},
		{name: "the control breaks down", control: broken, err: "crash, run 1, healers off: the engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Pair{Scenario: "crash", Run: 1, Outcome: &Outcome{}, Control: &Outcome{}}
			p.settle(c.run, c.control, sut.ArmRebound, sut.ArmOff)
			if (p.Missing != nil) != c.skipped || (p.ControlMissing != nil) != c.withoutControl {
				t.Errorf("missing %v, control missing %v", p.Missing, p.ControlMissing)
			}
			if p.Outcome == nil || p.Control == nil {
				t.Error("an outcome is lost")
			}
			if c.err == "" && p.Err != nil || c.err != "" && (p.Err == nil || !strings.Contains(p.Err.Error(), c.err)) {
				t.Errorf("error %v, want %q", p.Err, c.err)
			}
		})
	}
}

func crash(t *testing.T) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load("crash")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckLooksIntoEveryFolder(t *testing.T) {
	s := crash(t)
	for folder, b := range map[string]Batch{
		".":               {},
		"crash/rebound/2": {Runs: 2},
		"crash/off/1":     {Control: ControlOwn},
	} {
		b.Scenarios, b.Out = []*scenarios.Scenario{s}, t.TempDir()
		if err := b.Check(); err != nil {
			t.Errorf("an empty folder: %v", err)
		}
		dir := filepath.Join(b.Out, folder)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "timeline.jsonl"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); !errors.Is(err, ErrHoldsResults) {
			t.Errorf("results in %s: %v", folder, err)
		}
		b.Out = filepath.Join(dir, "timeline.jsonl")
		if err := b.Check(); err == nil {
			t.Error("a file is taken for a folder")
		}
	}
	if err := (Batch{Healers: "nobody"}).Check(); err == nil {
		t.Error("an arm that there is not is taken")
	}
}

// Where the claim is a comparison, the control is played unasked.
func TestControlThatIsAlwaysPlayed(t *testing.T) {
	always := crash(t)
	always.Spec.Control.Always = true
	for _, c := range []struct {
		of             *scenarios.Scenario
		healers, asked sut.Arm
		want           sut.Arm
	}{
		{crash(t), "", "", ""},
		{crash(t), "", ControlOwn, sut.ArmOff},
		{crash(t), "", ControlNone, ""},
		{always, "", "", sut.ArmOff},
		{always, sut.ArmNative, "", ""},
		{always, "", ControlNone, ""},
		{always, "", sut.ArmNative, sut.ArmNative},
	} {
		b := Batch{Scenarios: []*scenarios.Scenario{c.of}, Healers: c.healers, Control: c.asked}
		if got := b.control(c.of); got != c.want || b.joint() != (c.want != "") {
			t.Errorf("always %v, healers %q, asked for %q: got %q, want %q; more than one: %v", c.of == always, c.healers, c.asked, got, c.want, b.joint())
		}
	}
}

func TestNativeIsSkippedByName(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	out := filepath.Join(t.TempDir(), "out")
	pairs, err := Batch{
		Scenarios: []*scenarios.Scenario{crash(t)}, Healers: sut.ArmNative, Control: ControlOwn, Out: out, Config: Config{State: state},
	}.Run(t.Context())
	if err != nil || len(pairs) != 1 || pairs[0].Missing == nil || pairs[0].Scenario != "crash" {
		t.Fatalf("%+v %v", pairs, err)
	}
	for _, dir := range []string{state, out} {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s was made: the control was begun", dir)
		}
	}
}

func TestBatchSaysThatItWasCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pairs, err := Batch{Scenarios: []*scenarios.Scenario{crash(t)}, Out: t.TempDir()}.Run(ctx)
	if len(pairs) != 0 || !errors.Is(err, ErrInterrupted) {
		t.Errorf("%v %v", pairs, err)
	}
}

// A run without an outcome does not end the batch: here the folder of the state
// cannot be made.
func TestBatchGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hang, err := scenarios.Load("hang")
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := Batch{
		Scenarios: []*scenarios.Scenario{crash(t), hang}, Out: t.TempDir(), Config: Config{State: filepath.Join(file, "state")},
	}.Run(t.Context())
	if len(pairs) != 2 || !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "--state DIR or XDG_STATE_HOME") {
		t.Fatalf("%v %v", pairs, err)
	}
	for _, p := range pairs {
		if p.Err == nil || !strings.Contains(err.Error(), p.Scenario+", run 1") {
			t.Errorf("%s: %v", p.Scenario, p.Err)
		}
	}
}

func TestNoHomeIsToldWithTheWayOut(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := StateDir(""); !errors.Is(err, ErrState) {
		t.Errorf("got %v", err)
	}
}

// What a platform cannot make of a system is said before anything is started.
func TestSystemThatSaysNothingOfKubernetes(t *testing.T) {
	s := crash(t)
	s.Spec.System = writeFile(t, "system.yaml", `
apiVersion: rebound.dev/v1
kind: System
metadata: {name: mine}
spec:
  entry: {workload: orders, port: http}
  workloads:
    - {name: orders, replicas: 3, image: orders:1, command: [orders], ports: [{name: http, number: 8080}]}
`)
	for platform, ok := range map[string]bool{PlatformContainers: true, PlatformKind: false} {
		err := Batch{Scenarios: []*scenarios.Scenario{s}, Config: Config{Platform: platform}}.Check()
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "crash on kind: the system mine says nothing of Kubernetes") {
			t.Errorf("%s: %v", platform, err)
		}
	}
}
