package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// hold keeps an injected item until its time is over, something ends it, or ctx does.
func (in *Injector) hold(ctx context.Context, it *item) {
	lasting := ctx
	if it.For > 0 {
		var cancel context.CancelFunc
		lasting, cancel = context.WithTimeout(ctx, it.For)
		defer cancel()
	}
	if in.keep(lasting, it); ctx.Err() == nil && in.acts(it) {
		// What is stuck is told of, and tried again by Revert.
		_ = in.revert(ctx, it)
	}
}

// keep returns when something else has ended the item, or ctx.
func (in *Injector) keep(ctx context.Context, it *item) {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		changed := in.view.next()
		if it.seen && !in.follow(ctx, it) {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
			if it.injection == nil {
				continue // lapsed: follow waits for the next life
			}
			in.renew(ctx, it)
			if it.seen && !in.inspect(ctx, it) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (in *Injector) acts(it *item) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return it.state == Active && !it.over
}

func (in *Injector) renew(ctx context.Context, it *item) {
	if err := it.injection.Renew(ctx, time.Now().Add(renewFor)); err != nil && ctx.Err() == nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.problems = append(in.problems, fmt.Errorf("renew fault %s: %s on %s: %w", it.ID, it.Fault, it.target, err))
	}
}

// follow acts on what the system says of the target's life. False: the item has ended.
func (in *Injector) follow(ctx context.Context, it *item) bool {
	l, _ := in.view.life(it.target.ID)
	switch {
	case !l.exists:
		in.overtake(ctx, it, string(it.target.ID)+" was removed; a replacement is not followed")
		return false
	case it.def.EndsWithIncarnation && l.key != it.key:
		in.overtake(ctx, it, string(it.target.ID)+" has a new incarnation")
		return false
	case it.def.EndsWithIncarnation && !l.running:
		in.overtake(ctx, it, string(it.target.ID)+" has exited")
		return false
	case l.running && l.key != it.key && it.def.EachLife:
		return in.again(ctx, it, l)
	case l.running && l.key != it.key:
		return in.reapply(ctx, it, l)
	}
	return true
}

// inspect looks whether the effect is still there. False: the item has ended.
func (in *Injector) inspect(ctx context.Context, it *item) bool {
	e, err := in.look(ctx, it)
	switch {
	case err == nil && e.Observed && e.Gone:
		// It came to its end by itself, as a rollout does: nothing is left to revert.
		in.tell(it, timeline.FaultReverted, e.Proof)
		in.finish(it)
		return false
	case err != nil || e.Observed:
		return true
	case e.Gone:
		in.overtake(ctx, it, e.Proof)
		return false
	case it.key != it.hit:
		// It had seemed to outlast a restart, and did not.
		if l, _ := in.view.life(it.target.ID); l.running && l.key == it.key {
			return in.again(ctx, it, l)
		}
	}
	return true
}

// reapply sees to it that a restart does not heal what is no process's.
func (in *Injector) reapply(ctx context.Context, it *item, l life) bool {
	if it.injection == nil {
		return in.again(ctx, it, l)
	}
	e, err := in.look(ctx, it)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil && e.Observed:
		it.target, it.key = l.target, l.key
		in.tell(it, timeline.FaultReapplied, "it outlasted the restart: "+e.Proof)
		return true
	case err == nil && e.Gone:
		in.overtake(ctx, it, e.Proof)
		return false
	default:
		return in.again(ctx, it, l)
	}
}

// again clears the old injection away and injects into the life l, once: when
// that is over by then, the item lapses until the next.
func (in *Injector) again(ctx context.Context, it *item, l life) bool {
	if ctx.Err() != nil {
		return false // Revert sees to the old one
	}
	if err := in.undo(ctx, it); err != nil {
		in.tell(it, timeline.FaultStuck, err.Error())
		return false
	}
	in.set(it, nil)
	it.target, it.key, it.hit = l.target, l.key, l.key
	injection, err := in.call(ctx, it)
	switch {
	case errors.Is(err, sut.ErrGone):
		return true
	case ctx.Err() != nil && err != nil:
		return false // the end of the run is not the fault's failure
	case err != nil:
		in.tell(it, timeline.FaultFailed, "put back: "+err.Error())
		return false
	}
	in.set(it, injection)
	e := in.confirm(ctx, it)
	switch {
	case e.Observed:
		in.tell(it, timeline.FaultReapplied, e.Proof)
	case ctx.Err() != nil:
		return false
	default:
		it.seen = false
		in.tell(it, timeline.FaultUnseen, "put back: "+e.Proof)
	}
	return true
}

// overtake ends an item that something else ended. What it left in our books, and
// in the lease, is cleared all the same.
func (in *Injector) overtake(ctx context.Context, it *item, proof string) {
	in.tell(it, timeline.FaultOvertaken, proof)
	if err := in.undo(ctx, it); err != nil {
		in.tell(it, timeline.FaultStuck, err.Error())
	}
}

// revert undoes an item and tells of it.
func (in *Injector) revert(ctx context.Context, it *item) error {
	if err := in.undo(ctx, it); err != nil {
		in.mu.Lock()
		already := it.state == Stuck
		in.mu.Unlock()
		if !already {
			in.tell(it, timeline.FaultStuck, err.Error())
		}
		return err
	}
	in.tell(it, timeline.FaultReverted, "")
	return nil
}

// undo reverts an injection and looks that nothing is left of it. It outlives ctx.
func (in *Injector) undo(ctx context.Context, it *item) error {
	if it.injection == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(revertWithin, it.def.RevertWithin))
	defer cancel()
	if err := it.injection.Revert(ctx); err != nil {
		return err
	}
	if l, _ := in.view.life(it.target.ID); !l.running {
		return nil // what does not run answers nothing, which can look like the effect
	}
	for tries := 0; ; tries++ {
		e, err := in.look(ctx, it)
		switch {
		case err != nil || !e.Observed || e.Gone:
			// A look that fails says nothing, and the verb has said that it is undone;
			// who was killed stays dead.
			return nil
		case tries == cleanLooks:
			return fmt.Errorf("the effect outlasts the revert: %s", e.Proof)
		}
		timer := time.NewTimer(confirmEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}
