package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// PodKill removes an instance for good, as an operator would delete a pod. There
// is nothing to revert: who makes another is the platform's controller, or a healer.
type PodKill struct {
	// Grace is how long it may take to end by itself, up to 30s. 0: it is ended at once.
	Grace manifest.Duration `json:"grace,omitempty"`
}

// maxGrace is what Kubernetes gives a pod that says nothing.
const maxGrace = 30 * time.Second

// Validate checks the arguments.
func (k PodKill) Validate() error {
	if g := time.Duration(k.Grace); g < 0 || g > maxGrace {
		return fmt.Errorf("grace: %s is not between 0s and %s", g, maxGrace)
	}
	return nil
}

// Inject implements [Fault].
func (k PodKill) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	deleter, err := sut.Find[harm.Deleter](env, harm.CanDelete, env.Target)
	if err != nil {
		return nil, fmt.Errorf("delete %s: %w", env.Target, err)
	}
	if err := deleter.Delete(ctx, env.Target, time.Duration(k.Grace)); err != nil {
		return nil, fmt.Errorf("delete %s: %w", env.Target, err)
	}
	return deleted{env}, nil
}

type deleted struct{ env Env }

// Active asks the system's Watch alone: the verb has said that the order was
// taken, which is no evidence that anybody followed it.
func (d deleted) Active(context.Context) (Evidence, error) {
	t := d.env.Target
	if d.env.Look == nil {
		return Evidence{Proof: "nobody watches the system, so nobody has seen " + t.String() + " go"}, nil
	}
	in, ok := d.env.Look(t.ID)
	switch {
	case !ok:
		return Evidence{Observed: true, Gone: true, Proof: fmt.Sprintf("%s is gone from the system", t)}, nil
	case in.Incarnation != t.Incarnation:
		return Evidence{Observed: true, Gone: true, Proof: fmt.Sprintf("%s is gone, and %s lives in its place", t, in.Target)}, nil
	case in.Phase == sut.PhaseExited:
		return Evidence{Observed: true, Gone: true, Proof: fmt.Sprintf("%s has ended", t)}, nil
	default:
		return Evidence{Proof: fmt.Sprintf("the system still tells of %s, which is %s", t, in.Phase)}, nil
	}
}

func (deleted) Renew(context.Context, time.Time) error { return nil }
func (deleted) Revert(context.Context) error           { return nil }
