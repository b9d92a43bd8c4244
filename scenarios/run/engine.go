package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/healers/control"
)

const (
	engineStarts = 6                      // in one run
	enginePause  = 500 * time.Millisecond // before it is started again
	engineGrace  = 3 * time.Second        // for it to end by itself
)

// The files of the engine of a run, in its folder.
const (
	JournalFile = "journal.db"   // its records
	TapeFile    = "inputs.jsonl" // all that it saw, by which its decisions can be made again
)

// engine is the healing engine's process: started, and started again when it
// ends, since what it knows is in its journal.
type engine struct {
	binary, socket, policy, journal, control, fleet, tape, log, run string
	seed                                                            uint64
	lease                                                           harm.Lease
	rec                                                             *record
}

// Run keeps the engine alive until ctx ends, which is no error.
func (e *engine) Run(ctx context.Context) error {
	for n := 1; ; n++ {
		err := e.once(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // we ended it, however it took that
		}
		if n == engineStarts {
			return fmt.Errorf("run the engine: it ended %d times, the last: %w", n, err)
		}
		e.rec.note(fmt.Sprintf("the engine ended (%v) and was started again", err))
		pause := time.NewTimer(enginePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// once is one life of the process. Its parent-death signal hangs on the thread
// that started it, so that thread is kept until it has ended.
func (e *engine) once(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ended <- e.process(ctx)
	}()
	return <-ended
}

func (e *engine) process(ctx context.Context) (err error) {
	log, err := os.OpenFile(e.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the engine's log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cmd := exec.CommandContext(ctx, e.binary, "_engine", "--system", e.socket, "--policy", e.policy,
		"--journal", e.journal, "--control", e.control, "--fleet", e.fleet, "--tape", e.tape, "--seed", strconv.FormatUint(e.seed, 10), "--run", e.run)
	cmd.Env = append(os.Environ(), host.RunVariable+"="+e.run)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = engineGrace
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	disarm := func(context.Context) error { return nil }
	if life, lifeErr := host.Incarnation(cmd.Process.Pid); lifeErr == nil {
		if d, armErr := e.lease.Arm(ctx, host.KillGroup(cmd.Process.Pid, life, e.run)); armErr == nil {
			disarm = d
		}
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it left in its group
	return errors.Join(err, disarm(context.WithoutCancel(ctx)))
}

// control is where people reach the engine. The engine makes the socket and removes it;
// what a killed one leaves is removed by us, and by the guardian after us.
func (s *session) control(ctx context.Context) (string, error) {
	path := control.Path(s.cfg.State, s.id)
	disarm, err := s.guardian.Arm(ctx, host.RemoveFile(path))
	if err != nil {
		return "", fmt.Errorf("arm the removal of %s: %w", path, err)
	}
	s.cleanup("remove the engine's socket", func(ctx context.Context) error {
		err := os.Remove(path)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, disarm(ctx))
	})
	return path, nil
}

// files writes what the engine is given to read.
func (e *engine) files(dir string, bundle []byte) error {
	e.policy = filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(e.policy, bundle, 0o600); err != nil {
		return fmt.Errorf("write the engine's policy: %w", err)
	}
	return nil
}
