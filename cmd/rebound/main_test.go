package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// command runs a command line in this process.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestExitCodesOfMistakes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: rebound.dev/v1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  lod: {}\n  baseline: 5\n  faults: [{fault: kill, target: {workload: nobody}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	crash, err := os.ReadFile("../../scenarios/catalog/crash.yaml")
	if err != nil {
		t.Fatal(err)
	}
	another := filepath.Join(t.TempDir(), "another.yaml")
	used := filepath.Join(t.TempDir(), "crash", "off", "1")
	if err := errors.Join(
		os.WriteFile(another, crash, 0o600), os.MkdirAll(used, 0o700), os.WriteFile(filepath.Join(used, "timeline.jsonl"), nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"nosuchverb"},
		{"run"},
		{"run", "nosuchscenario"},
		{"run", "crash", "--on", "moon"},
		{"run", "crash", "--on", "current-context"},
		{"run", "crash", "--on", "current-context", "--context", "staging", "--kubeconfig", "no/such/file"},
		{"run", "crash", "--on", "kind", "--context", "staging"},
		{"run", "crash", "--on", "containers", "--kubeconfig", "file"},
		{"run", "crash", "--allow-kube-system"},
		{"run", "crash", "--healers", "nobody"},
		{"run", "crash", "--healers", "off", "--control=off"},
		{"run", "crash", "--runs", "0"},
		{"run", "crash", "crash"},
		{"run", "crash", "--dry-run", "-o", "yaml"},
		{"run", "crash", "-o", "yaml"},
		{"run", "crash", "--dry-run", "--healers", "nobody"},
		{"run", "crash", "--dry-run", "--control=nobody"},
		{"run", "crash", another, "--dry-run"},
		{"run", "crash", "--out", used},
		{"run", "crash", "--out", filepath.Dir(filepath.Dir(filepath.Dir(used))), "--control"},
		{"run", "crash", "--out", bad},
		{"run", "crash", "--state", filepath.Join(bad, "state")},
		{"faults", "try", "nosuch"},
		{"faults", "try", "hang", "--on", "moon"},
		{"faults", "try", "hang", "--on", "current-context"},
		{"capabilities", "--on", "moon"},
		{"faults", "try", "hang", "--to", "store"},
		{"faults", "try", "hang", "--args", "{"},
		{"faults", "try", "hang", "--state", filepath.Join(bad, "state")},
		{"run", bad},
		{"run", bad, "--dry-run"},
		{"judge", "no/such/file"},
		{"why"},
		{"why", ""},
		{"why", "orders/1"}, // no run is live
		{"why", "orders/1", "--in", "no/such/folder"},
		{"why", "orders/1", "--in", filepath.Dir(bad)},
		{"why", "orders/1", "--in", filepath.Dir(bad), "--run", "3f9a"},
		{"pause"},
		{"pause", "--kill", "my turn"},
		{"resume", "--run", "3f9a"},
		{"restart"},
		{"restart", "orders"},
		{"report", t.TempDir()},
		{"list", "nothing"},
		{"faults", "try"},
		{"faults", "revert", "--forget", "nobody"},
		{"demo", "extra"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			state := t.TempDir()
			t.Setenv("XDG_STATE_HOME", state)
			if code := execute(t.Context(), args); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			if left, err := os.ReadDir(state); err != nil || len(left) > 0 {
				t.Errorf("a mistake in the input started something: %v %v", left, err)
			}
		})
	}
}

// A verb that is mistyped is a mistake, wherever it stands.
func TestMistypedVerbs(t *testing.T) {
	var walk func(c *cobra.Command, path ...string)
	walk = func(c *cobra.Command, path ...string) {
		if !c.HasSubCommands() {
			return
		}
		if code := execute(t.Context(), append(slices.Clone(path), "nosuchverb")); code != exitUsage {
			t.Errorf("%v nosuchverb: exit code %d, want %d", path, code, exitUsage)
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" { // which says that there is no help for it
				walk(sub, append(slices.Clone(path), sub.Name())...)
			}
		}
	}
	walk(newRoot())
}

func TestBadScenarioNamesAllMistakesAtOnce(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: rebound.dev/v1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  lod: {}\n  baseline: 5\n  faults: [{fault: kil, target: {workload: nobody}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := command(t, "run", bad)
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{bad + ":5:", "spec.lod", bad + ":6:", "spec.baseline", "unit", bad + ":7:", "spec.faults[0].fault"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}

func TestDryRunIsStable(t *testing.T) {
	first, err := command(t, "run", "crash", "--seed", "7", "--dry-run", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	second, err := command(t, "run", "crash", "--seed", "7", "--dry-run", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	if first != second || !strings.Contains(first, `"orders/`) {
		t.Errorf("not equal, or empty:\n%s\n%s", first, second)
	}
	other, err := command(t, "run", "hang", "--seed", "8", "--dry-run", "-o", "json")
	if err != nil || other == first {
		t.Errorf("another scenario and seed give the same plan: %v", err)
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	want, err := command(t, "list", "--markdown")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/reference.md is old: run `make docs`")
	}
}
