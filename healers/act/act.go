package act

import (
	"context"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/repair"
	"github.com/rebound-chaos/rebound/healers"
)

// Actuator carries out acts on one system.
type Actuator struct{ system sut.System }

var _ healers.Actuator = (*Actuator)(nil)

// New makes an actuator for a system.
func New(sys sut.System) *Actuator { return &Actuator{system: sys} }

// Do carries out one act and says how it ended. ctx ends with the act's
// deadline, or when the engine ends. Without a grant for this very act
// nothing is touched.
func (a *Actuator) Do(ctx context.Context, g healers.Grant, act healers.Act) healers.Done {
	done := healers.Done{ID: act.ID}
	if !g.Allows(act) {
		done.Result, done.Detail = healers.ResultRefused, "the guard has not granted this act"
		return done
	}
	verb, err := sut.Find[repair.Verb](a.system, sut.Capability("repair."+string(act.Verb)), act.Target)
	if err == nil {
		err = verb.Do(ctx, act.Target, act.Args)
	}
	done.Result = result(ctx, err)
	if err != nil {
		done.Detail = fmt.Sprintf("%s %s: %v", act.Verb, act.Target.ID, err)
	}
	return done
}

// result says what an error of a verb means. A deadline leaves open whether the
// work was done; everything else is known.
func result(ctx context.Context, err error) healers.Result {
	var missing *sut.Missing
	switch {
	case err == nil:
		return healers.ResultOK
	case errors.Is(err, sut.ErrAlready):
		return healers.ResultAlready
	case errors.Is(err, sut.ErrGone), errors.As(err, &missing):
		return healers.ResultRefused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return healers.ResultUnknown // it was begun, and nobody knows how far it came
	default:
		return healers.ResultFailed
	}
}
