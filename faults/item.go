package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// item is one fault of the schedule and what became of it. Its goroutine in Run
// owns it; when Run has returned, Revert does.
type item struct {
	Item
	def    Definition
	fault  Fault
	target sut.Target // the life that is hit
	key    string     // of that life, as life.key
	hit    string     // the key at the last Inject: Observed alone may have moved key on
	seen   bool       // evidence was found

	// The rest is written under Injector.mu.
	state     State
	injection Injection // nil: never, not any more, or lapsed until the target runs again
	order     int       // the n-th that was injected
	claimed   sut.ID    // what it has, or had, to itself
	decided   bool      // it was active, unseen or failed
	over      bool      // it is over with its evidence, as a kill is: nothing is left to revert
}

// ended is called with Injector.mu held.
func (it *item) ended() bool {
	return it.over || it.state == Overtaken || it.state == Reverted || it.state == Idle && it.decided
}

// play takes one item through its life.
func (in *Injector) play(ctx context.Context, it *item) {
	at := time.NewTimer(it.At)
	defer at.Stop()
	select {
	case <-at.C:
	case <-ctx.Done():
		return
	}
	it.target = sut.Target{ID: it.Target}
	if !in.inject(ctx, it) {
		return
	}
	e := in.confirm(ctx, it)
	switch {
	case e.Observed:
		it.seen = true
		in.tell(it, timeline.FaultActive, e.Proof)
	case ctx.Err() != nil:
		return
	default:
		in.tell(it, timeline.FaultUnseen, e.Proof)
	}
	if e.Observed && e.Gone {
		in.finish(it)
		return
	}
	in.hold(ctx, it)
}

// claim takes the item's target for it, or names the one that has it: two of the
// same fault on one target would be undone by the revert of either.
func (in *Injector) claim(it *item) (other string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, o := range in.items {
		if o != it && o.Fault == it.Fault && o.claimed == it.target.ID && !o.ended() {
			return o.ID
		}
	}
	it.claimed = it.target.ID
	return ""
}

func (in *Injector) set(it *item, injection Injection) {
	in.mu.Lock()
	defer in.mu.Unlock()
	it.injection = injection
	if injection != nil {
		in.injected++
		it.order, it.state = in.injected, Active
	}
}

func (in *Injector) finish(it *item) {
	in.mu.Lock()
	defer in.mu.Unlock()
	it.over = true
}

// inject hits the present life of the target, or the next one that it sees within
// the time for confirmation. False: nothing was injected, and that was told.
func (in *Injector) inject(ctx context.Context, it *item) bool {
	waiting, cancel := context.WithTimeout(ctx, in.patience(Definition{}))
	defer cancel()
	told, not := false, ""
	for {
		l, err := in.await(waiting, it, not)
		if err != nil {
			if ctx.Err() == nil {
				in.tell(it, timeline.FaultFailed, err.Error())
			}
			return false
		}
		if ctx.Err() != nil {
			return false // the end and the time to inject may come at one instant
		}
		it.target, it.key, it.hit = l.target, l.key, l.key
		if other := in.claim(it); other != "" {
			in.tell(it, timeline.FaultFailed, "fault "+other+" breaks the same target in the same way")
			return false
		}
		if !told {
			in.tell(it, timeline.FaultInjecting, "")
			told = true
		}
		injection, err := in.call(ctx, it)
		switch {
		case err == nil:
			in.set(it, injection)
			return true
		case errors.Is(err, sut.ErrGone):
			not = l.key // that life ended on the way; the next will do
		default:
			in.tell(it, timeline.FaultFailed, err.Error())
			return false
		}
	}
}

func (in *Injector) call(ctx context.Context, it *item) (Injection, error) {
	ctx, cancel := context.WithTimeout(ctx, injectWithin)
	defer cancel()
	return it.fault.Inject(ctx, Env{
		Harm: in.System.Offer, Look: in.view.instance, Target: it.target, Lease: in.Lease,
		Rand: seed.Stream(in.Schedule.Seed, "faults", "inject", it.ID),
	})
}

// await waits for a running life of what the item is aimed at, other than not.
func (in *Injector) await(ctx context.Context, it *item, not string) (life, error) {
	for {
		changed := in.view.next()
		id, err := locate(in.System, in.view, it.Item, it.def, in.Schedule.Seed)
		if err == nil {
			l, seen := in.view.life(id)
			switch {
			case seen && !l.exists:
				return life{}, fmt.Errorf("%w: %s is not there", ErrNoTarget, id)
			case seen && l.running && (not == "" || l.key != not):
				return l, nil
			}
			err = fmt.Errorf("%w: %s does not run", ErrNoTarget, id)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return life{}, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// confirm looks for evidence until there is some, or none is to be expected any
// more. Proof always says why.
func (in *Injector) confirm(ctx context.Context, it *item) Evidence {
	patience := in.patience(it.def)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := 20 * time.Millisecond
	for {
		changed := in.view.next()
		e, err := in.look(waiting, it)
		if e.Observed {
			return e
		}
		if err != nil {
			e.Proof = err.Error()
		}
		if e.Gone && (it.def.EndsWithIncarnation || it.def.Of == sut.KindWorkload) {
			return e // no effect will come of it any more
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			pause = min(2*pause, confirmEvery)
		case <-changed: // news may be the evidence: do not add our own delay to it
		case <-waiting.Done():
			timer.Stop()
			return Evidence{Proof: fmt.Sprintf("no effect within %s: %s", patience, e.Proof)}
		}
		timer.Stop()
	}
}

func (in *Injector) look(ctx context.Context, it *item) (Evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	e, err := it.injection.Active(ctx)
	if err != nil {
		return Evidence{}, fmt.Errorf("look at %s: %w", it.target, err)
	}
	return e, nil
}

func (in *Injector) patience(def Definition) time.Duration {
	return max(cmp.Or(in.ConfirmWithin, confirmWithin), def.ConfirmWithin)
}
