package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Fault is one way to break a target. It is a value of arguments: it keeps
// nothing of what it did, that is the Injection's.
type Fault interface {
	// Inject breaks env.Target. It returns when the verb is done, not when the
	// effect shows. On error nothing is left behind.
	Inject(ctx context.Context, env Env) (Injection, error)
}

// Env is all that a fault may touch.
type Env struct {
	// Harm looks up a verb of fixtures/sut/harm, or dial, as [sut.System] offers it.
	Harm func(c sut.Capability, t sut.Target) (any, error)
	// Look is what the system's Watch last said of an instance. nil: nobody watches.
	Look func(id sut.ID) (sut.Instance, bool)
	// Target is an instance, a link, a volume, a node or a zone.
	Target sut.Target
	// Lease is where the verbs write what undoes them, before they act.
	Lease harm.Lease
	// Rand is the fault's own stream of the run's seed.
	Rand *rand.Rand
}

// Evidence is what an independent look at the system showed.
type Evidence = harm.Evidence

// Injection is a fault that was injected. Its methods may be called from
// different goroutines, but never two at once.
type Injection interface {
	// Active looks at the system and tells whether the effect is there. Evidence
	// that says no is no error. It may be asked after Revert.
	Active(ctx context.Context) (Evidence, error)
	// Renew prolongs what expires by itself. Faults that last until they are
	// released, under a lease that renews itself, have nothing to do here.
	Renew(ctx context.Context, until time.Time) error
	// Revert undoes the fault and returns when the effect is over. It may be
	// called again, is fine with a target that is gone and with a healer that was
	// faster.
	Revert(ctx context.Context) error
}

// Definition describes a fault for the registry, the command line and the docs.
type Definition struct {
	Name    string
	Summary string // one sentence
	// Of is the kind of thing that it breaks.
	Of sut.Kind
	// EndsWithIncarnation: it is over when the process that it hit is, as a hang
	// is. A fault of a link, a volume, a node or a zone is put back on the next one.
	EndsWithIncarnation bool
	// EachLife: what it did to one life is over, and it is injected anew into each that
	// follows, as a crash loop is.
	EachLife bool
	// Needs is the capability that a platform must offer for it. Empty: none.
	Needs sut.Capability
	// ConfirmWithin and RevertWithin are how long its evidence and its undoing may
	// take, of a fault that is slower than most. 0: as long as the Injector waits for any.
	ConfirmWithin, RevertWithin time.Duration
	// New makes the fault from its arguments, strictly. None, and null, are the
	// zero value. Its error says what is wrong with them.
	New func(args json.RawMessage) (Fault, error)
	// Args is the zero value of the arguments, for docs and strict checks.
	Args any
}

// ErrArgs is wrapped by what Definition.New says of bad arguments.
var ErrArgs = errors.New("bad arguments")

// decode makes a constructor for a fault whose fields are its arguments.
func decode[F interface {
	Fault
	Validate() error
}](raw json.RawMessage) (Fault, error) {
	var f F
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrArgs, err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: more than one value", ErrArgs)
		}
	}
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	return f, nil
}

// Offer implements the lookup that [sut.Find] asks for, and bounds it to harm and to
// dialing, which is what users do: a fault that could reach a verb that mends would
// blur who did what.
func (e Env) Offer(c sut.Capability, t sut.Target) (any, error) {
	if !strings.HasPrefix(string(c), "harm.") && c != sut.CanDial {
		return nil, fmt.Errorf("look up %s for %s: faults reach harm verbs and dial only", c, t.ID)
	}
	return e.Harm(c, t)
}

// held is the Injection of every fault that is one Hold.
type held struct{ hold harm.Hold }

func (h held) Active(ctx context.Context) (Evidence, error) { return h.hold.Observe(ctx) }
func (held) Renew(context.Context, time.Time) error         { return nil }
func (h held) Revert(ctx context.Context) error             { return h.hold.Release(ctx) }
