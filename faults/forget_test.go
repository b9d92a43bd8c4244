package faults_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// deadLease is a lease whose guardian is dead, with these lines in its journal.
func deadLease(t *testing.T, state, run string, lines ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(state, "leases", run)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"owner.json": `{"run":"` + run + `","pid":999999999}`, "journal.jsonl": strings.Join(lines, "\n") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What can never be undone is tried for ever, and the error says how to end that. What
// is forgotten is told, and what can be undone is.
func TestForgetLease(t *testing.T) {
	state := t.TempDir()
	file := touch(t, "a")[0]
	dir := deadLease(t, state, "dead",
		`{"arm":1,"op":{"kind":"remove","args":{"path":"/x","after":"`+state+`/never"}}}`,
		`{"arm":2,"op":{"kind":"remove","args":{"path":"`+file+`"}}}`)
	if _, err := faults.RevertLeases(t.Context(), state, undoFile); err == nil || !strings.Contains(err.Error(), "rebound faults revert --forget dead") {
		t.Fatalf("it names no way out: %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := faults.ForgetLease(gone, state, "dead", func(ctx context.Context, _ harm.Op) error { return ctx.Err() }); !errors.Is(err, context.Canceled) || !exists(dir) {
		t.Errorf("interrupted: %v, the lease exists: %t", err, exists(dir))
	}
	info, err := faults.ForgetLease(t.Context(), state, "dead", undoFile)
	if err != nil || info.Run != "dead" || len(info.Ops) != 1 || !strings.Contains(string(info.Ops[0].Args), "never") || info.Problem == "" {
		t.Errorf("forgot %+v, %v", info, err)
	}
	if exists(dir) || exists(file) {
		t.Errorf("the lease exists: %t, what could be undone: %t", exists(dir), exists(file))
	}
	if left, err := faults.RevertLeases(t.Context(), state, undoFile); err != nil || len(left) > 0 {
		t.Errorf("afterwards: %v, %v", left, err)
	}
}

func TestForgetLeaseOfNobody(t *testing.T) {
	state := t.TempDir()
	guardian(t, state, "alive", time.Minute)
	for run, want := range map[string]error{"": faults.ErrNoLease, "..": faults.ErrNoLease, "none": faults.ErrNoLease, "alive": nil} {
		_, err := faults.ForgetLease(t.Context(), state, run, undoFile)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", run, err)
		}
	}
	if left, err := faults.Leases(state); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
