package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Kill ends an instance's process with a signal. There is nothing to revert:
// who starts it again is a healer.
type Kill struct {
	// Signal is SIGKILL, SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGSEGV or SIGHUP.
	// Empty: SIGKILL. A process that survives the signal was not killed, and the
	// fault is unseen.
	Signal string `json:"signal,omitempty"`
}

var deadly = map[string]syscall.Signal{
	"SIGKILL": syscall.SIGKILL, "SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT,
	"SIGABRT": syscall.SIGABRT, "SIGSEGV": syscall.SIGSEGV, "SIGHUP": syscall.SIGHUP,
}

func (k Kill) signal() (string, syscall.Signal, bool) {
	if k.Signal == "" {
		return "SIGKILL", syscall.SIGKILL, true
	}
	s, ok := deadly[k.Signal]
	return k.Signal, s, ok
}

// Validate checks the arguments.
func (k Kill) Validate() error {
	if _, _, ok := k.signal(); !ok {
		return fmt.Errorf("signal: %q is none of %s", k.Signal, strings.Join(slices.Sorted(maps.Keys(deadly)), ", "))
	}
	return nil
}

// Inject implements [Fault].
func (k Kill) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	killer, err := sut.Find[harm.Killer](env, harm.CanKill, env.Target)
	if err != nil {
		return nil, fmt.Errorf("kill %s: %w", env.Target, err)
	}
	name, signal, _ := k.signal()
	if err := killer.Kill(ctx, env.Target, signal); err != nil {
		return nil, fmt.Errorf("kill %s: %w", env.Target, err)
	}
	return &killed{killer: killer, env: env, name: name, signal: signal}, nil
}

type killed struct {
	killer harm.Killer
	env    Env
	name   string
	signal syscall.Signal
	over   bool // reverted: it must not be killed again
}

// Active asks twice: the verb, which must find nobody to kill, and the system's
// Watch, which must have told of the end.
func (k *killed) Active(ctx context.Context) (Evidence, error) {
	again := k.signal
	if again != syscall.SIGKILL || k.over {
		again = 0 // a second SIGTERM means something else to many programs
	}
	err := k.killer.Kill(ctx, k.env.Target, again)
	switch {
	case err == nil:
		return Evidence{Proof: fmt.Sprintf("%s still lives after %s", k.env.Target, k.name)}, nil
	case !errors.Is(err, sut.ErrGone):
		return Evidence{}, fmt.Errorf("look for %s: %w", k.env.Target, err)
	}
	proof := fmt.Sprintf("%s is gone after %s", k.env.Target, k.name)
	if k.env.Look != nil {
		in, ok := k.env.Look(k.env.Target.ID)
		if ok && in.Incarnation == k.env.Target.Incarnation && in.Phase != sut.PhaseExited {
			return Evidence{Proof: proof + ", but the system has not told of it"}, nil
		}
		if ok && in.LastExit.Signal != 0 {
			proof += fmt.Sprintf(" (exit by signal %d)", in.LastExit.Signal)
		}
	}
	return Evidence{Observed: true, Gone: true, Proof: proof}, nil
}

func (*killed) Renew(context.Context, time.Time) error { return nil }

func (k *killed) Revert(context.Context) error {
	k.over = true
	return nil
}
