package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What nobody can undo any more fails every revert, until it is given up by name.
func TestRevertForgets(t *testing.T) {
	state := t.TempDir()
	dir := filepath.Join(state, "leases", "gone")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"owner.json":    `{"run":"gone","pid":999999999}`,
		"journal.jsonl": `{"arm":1,"op":{"kind":"moon.drop","args":{}}}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command(t, "faults", "revert", "--state", state); err == nil || !strings.Contains(err.Error(), "rebound faults revert --forget gone") {
		t.Fatalf("it names no way out: %v", err)
	}
	out, err := command(t, "faults", "revert", "--forget", "gone", "--state", state)
	if err != nil || !strings.Contains(out, "moon.drop") || !strings.Contains(out, "it is forgotten") || strings.Contains(out, "is undone") {
		t.Errorf("%v:\n%s", err, out)
	}
	if out, err := command(t, "faults", "revert", "--state", state); err != nil || strings.TrimSpace(out) != "none" {
		t.Errorf("afterwards %q, %v", out, err)
	}
}
