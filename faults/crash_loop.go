package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// CrashLoop ends an instance's process, and each that is started in its place, as a
// program does that finds its configuration broken. Nothing is left to undo: the life
// that is under way when the fault ends is the first that goes on.
type CrashLoop struct {
	// After is how long each life lasts, up to 10s, counted from its start; one that is
	// older when the fault begins is ended at once. 0: each is ended as soon as it is seen.
	After manifest.Duration `json:"after,omitempty"`
}

// maxLife keeps the wait for the end of a life below what an injection may take.
const maxLife = injectWithin - 5*time.Second

// Validate checks the arguments.
func (c CrashLoop) Validate() error {
	if a := time.Duration(c.After); a < 0 || a > maxLife {
		return fmt.Errorf("after: %s is not between 0s and %s", a, maxLife)
	}
	return nil
}

// Inject implements [Fault]: it ends one life. The Injector comes again for the next.
func (c CrashLoop) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	killer, err := sut.Find[harm.Killer](env, harm.CanKill, env.Target)
	if err != nil {
		return nil, fmt.Errorf("kill %s: %w", env.Target, err)
	}
	if err := c.wait(ctx, env); err != nil {
		return nil, fmt.Errorf("wait to kill %s: %w", env.Target, err)
	}
	if err := killer.Kill(ctx, env.Target, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("kill %s: %w", env.Target, err)
	}
	return crashed{&killed{killer: killer, env: env, name: "SIGKILL", signal: syscall.SIGKILL}}, nil
}

// wait lets the life have its time: from now where nobody tells when it was started,
// or tells what is still to come by our clock.
func (c CrashLoop) wait(ctx context.Context, env Env) error {
	left := time.Duration(c.After)
	if env.Look != nil {
		if in, ok := env.Look(env.Target.ID); ok && in.Incarnation == env.Target.Incarnation && !in.Since.IsZero() {
			left -= max(time.Since(in.Since), 0)
		}
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crashed is a life that was ended, and not the last.
type crashed struct{ *killed }

func (c crashed) Active(ctx context.Context) (Evidence, error) {
	if c.over {
		return Evidence{Proof: "no life of " + string(c.env.Target.ID) + " is ended any more"}, nil
	}
	e, err := c.killed.Active(ctx)
	e.Gone = false // of this life; the fault waits for the next
	return e, err
}
