package main

import (
	"context"
	"errors"
	"os/exec"
)

// A shortage tells whether a step has failed for want of what it should have got from a
// network.
type shortage func(ctx context.Context, err error, log *stepLog) bool

// fetching is a step whose failure for want of something is the machine's. Every other
// failure of it stays one of this repository.
func fetching(s step, of shortage) step {
	do := s.do
	s.do = func(ctx context.Context, log *stepLog) (string, error) {
		what, err := do(ctx, log)
		if err != nil && of(ctx, err, log) {
			err = couldNot("this machine did not get what "+s.name+" takes", err, log,
				"see that it reaches a mirror of Debian and a Go module proxy (GOPROXY), and run this again")
		}
		return what, err
	}
	return s
}

// aptFailed is the exit status of apt-get where it gets no packages, and so of the build
// of an image that runs it.
const aptFailed = 100

// noPackages is the want of Debian's packages.
func noPackages(_ context.Context, err error, _ *stepLog) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.ExitCode() == aptFailed
}

// compiling is the step that compiles commands, which gets their modules as well. Where
// it failed, and they can be had, the commands are at fault.
func (p *provision) compiling(c commands) step {
	return fetching(p.compile(c), func(ctx context.Context, _ error, log *stepLog) bool {
		return command{args: []string{"go", "mod", "download"}, dir: p.path(c.module), env: goEnv(p.engine.arch), log: log}.run(ctx) != nil
	})
}
