package faults_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
)

// within polls until the condition holds; 20 s is generous for two busy cores.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func touch(t *testing.T, names ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, n := range names {
		p := filepath.Join(dir, n)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func guardian(t *testing.T, state, run string, lease time.Duration) *faults.Guardian {
	t.Helper()
	g, err := faults.StartGuardian(t.Context(), faults.GuardianConfig{Binary: os.Args[0], State: state, Run: run, Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.WithoutCancel(t.Context())) })
	return g
}

// harness starts a harness of its own process that armed the removal of paths.
type harness struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startHarness(t *testing.T, state, run string, lease time.Duration, paths ...string) *harness {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"_client", state, run, lease.String()}, paths...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	h := &harness{cmd, in, bufio.NewReader(out)}
	h.expect(t, "armed")
	return h
}

func (h *harness) expect(t *testing.T, want string) {
	t.Helper()
	line, err := h.out.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != want {
		t.Fatalf("the harness said %q (%v), want %q", line, err, want)
	}
}

func TestGuardianUndoesWhenTheHarnessIsKilled(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	p := touch(t, "a", "b")
	h := startHarness(t, state, "run1", time.Minute, p...)
	if fi, err := os.Stat(state); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v, %v; want mode 0700", fi.Mode(), err)
	}
	leases, err := faults.Leases(state)
	if err != nil || len(leases) != 1 || !leases[0].Alive || leases[0].Run != "run1" || len(leases[0].Ops) != 2 {
		t.Fatalf("leases while it runs: %+v, %v", leases, err)
	}
	if got, err := faults.RevertLeases(t.Context(), state, undoFile); err != nil || len(got) != 0 || !exists(p[0]) {
		t.Fatalf("the lease of the living was touched: %+v, %v", got, err)
	}
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	within(t, "files removed", func() bool { return !exists(p[0]) && !exists(p[1]) })
	within(t, "journal removed", func() bool { return !exists(filepath.Join(state, "leases", "run1")) })
}

func TestGuardianUndoesWhenNotRenewed(t *testing.T) {
	state := t.TempDir()
	p := touch(t, "a")
	h := startHarness(t, state, "run1", time.Second, p...)
	began := time.Now()
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	within(t, "files removed", func() bool { return !exists(p[0]) })
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("undone after %s, before the lease of 1 s was over", took)
	}
	within(t, "journal removed", func() bool { return !exists(filepath.Join(state, "leases", "run1")) })
}

func TestGuardianRenewsAndLeavesTheDisarmed(t *testing.T) {
	state := t.TempDir()
	p := touch(t, "disarmed", "armed")
	h := startHarness(t, state, "run1", 500*time.Millisecond, p...)
	if _, err := io.WriteString(h.in, "disarm\n"); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "disarmed")
	// Three leases long nothing may happen to a harness that lives.
	for end := time.After(1500 * time.Millisecond); ; {
		select {
		case <-time.After(50 * time.Millisecond):
			if !exists(p[1]) {
				t.Fatal("undone although the harness lives")
			}
			continue
		case <-end:
		}
		break
	}
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	within(t, "the armed one is removed", func() bool { return !exists(p[1]) })
	within(t, "journal removed", func() bool { return !exists(filepath.Join(state, "leases", "run1")) })
	if !exists(p[0]) {
		t.Error("what was disarmed was undone")
	}
}

func guardianPID(t *testing.T, state string) int {
	t.Helper()
	leases, err := faults.Leases(state)
	if err != nil || len(leases) != 1 {
		t.Fatalf("leases: %+v, %v", leases, err)
	}
	return leases[0].Guardian
}

func TestGuardianKilled(t *testing.T) {
	state := t.TempDir()
	p := touch(t, "a", "b")
	g := guardian(t, state, "run1", 0)
	if _, err := g.Arm(t.Context(), removal(p[0])); err != nil {
		t.Fatal(err)
	}
	disarm, err := g.Arm(t.Context(), removal(p[1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(guardianPID(t, state), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-g.Lost()
	if _, err := g.Arm(t.Context(), removal(p[0])); !errors.Is(err, faults.ErrLost) {
		t.Errorf("Arm without a guardian: %v, want ErrLost", err)
	}
	// What is released in order after the loss must not be undone later.
	for range 2 {
		if err := disarm(t.Context()); err != nil {
			t.Errorf("disarm without a guardian: %v", err)
		}
	}
	if err := g.Close(t.Context()); err == nil {
		t.Error("Close is silent about what is left")
	}
	got, err := faults.RevertLeases(t.Context(), state, undoFile)
	if err != nil || len(got) != 1 || got[0].Alive || len(got[0].Ops) != 1 {
		t.Errorf("reverted %+v, %v; want the one operation that is left", got, err)
	}
	if exists(p[0]) || !exists(p[1]) {
		t.Errorf("armed one exists: %v, disarmed one exists: %v", exists(p[0]), exists(p[1]))
	}
	if got, err := faults.RevertLeases(t.Context(), state, undoFile); err != nil || len(got) != 0 {
		t.Errorf("second revert: %+v, %v", got, err)
	}
}

func TestGuardianStopped(t *testing.T) {
	state := t.TempDir()
	g := guardian(t, state, "run1", 400*time.Millisecond)
	if err := syscall.Kill(guardianPID(t, state), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	within(t, "the loss is noticed", func() bool {
		select {
		case <-g.Lost():
			return true
		default:
			return false
		}
	})
}

func TestGuardianIsDeafToSignals(t *testing.T) {
	state := t.TempDir()
	p := touch(t, "a")
	g := guardian(t, state, "run1", 0)
	if _, err := g.Arm(t.Context(), removal(p[0])); err != nil {
		t.Fatal(err)
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(guardianPID(t, state), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Arm(t.Context(), removal(p[0])); err != nil {
		t.Errorf("a signal ended it: %v", err)
	}
	if !exists(p[0]) {
		t.Error("a signal made it undo")
	}
}

func TestGuardianCloseUndoesNewestFirstAndRetries(t *testing.T) {
	state := t.TempDir()
	dir := t.TempDir()
	p := touch(t, "1", "2", "3")
	log, gate := filepath.Join(dir, "log"), filepath.Join(dir, "gate")
	g := guardian(t, state, "run1", 0)
	for i, path := range p {
		f := fileOp{Path: path, Log: log}
		if i == 1 {
			f.After = gate // the second cannot be undone at first
		}
		if _, err := g.Arm(t.Context(), fileOperation(f)); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- g.Close(t.Context()) }()
	within(t, "the first round", func() bool { return !exists(p[0]) && !exists(p[2]) })
	within(t, "the problem is on record", func() bool {
		l, err := faults.Leases(state)
		return err == nil && len(l) == 1 && len(l[0].Ops) == 1 && strings.Contains(l[0].Problem, "gate")
	})
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	b, err := os.ReadFile(log)
	if want := strings.Join([]string{p[2], p[0], p[1]}, "\n") + "\n"; err != nil || string(b) != want {
		t.Errorf("undone in the order\n%s%v, want\n%s", b, err, want)
	}
	if l, err := faults.Leases(state); err != nil || len(l) != 0 {
		t.Errorf("left: %+v, %v", l, err)
	}
	select {
	case <-g.Lost():
		t.Error("a guardian that was closed counts as lost")
	default:
	}
	if err := g.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestStartGuardianRefuses(t *testing.T) {
	state := t.TempDir()
	g := guardian(t, state, "taken", 0)
	for name, c := range map[string]faults.GuardianConfig{
		"a run whose lease is held":       {Binary: os.Args[0], State: state, Run: "taken"},
		"a run that is no directory name": {Binary: os.Args[0], State: state, Run: "../x"},
		"no run":                          {Binary: os.Args[0], State: state},
		"a program that is no guardian":   {Binary: "/bin/true", State: state, Run: "r"},
		"a program that is not there":     {Binary: "/nowhere", State: state, Run: "r"},
	} {
		if other, err := faults.StartGuardian(t.Context(), c); err == nil {
			t.Errorf("%s was accepted", name)
			_ = other.Close(t.Context())
		}
	}
	if _, err := g.Arm(t.Context(), removal("/nowhere/at/all")); err != nil {
		t.Errorf("the holder of the lease was hurt: %v", err)
	}
	if _, err := os.Stat(filepath.Join(state, "leases", "taken", "owner.json")); err != nil {
		t.Errorf("the held lease was removed: %v", err)
	}
}

func TestRevertLeasesTornJournal(t *testing.T) {
	state := t.TempDir()
	p := touch(t, "a", "b", "c")
	dir := filepath.Join(state, "leases", "dead")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	line := func(n, path string) string {
		return `{"arm":` + n + `,"op":{"kind":"remove","args":{"path":"` + path + `"}}}`
	}
	journal := line("1", p[0]) + "\n" + line("2", p[1]) + "\n" + `{"disarm":2}` + "\n" + line("3", p[2])[:20]
	for name, text := range map[string]string{"owner.json": `{"run":"dead","pid":999999999}`, "journal.jsonl": journal} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := faults.RevertLeases(t.Context(), state, undoFile)
	if err != nil || len(got) != 1 {
		t.Fatalf("reverted %+v, %v", got, err)
	}
	if exists(p[0]) || !exists(p[1]) || !exists(p[2]) || exists(dir) {
		t.Errorf("armed %v, disarmed %v, torn %v, lease %v exist; want only the second and third", exists(p[0]), exists(p[1]), exists(p[2]), exists(dir))
	}
}

func TestRevertLeasesKeepsWhatItCannotUndo(t *testing.T) {
	state := t.TempDir()
	dir := filepath.Join(state, "leases", "dead")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"owner.json":    `{"run":"dead","pid":999999999}`,
		"journal.jsonl": `{"arm":1,"op":{"kind":"remove","args":{"path":"/x","after":"` + state + `/gate"}}}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := faults.RevertLeases(t.Context(), state, undoFile); err == nil || !exists(dir) {
		t.Fatalf("error %v, lease exists: %v; want an error and the lease kept", err, exists(dir))
	}
	if err := os.WriteFile(filepath.Join(state, "gate"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := faults.RevertLeases(t.Context(), state, undoFile); err != nil || exists(dir) {
		t.Errorf("error %v, lease exists: %v", err, exists(dir))
	}
}
