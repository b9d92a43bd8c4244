package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// These tests run the binary as users do, on real processes.

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

// rebound runs the binary to its end and returns its exit code and what it printed.
func rebound(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(t), args...)
	var out, diag bytes.Buffer
	c.Stdout, c.Stderr = &out, &diag
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String(), diag.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return exitPass, out.String(), diag.String()
}

// Without REBOUND_BIN the program is built: a test binary that took itself for it would
// start itself without end.
func TestTheProgramIsNotItsTest(t *testing.T) {
	binary(t)
	t.Setenv("REBOUND_BIN", "")
	path, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if self, err := os.Executable(); err != nil || path == self {
		t.Errorf("the program is taken to be %s, %v", path, err)
	}
}

// compressed is a scenario of a few seconds, for tests that do not judge healing.
const compressed = `apiVersion: rebound.dev/v1
kind: Scenario
metadata: {name: compressed}
spec:
  system: shop
  load: {rate: 50/s, requests: [{method: POST, path: /orders, body: '{"item":"book"}', readBack: "/orders/${id}"}]}
  baseline: 2s
  sustained: 3s
  gates: {loadFloor: 1%%, maxLag: 1m, maxHostLag: 1m, maxProberLag: 1m}
  steadyState: [{sli: success, atLeast: 1%%}]
  faults: [%s]
  expect: [{recoverWithin: 4s}]
`

var compressedFaults = []string{
	`{fault: kill, at: 200ms, target: {workload: orders}}`,
	`{fault: hang, at: 200ms, target: {workload: orders}}`,
	`{fault: disk-full, at: 200ms, target: {workload: store}, with: temp}`,
	`{fault: partition, at: 200ms, target: {workload: orders, to: store}}`,
}

func writeScenario(t *testing.T, fault string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "compressed.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, compressed, fault), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runOf reads the run id from a timeline; empty while there is none yet.
func runOf(path string) (id string) {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	stop := errors.New("found")
	_ = timeline.Read(f, func(e timeline.Event) error { id = e.Header.Run; return stop })
	return id
}

// within polls until holds, and tells whether it came to hold in time.
func within(t *testing.T, d time.Duration, holds func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return holds()
		case <-tick.C:
		}
	}
	return true
}

func TestKilledRunsLeaveNothing(t *testing.T) {
	bin := binary(t)
	const runs, atOnce = 10, 4
	turns := make(chan struct{}, atOnce)
	random := seed.Stream(7, "kill -9")
	for n := range runs {
		// Four at a time share two cores: a run lasts some 11 s, and each moment of it
		// is as likely as the other, the setup too.
		moment := time.Duration(random.Int64N(int64(10 * time.Second)))
		fault := compressedFaults[n%len(compressedFaults)]
		t.Run(fmt.Sprintf("%d after %s", n, moment.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			dir := t.TempDir()
			out, state := filepath.Join(dir, "out"), filepath.Join(dir, "state")
			c := exec.CommandContext(t.Context(), bin, "run", writeScenario(t, fault), "--seed", fmt.Sprint(n), "--out", out, "--state", state)
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.NewTimer(moment)
			defer timer.Stop()
			<-timer.C
			if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			_ = c.Wait() // it was killed
			id := runOf(filepath.Join(out, "timeline.jsonl"))
			left := func() []string {
				var all []string
				if id != "" {
					all = host.Residue(id)
				}
				leases, err := faults.Leases(state)
				if err != nil {
					all = append(all, err.Error())
				}
				for _, l := range leases {
					all = append(all, "lease "+l.Dir)
				}
				sockets, err := filepath.Glob(filepath.Join(state, "engines", "*"))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, sockets...)
				// Also of a run that was killed before it wrote its id: its children
				// carry this folder.
				return append(all, mentions(t, dir)...)
			}
			if !within(t, 12*time.Second, func() bool { return len(left()) == 0 }) {
				t.Errorf("killed after %s, it left: %s", moment, strings.Join(left(), "\n  "))
			}
		})
	}
}

// mentions lists the processes in whose arguments or environment a path stands.
func mentions(t *testing.T, path string) []string {
	t.Helper()
	var found []string
	all, err := filepath.Glob("/proc/[0-9]*/[ce][mn][dv]*") // cmdline, environ
	if err != nil {
		t.Fatal(err)
	}
	self := fmt.Sprintf("/proc/%d/", os.Getpid())
	for _, file := range all {
		if strings.HasPrefix(file, self) {
			continue
		}
		if args, err := os.ReadFile(file); err == nil && bytes.Contains(args, []byte(path)) {
			found = append(found, file+": "+strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return found
}

func TestInterruptedRunKeepsItsRecord(t *testing.T) {
	bin := binary(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	c := exec.CommandContext(t.Context(), bin, "run", writeScenario(t, compressedFaults[1]), "--seed", "1", "--out", out, "--state", filepath.Join(dir, "state"))
	var diag bytes.Buffer
	c.Stderr = &diag
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// In the worst moment: the fault is active.
	if !within(t, time.Minute, func() bool {
		data, err := os.ReadFile(filepath.Join(out, "timeline.jsonl"))
		return err == nil && bytes.Contains(data, []byte(`"state":"active"`))
	}) {
		t.Fatalf("the fault was never active:\n%s", diag.String())
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != exitAborted {
		t.Errorf("interrupted: %v, want exit code %d\n%s", err, exitAborted, diag.String())
	}
	for _, name := range []string{"timeline.jsonl", "result.json", "report.html", "junit.xml", "summary.md"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is not kept: %v", name, err)
		}
	}
	events := readTimeline(t, filepath.Join(out, "timeline.jsonl"))
	if !slices.ContainsFunc(events, func(e timeline.Event) bool {
		return e.Fault != nil && (e.Fault.State == timeline.FaultReverted || e.Fault.State == timeline.FaultOvertaken)
	}) {
		t.Error("the fault was not reverted")
	}
	if end := events[len(events)-1]; end.End == nil || len(end.End.Residue) > 0 {
		t.Errorf("the record ends with %+v", end)
	}
	if left := mentions(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func readTimeline(t *testing.T, path string) []timeline.Event {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	events, err := timeline.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestPlaceboIsInconclusive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, stdout, stderr := rebound(t, "run", "placebo", "--seed", "3", "--out", filepath.Join(dir, "out"), "--state", filepath.Join(dir, "state"))
	if code != exitInconclusive {
		t.Errorf("exit code %d, want %d\n%s\n%s", code, exitInconclusive, stdout, stderr)
	}
}

// acts are what the engine did, in order, without times.
func acts(events []timeline.Event) []string {
	var list []string
	for _, e := range events {
		if e.Healing != nil && e.Healing.State == timeline.HealingAct {
			list = append(list, e.Healing.Verb+" "+e.Target)
		}
	}
	return list
}

func TestTwoRunsOfASeedActAlikeAndAreJudgedAlike(t *testing.T) {
	dir, file := t.TempDir(), writeScenario(t, compressedFaults[0])
	_, plan, _ := rebound(t, "run", file, "--seed", "7", "--dry-run", "-o", "json")
	var planned []struct {
		Faults []struct {
			ID, Fault, Target string
			At                time.Duration
		}
	}
	if err := json.Unmarshal([]byte(plan), &planned); err != nil || len(planned) != 1 || len(planned[0].Faults) == 0 {
		t.Fatalf("%v: %s", err, plan)
	}
	var all [2][]string
	t.Run("runs", func(t *testing.T) {
		for n := range all {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				out := filepath.Join(dir, fmt.Sprint(n))
				code, stdout, stderr := rebound(t, "run", file, "--seed", "7", "--out", out, "--state", filepath.Join(dir, "state"))
				if code != exitPass {
					t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
				}
				record := filepath.Join(out, "timeline.jsonl")
				events := readTimeline(t, record)
				all[n] = acts(events)
				for i, f := range events[0].Header.Faults {
					if p := planned[0].Faults[i]; f.ID != p.ID || f.Fault != p.Fault || f.Target != p.Target || f.At != p.At {
						t.Errorf("it broke %+v, the dry run said %+v", f, p)
					}
				}
				if code, stdout, _ = rebound(t, "judge", record); code != exitPass {
					t.Errorf("judge exits with %d where the run passed:\n%s", code, stdout)
				}
			})
		}
	})
	if len(all[0]) == 0 {
		t.Error("a crash was healed without any act")
	}
	if !slices.Equal(all[0], all[1]) {
		t.Errorf("the same seed, and other acts:\n%v\n%v", all[0], all[1])
	}
}

// demoWithin is how long people are asked to watch.
const demoWithin = 150 * time.Second

// The controls of the demo show the same for the catalogue; this is the exit code,
// with healing and without.
func TestExitCodeTellsWhetherItHealed(t *testing.T) {
	t.Parallel()
	file := writeScenario(t, compressedFaults[0])
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("recoverWithin: 4s"), []byte("capacityRestored: {within: 6s}"), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for arm, want := range map[string]int{"rebound": exitPass, "off": exitFail} {
		t.Run(arm, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			code, stdout, stderr := rebound(t, "run", file, "--healers", arm, "--seed", "2", "--out", filepath.Join(dir, "out"), "--state", filepath.Join(dir, "state"))
			if code != want {
				t.Errorf("exit code %d, want %d\n%s\n%s", code, want, stdout, stderr)
			}
		})
	}
}

// What the demo plays the process suite plays too, and so make test is spared these
// two minutes.
func TestDemoHealsAndItsControlsMiss(t *testing.T) {
	if os.Getenv("REBOUND_NIGHTLY") == "" {
		t.Skip("the process suite plays the same: REBOUND_NIGHTLY=1 has the demo itself played")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	began := time.Now()
	code, stdout, stderr := rebound(t, "demo", "--seed", "11", "--out", out, "--state", filepath.Join(dir, "state"), "-o", "json")
	took := time.Since(began)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	// Nearly all of it is waiting, so that a busy machine does not lengthen it much.
	if took > demoWithin {
		t.Errorf("the demo took %s, and should take %s", took, demoWithin)
	}
	var joint struct {
		Runs []struct {
			Scenario string `json:"scenario"`
			Verdict  string `json:"verdict"`
			Control  *struct {
				Verdict string `json:"verdict"`
			} `json:"control"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(stdout), &joint); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range joint.Runs {
		names = append(names, r.Scenario)
		if r.Verdict != "pass" || r.Control == nil || r.Control.Verdict != "fail" {
			t.Errorf("%s: %+v", r.Scenario, r)
		}
	}
	if !slices.Equal(names, demoScenarios) {
		t.Errorf("the demo ran %v", names)
	}
}
