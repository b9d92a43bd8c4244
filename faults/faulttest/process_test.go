package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes, for a minute")
	}
	faulttest.ConformAll(t, faulttest.Platform{
		Name: "process", Undo: host.Undo, Start: startProcess, Crash: crashProcess,
		Lacks: []sut.Capability{harm.CanDelete, harm.CanStopNode, harm.CanFreezeNode, harm.CanDrain, harm.CanSurge},
	})
}

func startProcess(t *testing.T) faulttest.Rig {
	t.Helper()
	run := runID(t)
	s, err := process.Start(t.Context(), platform.Config{System: pair(), Run: run, Binary: os.Args[0]})
	if missing, ok := errors.AsType[*sut.Missing](err); ok {
		faulttest.Skip(t, "process", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := host.Residue(run); len(left) > 0 {
			t.Errorf("the system left behind: %v", left)
		}
	})
	closed(t, s)
	if err := serving(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	look := func(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
		if fault == "rollout" {
			return lookForNew(run, string(t.ID))
		}
		return lookAtProcess(ctx, fault, t)
	}
	return faulttest.Rig{System: s, Targets: targets, Look: look, Residue: func() []string { return scraps(run, processesOf(run)...) }}
}

// serving waits until every instance answers: one that has not begun to listen
// cannot be seen to hang.
func serving(ctx context.Context, s sut.System) error {
	all, err := snapshot(ctx, s)
	if err != nil {
		return err
	}
	for _, in := range all.Instances {
		pid, _, _ := strings.Cut(in.Incarnation, "+")
		if err := eventually(ctx, 20*time.Second, func(ctx context.Context) error {
			if ok, err := asks(ctx, "127.0.0.1:"+environ(pid, "REBOUND_PORT_HTTP")); !ok {
				return errors.Join(fmt.Errorf("%s does not serve", in.ID), err)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// lookAtProcess knows of the platform but what its children's environment tells.
func lookAtProcess(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
	pid, start, ok := strings.Cut(t.Incarnation, "+")
	if !ok {
		return false, "", fmt.Errorf("incarnation %q", t.Incarnation)
	}
	_, address, _ := strings.Cut(environ(pid, "REBOUND_LINK_STORE"), "=")
	own := "127.0.0.1:" + environ(pid, "REBOUND_PORT_HTTP")
	s := scene{
		pid: pid, volume: environ(pid, "REBOUND_VOLUME_DATA"),
		ask: func(ctx context.Context) (bool, error) { return asks(ctx, address) },
		own: func(ctx context.Context) (begins, ends bool, err error) { return hears(ctx, own) },
	}
	if _, began := stat(pid); began != start {
		s.pid = ""
	}
	return s.look(ctx, fault)
}

// lookForNew looks for processes of a workload that the system was not started with.
func lookForNew(run, workload string) (bool, string, error) {
	w, _ := pair().WorkloadNamed(workload)
	var fresh []string
	for _, pid := range processesOf(run) {
		of, n, _ := strings.Cut(environ(pid, "REBOUND_INSTANCE"), "/")
		if i, err := strconv.Atoi(n); err == nil && of == workload && i >= w.Replicas {
			fresh = append(fresh, pid)
		}
	}
	return len(fresh) > 0, fmt.Sprintf("new processes: %v", fresh), nil
}

// processesOf are the processes whose environment bears the name of a run.
func processesOf(run string) []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		if pid := filepath.Base(d); environ(pid, host.RunVariable) == run {
			out = append(out, pid)
		}
	}
	return out
}

// crashProcess waits until nothing is left of the system of the harness.
func crashProcess(t *testing.T, fault string, args json.RawMessage, n int) (left []string, ended bool) {
	t.Helper()
	d := doomed{Platform: "process", Fault: fault, Args: args, Entry: n}
	return d.play(t, func(context.Context) []string { return host.Residue(d.Run) })
}
