package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What a step cannot get for want of a network is the machine's; what it makes wrong is
// the repository's.
func TestWhoseFaultAFailedStepIs(t *testing.T) {
	for _, c := range []struct {
		name, program, script string
		step                  func(p *provision) step
		machines              bool
		says                  string
	}{
		{"packages of an image", "docker", "echo 'E: Failed to fetch'; exit 100", func(p *provision) step { return p.fixture(image{name: redisImage}) }, true, "Failed to fetch"},
		{"a mistake in a Dockerfile", "docker", "echo 'unknown instruction'; exit 1", func(p *provision) step { return p.fixture(image{name: redisImage}) }, false, "unknown instruction"},
		{"packages of nodes", "docker", "exit 100", func(p *provision) step { return p.steps([]image{{name: "node"}})[1] }, true, "node packages"},
		{"modules", "go", "echo 'dial tcp: no such host'; exit 1", func(p *provision) step { return p.compiling(p.kubernetes()) }, true, "no such host"},
		{"a mistake in a command", "go", `[ "$1" = mod ] || { echo 'undefined: x'; exit 1; }`, func(p *provision) step { return p.compiling(p.kubernetes()) }, false, "undefined: x"},
		{"debootstrap", "debootstrap", "echo 'E: Failed getting release file'; exit 1", func(p *provision) step { p.repo = "../.."; return p.base() }, true, "Failed getting release file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			program(t, "apt-get", "exit 1") // this machine's has no part in it
			p, _ := testProvision(t)
			p.repo, p.work, p.version = t.TempDir(), t.TempDir(), "v1.34.4"
			put(t, p.path("nodeimage", "go.mod"), "module m")
			p.host.docker = program(t, "docker", "echo '[]'")
			if file := program(t, c.program, c.script); c.program == "docker" {
				p.host.docker = file
			}
			s := c.step(p)
			s.there = nil
			err := p.one(t.Context(), s)
			if err == nil || cannotHave(err) != c.machines || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one with %q that is the machine's: %t", err, c.says, c.machines)
			}
		})
	}
}

func TestModuleOfKindThatCannotBeHad(t *testing.T) {
	p, _ := testProvision(t)
	p.repo = "../.."
	program(t, "go", `echo '{"Path":"sigs.k8s.io/kind","Error":"dial tcp: no such host"}'; exit 1`)
	refuses(t, p.read(t.Context()), "no such host", "GOPROXY")
	program(t, "go", `echo 'go: errors parsing go.mod' >&2; exit 1`)
	if err := p.read(t.Context()); err == nil || cannotHave(err) || !strings.Contains(err.Error(), "errors parsing go.mod") {
		t.Errorf("error %v, want that of a go.mod that cannot be read", err)
	}
}

// Two things fail at once: what is missed must not hide what is broken.
func TestAFailureBesideWhatCannotBeHadIsOne(t *testing.T) {
	missed, broken := cannot("no network"), errors.New("undefined: x")
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"missed", missed, true},
		{"wrapped", fmt.Errorf("step: %w", missed), true},
		{"missed twice", errors.Join(missed, fmt.Errorf("step: %w", missed)), true},
		{"broken", broken, false},
		{"both", errors.Join(missed, broken), false},
		{"both, further in", fmt.Errorf("all: %w", errors.Join(missed, errors.Join(missed, broken))), false},
		{"ours", fmt.Errorf("build: %w: %w", errOurs, missed), false},
	} {
		if got := cannotHave(c.err); got != c.want {
			t.Errorf("%s: the machine cannot have it: %t, want %t", c.name, got, c.want)
		}
	}
}
