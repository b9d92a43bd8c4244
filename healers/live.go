package healers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// ErrFenced is returned by a [Journal] to an engine whose epoch is over: another
// has taken its place. It must stop acting and end.
var ErrFenced = errors.New("another engine has taken over")

// Checkpointer is a [Journal] that keeps checkpoints, so that a long history
// need not be folded from its beginning.
type Checkpointer interface {
	// Save keeps a checkpoint in the place of those before it. No record is
	// forgotten.
	Save(ctx context.Context, epoch uint64, c Checkpoint) error
}

// Prober asks the instances how they are; [probe.Runner] is the one there is.
// now is the engine's clock.
type Prober interface {
	Run(ctx context.Context, now func() time.Duration, report func(probe.Change)) error
}

// Meter reads metrics; [metric.Reader] is the one there is.
type Meter interface {
	Run(ctx context.Context, report func(metric.Batch)) error
}

const (
	defaultMaxActs = 16
	defaultGrace   = 2 * time.Second
	// keepWithin is how long an append may take, also when the shell is ending.
	keepWithin = 10 * time.Second
	// checkpointEvery is after how many records a checkpoint is kept.
	checkpointEvery = 4096
	// A watch that failed is begun again after these.
	rewatchFirst = 100 * time.Millisecond
	rewatchMost  = 5 * time.Second
	// notSooner keeps an engine that asks for the present instant from spinning.
	notSooner = time.Millisecond
)

// Live is the engine's shell in real time: collect what is new, Step, make the
// records durable, and only then act. Its fields are set before Run.
type Live struct {
	// Trial: the system is there to be tried on, and a new policy may act at once. Else
	// the kill switch is engaged until a person revives it.
	Trial bool
	// Seed is the engine's.
	Seed    uint64
	System  sut.System
	Policy  *policy.Policy
	Journal Journal
	// Actuator carries out acts on the system.
	Actuator Actuator
	// Prober is nil where nothing is probed.
	Prober Prober
	// Meter is nil where nothing is scaled.
	Meter Meter
	// Epoch is what the journal was claimed with; 0: one above its last record's.
	Epoch uint64
	// Sink is given every record of this run once it is durable, in order, and must
	// not keep it; nil: nobody is.
	Sink func(Record)
	// Tape is given every Input as a line of JSON before it is stepped, so that the
	// decisions can be made again from what was seen; nil: nobody is. One that cannot be
	// written ends the tape, and not the healing.
	Tape io.Writer
	// Notify tells people, page wakes one; nil: such acts are refused.
	Notify func(m Message, page bool)
	// Commands are of people, who have been checked; nil: there are none.
	Commands <-chan Command
	// MaxActs bounds the acts under way; 0 means 16.
	MaxActs int
	// Grace is how long acts under way may go on when ctx has ended; 0 means 2 s.
	Grace time.Duration
}

// Run heals until ctx ends, which is no error. It fails when the journal does:
// without a durable record nothing may be done. It returns when all that it
// began has ended.
func (l *Live) Run(ctx context.Context) error {
	s := &shell{live: l, tape: l.Tape, inbox: newInbox(), cancel: map[ActID]context.CancelFunc{}, drop: map[ActID]context.CancelFunc{}}
	if err := s.restore(ctx); err != nil {
		return err
	}
	inside, end := context.WithCancel(ctx)
	defer end()
	failed := make(chan error, 2) // of the prober and of the meter
	var sources sync.WaitGroup
	sources.Go(func() { s.watch(inside) })
	if l.Prober != nil {
		sources.Go(func() {
			if err := l.Prober.Run(inside, s.now, s.inbox.probed); err != nil {
				failed <- fmt.Errorf("probe: %w", err)
			}
		})
	}
	if l.Meter != nil {
		sources.Go(func() {
			from := l.Policy.Sources()
			if err := l.Meter.Run(inside, func(b metric.Batch) { s.inbox.metered(b, from[b.Source], s.now(), time.Now()) }); err != nil {
				failed <- err
			}
		})
	}
	err := s.loop(inside, failed)
	end()
	sources.Wait()
	s.finish()
	if err == nil {
		err = s.last(ctx)
	}
	return err
}
