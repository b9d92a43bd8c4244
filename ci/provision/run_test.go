package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What debootstrap leaves when it is killed must not be in the
// way of the next, neither its mounts nor its processes.
func TestAloneEndsWithUs(t *testing.T) {
	const inside = "REBOUND_PROVISION_ALONE"
	if dir := os.Getenv(inside); dir != "" {
		script := `mount -t tmpfs none "$1" && touch "$1/mounted" && echo mounted && sleep 1000; echo ended`
		err := command{args: []string{"sh", "-c", script, "sh", dir}, log: os.Stdout, alone: true}.run(t.Context())
		t.Fatal(err) // it is killed before
	}
	if h := lookAtHost(); !h.root || !h.sysAdmin {
		t.Skip("only root with CAP_SYS_ADMIN has namespaces")
	}
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	us := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	us.Env, us.Stdout = append(os.Environ(), inside+"="+dir), w
	if err := us.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("mounted\n"))
	if _, err := io.ReadFull(r, said); err != nil || string(said) != "mounted\n" {
		t.Errorf("it says %q: %v", said, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mounted")); err == nil {
		t.Error("its mounts are everybody's")
	}
	_ = us.Process.Kill()
	_ = us.Wait() // it was killed
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The pipe ends when the last of them has.
	if more, err := io.ReadAll(r); err != nil || len(more) > 0 {
		t.Errorf("after kill -9 of what started it, it goes on: %q, %v", more, err)
	}
}
