package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Event is a change of one item of the schedule.
type Event struct {
	At     time.Duration // by Injector.Now
	ID     string        // as Item
	Fault  string
	Target sut.Target // with the incarnation that was hit
	State  timeline.FaultState
	// Proof is what was seen; of a failure, what went wrong.
	Proof string
}

// Injector plays a Schedule against a system: it injects each item at its time,
// asks for evidence, holds it, puts it back on a new incarnation where that is the
// fault's nature, and reverts it. It is used for one run and then thrown away.
type Injector struct {
	System   sut.System
	Schedule Schedule
	Lease    harm.Lease
	// Now is the run's clock, for events; nil counts from Run.
	Now func() time.Duration
	// Event is told of every change, in order. It must be quick and must not call
	// the Injector. nil: nobody is told.
	Event func(Event)
	// ConfirmWithin is how long evidence, and a living target, are waited for; 0 means 5 s.
	ConfirmWithin time.Duration
	// Faults are the faults that exist; nil means Builtin.
	Faults []Definition

	reverting sync.Mutex // held by Revert

	mu        sync.Mutex
	items     []*item
	injected  int // how many, for the order
	view      *view
	confirmed chan struct{}
	cancel    context.CancelFunc // ends Run
	ended     chan struct{}      // closed when Run has returned
	closed    bool               // Revert was called
	problems  []error
}

// How patient the Injector is.
const (
	confirmWithin = 5 * time.Second        // default of ConfirmWithin
	confirmEvery  = 250 * time.Millisecond // looks for evidence; the first come faster
	holdEvery     = time.Second            // looks at a fault that is held
	lookWithin    = 5 * time.Second        // one look
	injectWithin  = 15 * time.Second       // one call of Inject
	revertWithin  = 15 * time.Second       // one call of Revert, and the look after it
	renewFor      = 10 * time.Second
	cleanLooks    = 8 // looks, confirmEvery apart, until an effect that stays is called stuck
)

// Run plays the schedule; offsets count from the call. It returns when every item
// has ended, which one without For only does when it is overtaken or by its nature, or
// when ctx ends, which is no error. Its error tells that the schedule cannot be played or
// that the system could no longer be watched. Whatever it returns, Revert must follow.
func (in *Injector) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := in.begin(cancel); err != nil {
		return err
	}
	defer close(in.ended)

	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	var watchErr error
	var watch, items sync.WaitGroup
	watch.Go(func() {
		err := in.System.Watch(watching, in.view.apply)
		if watching.Err() == nil {
			watchErr = errors.Join(errors.New("watch the system: it ended"), err)
			cancel() // blind: nothing more may be injected
		}
	})
	for _, it := range in.items {
		items.Go(func() { in.play(ctx, it) })
	}
	items.Wait()
	unwatch()
	watch.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	err := errors.Join(append(in.problems, watchErr)...)
	in.problems = nil
	return err
}

func (in *Injector) begin(cancel context.CancelFunc) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended != nil {
		return errors.New("run the schedule: an Injector is used once")
	}
	if in.closed {
		cancel() // Revert was faster: nothing is injected any more
	}
	all := in.Faults
	if all == nil {
		all = Builtin()
	}
	var problems []error
	for _, i := range in.Schedule.Items {
		def, ok := lookup(all, i.Fault)
		if !ok {
			problems = append(problems, fmt.Errorf("fault %s: no fault is named %q", i.ID, i.Fault))
			continue
		}
		fault, err := def.New(i.Args)
		if err != nil {
			problems = append(problems, fmt.Errorf("fault %s: %s: %w", i.ID, i.Fault, err))
			continue
		}
		in.items = append(in.items, &item{Item: i, def: def, fault: fault})
	}
	if len(problems) > 0 {
		in.items = nil
		return errors.Join(problems...)
	}
	if in.Now == nil {
		began := time.Now()
		in.Now = func() time.Duration { return time.Since(began) }
	}
	in.view, in.cancel, in.ended = newView(), cancel, make(chan struct{})
	in.settleConfirmed()
	return nil
}

// Confirmed is closed when every item has been seen active, given up as unseen,
// or failed. A Run that ends before does not close it.
func (in *Injector) Confirmed() <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.confirmedChan()
}

// confirmedChan and settleConfirmed are called with mu held.
func (in *Injector) confirmedChan() chan struct{} {
	if in.confirmed == nil {
		in.confirmed = make(chan struct{})
	}
	return in.confirmed
}

func (in *Injector) settleConfirmed() {
	for _, it := range in.items {
		if !it.decided {
			return
		}
	}
	c := in.confirmedChan()
	select {
	case <-c:
	default:
		close(c)
	}
}

// Revert ends Run and undoes what is left, the newest first, each item within a
// deadline of its own that outlives ctx. It may be called again, and tries again
// what is stuck. Its error joins what could not be undone.
func (in *Injector) Revert(ctx context.Context) error {
	in.reverting.Lock()
	defer in.reverting.Unlock()
	in.mu.Lock()
	in.closed = true
	cancel, ended := in.cancel, in.ended
	in.mu.Unlock()
	if ended == nil {
		return nil // it never ran
	}
	cancel()
	late := time.NewTimer(injectWithin + in.Schedule.RevertWithin(revertWithin))
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
		return errors.New("revert faults: a verb does not return; the guardian must undo it")
	}
	var errs []error
	for _, it := range in.left() {
		if err := in.revert(ctx, it); err != nil {
			errs = append(errs, fmt.Errorf("revert fault %s: %s on %s: %w", it.ID, it.Fault, it.target, err))
		}
	}
	return errors.Join(errs...)
}

// Left lists the items that still act or are stuck, the newest first.
func (in *Injector) Left() []Item {
	left := in.left()
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []Item
	for _, it := range left {
		if it.injection != nil {
			out = append(out, it.Item)
		}
	}
	return out
}

// left are the items that Revert must end, the newest first; but those that it can only
// wait for come last, or what the others do to users would last as long.
func (in *Injector) left() []*item {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []*item
	for _, it := range in.items {
		if !it.over && (it.state == Active || it.state == Stuck) {
			out = append(out, it)
		}
	}
	waits := func(it *item) int {
		if it.def.Of == sut.KindWorkload {
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b *item) int { return cmp.Or(cmp.Compare(waits(a), waits(b)), cmp.Compare(b.order, a.order)) })
	return out
}

// tell moves an item on and reports it.
func (in *Injector) tell(it *item, e timeline.FaultState, proof string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	next, ok := it.state.after(e)
	if !ok {
		in.problems = append(in.problems, fmt.Errorf("fault %s: %s does not follow %q: a defect of the Injector", it.ID, e, it.state))
		return
	}
	it.state = next
	if in.Event != nil {
		in.Event(Event{At: in.Now(), ID: it.ID, Fault: it.Fault, Target: it.target, State: e, Proof: proof})
	}
	switch e {
	case timeline.FaultActive, timeline.FaultUnseen, timeline.FaultFailed:
		it.decided = true
		in.settleConfirmed()
	case timeline.FaultInjecting, timeline.FaultOvertaken, timeline.FaultReapplied, timeline.FaultReverted, timeline.FaultStuck:
	}
}
