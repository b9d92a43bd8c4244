package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A command is a program to run to its end.
type command struct {
	args []string
	dir  string
	env  []string // beside this process's
	in   io.Reader
	log  io.Writer // where it writes; nil: into the error alone
	// alone: with mounts and processes of its own, that all end when it does, and it when
	// this process does, even when that is killed. It takes CAP_SYS_ADMIN.
	alone bool
}

// output runs it and returns what it wrote to its standard output. When ctx ends it
// is asked to end, with all that it started, and killed when it does not.
func (c command) output(ctx context.Context) (string, error) {
	var out, said bytes.Buffer
	cmd := c.prepare(ctx)
	cmd.Stdout, cmd.Stderr = &out, &said
	if c.log != nil {
		cmd.Stderr = io.MultiWriter(c.log, &said)
	}
	if err := cmd.Run(); err != nil {
		return out.String(), c.failed(err, said.String())
	}
	return out.String(), nil
}

// run runs it; all that it writes goes to the log.
func (c command) run(ctx context.Context) error {
	var said bytes.Buffer
	cmd := c.prepare(ctx)
	cmd.Stdout, cmd.Stderr = &said, &said
	if c.log != nil {
		cmd.Stdout, cmd.Stderr = c.log, c.log
	}
	if err := cmd.Run(); err != nil {
		return c.failed(err, said.String())
	}
	return nil
}

func (c command) prepare(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Stdin = c.dir, c.in
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if c.alone {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS // as which Go makes all mounts private
		// The first process of such a namespace heeds no other signal that it does not
		// handle, and takes all the others with it.
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// failed says which command, and the last thing it said.
func (c command) failed(err error, said string) error {
	shown := strings.Join(c.args, " ")
	if len(c.args) > 4 {
		shown = strings.Join(c.args[:4], " ") + " …"
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return fmt.Errorf("%s: %w: %s", shown, err, last)
	}
	return fmt.Errorf("%s: %w", shown, err)
}
