package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program puts a shell script where programs are sought first.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return file
}

// refuses wants an error that -if-possible passes over, and that says all this.
func refuses(t *testing.T, err error, says ...string) {
	t.Helper()
	if !cannotHave(err) {
		t.Fatalf("error %v, want one that says what this machine cannot have", err)
	}
	for _, s := range append(says, "make test") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("says %q, want %q in it", err, s)
		}
	}
}

func TestPackagesThatCannotBeHad(t *testing.T) {
	p, _ := testProvision(t)
	program(t, "apt-get", "echo 'E: Could not resolve the mirror'; exit 100")
	refuses(t, p.one(t.Context(), p.engineStep(installEngine)), "got no Docker engine", "exit status 100", "Could not resolve the mirror", "--privileged", "docker.log")
	refuses(t, p.one(t.Context(), p.tools("disk tools")), "got no disk tools", "Could not resolve the mirror", "install e2fsprogs")
}

// An unprivileged container has all of Docker, and dockerd ends in it.
func TestEngineThatCannotStart(t *testing.T) {
	p, _ := testProvision(t)
	program(t, "cgroupfs-mount", "exit 0") // where none are mounted, none are by a test
	p.daemonLog = filepath.Join(t.TempDir(), "dockerd.log")
	p.host = host{root: true, sysResource: true, dockerd: program(t, "dockerd", "echo 'failed to mount overlay: operation not permitted' >&2; exit 1")}
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	refuses(t, p.one(t.Context(), p.engineStep(startEngine)), "dockerd ended", "operation not permitted", defaultSocket)
}

// The second start finds the configuration of the first, or what a user has made of it.
func TestConfigurationOfTheFilter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "daemon.json")
	for range 2 {
		if err := configureFilter(file); err != nil {
			t.Fatal(err)
		}
	}
	merged := `{"log-driver":"journald","default-runtime":"` + filterName + `","runtimes":{"other":{"path":"/o"},"` + filterName + `":{"path":"` + filterPath + `"}}}`
	for text, fits := range map[string]bool{
		merged: true, strings.Replace(merged, filterPath, "/elsewhere", 1): false, `{"log-driver":"journald"}`: false, `{`: false, ``: false,
	} {
		put(t, file, text)
		err := configureFilter(file)
		if (err == nil) != fits || err != nil && (!cannotHave(err) || !strings.Contains(err.Error(), `"default-runtime": "`+filterName+`"`)) {
			t.Errorf("%s: error %v, want that it fits: %t", text, err, fits)
		}
		if left, err := os.ReadFile(file); err != nil || string(left) != text {
			t.Errorf("%s has become %s, %v", text, left, err)
		}
	}
}
