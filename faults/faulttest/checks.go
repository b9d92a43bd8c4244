package faulttest

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

var checks = []check{
	{"it acts, is seen, lasts and is reverted", wholeLife},
	{"reverted when its target is gone", targetGone},
	{"a life that is over is not touched", olderLife},
	{"the end of the lease undoes it", leaseEnds},
}

func wholeLife(ctx context.Context, b bench) error {
	if err := b.looks(ctx, false); err != nil {
		return fmt.Errorf("before the fault: %w", err)
	}
	i, err := b.inject(ctx)
	if err != nil {
		return err
	}
	if b.idle() {
		e, err := i.Active(ctx)
		if err == nil && (e.Observed || e.Proof == "") {
			err = fmt.Errorf("evidence of a fault that needs no verb: %+v", e)
		}
		return errors.Join(err, b.looks(ctx, false), i.Revert(ctx), b.leftNothing())
	}
	e, err := b.confirmed(ctx, i)
	if err != nil {
		return errors.Join(err, i.Revert(ctx))
	}
	over := e.Gone || b.ended(ctx)
	if !e.Gone { // what is over at once cannot last
		if err := errors.Join(lasts(ctx, b, i), i.Renew(ctx, time.Now().Add(time.Minute))); err != nil {
			return errors.Join(err, i.Revert(ctx))
		}
	}
	for n := range 2 {
		if err := i.Revert(ctx); err != nil {
			return fmt.Errorf("revert, call %d: %w", n+1, err)
		}
	}
	if b.stays() {
		return errors.Join(cameToAnEnd(ctx, b, i), b.leftNothing())
	}
	if !e.Gone {
		switch e, err := i.Active(ctx); {
		case err != nil:
			return fmt.Errorf("look for evidence after the revert: %w", err)
		case e.Observed:
			return fmt.Errorf("evidence after the revert: %s", e.Proof)
		}
	}
	if !over { // nobody gives a life back
		if err := b.looks(ctx, false); err != nil {
			return fmt.Errorf("after the revert: %w", err)
		}
	}
	return b.leftNothing()
}

// lasts: what is there for a moment only is no fault that is held.
func lasts(ctx context.Context, b bench, i faults.Injection) error {
	t := time.NewTimer(500 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	there, seen, err := b.rig.Look(ctx, b.def.Name, b.target)
	if err == nil && !there {
		err = errors.New(seen)
	}
	if err != nil {
		return fmt.Errorf("it does not last: %w", err)
	}
	e, err := i.Active(ctx)
	if err == nil && !e.Observed {
		err = errors.New(e.Proof)
	}
	if err != nil {
		return fmt.Errorf("its evidence does not last: %w", err)
	}
	return nil
}

func targetGone(ctx context.Context, b bench) error {
	switch b.target.ID.Kind() { //nolint:exhaustive // the rest goes with a process
	case sut.KindNode:
		return nil // a node that is taken away for good does not come back for the next check
	case sut.KindWorkload, sut.KindTraffic:
		return nil // they go with the system alone
	}
	i, err := b.inject(ctx)
	if err != nil {
		return err
	}
	var e faults.Evidence
	if !b.idle() {
		if e, err = b.confirmed(ctx, i); err != nil {
			return errors.Join(err, i.Revert(ctx))
		}
	}
	if !e.Gone {
		if err := b.endTarget(ctx); err != nil {
			return errors.Join(err, i.Revert(ctx))
		}
	}
	for n := range 2 {
		if err := i.Revert(ctx); err != nil {
			return fmt.Errorf("revert of a target that is gone, call %d: %w", n+1, err)
		}
	}
	return b.leftNothing()
}

func (b bench) endTarget(ctx context.Context) error {
	instance := sut.Target{ID: b.target.ID.Instance(), Incarnation: b.target.Incarnation}
	killer, err := sut.Find[harm.Killer](b.rig.System, harm.CanKill, instance)
	if err != nil {
		return fmt.Errorf("end the target: %w", err)
	}
	return eventually(ctx, b.wait, func() error {
		switch err := killer.Kill(ctx, instance, syscall.SIGKILL); {
		case err == nil:
			return fmt.Errorf("%s is not gone after SIGKILL", instance)
		case errors.Is(err, sut.ErrGone):
			return nil
		default:
			return err
		}
	})
}

func olderLife(ctx context.Context, b bench) error {
	if b.idle() || b.target.ID.Kind() != sut.KindInstance {
		return nil // only a process is asked for in one life and no other
	}
	present := b.target
	b.target.Incarnation += "0" // of a process: the same pid, started at another time
	i, err := b.inject(ctx)
	if err == nil {
		return errors.Join(errors.New("a life that is over was hit"), i.Revert(ctx))
	}
	if !errors.Is(err, sut.ErrGone) {
		return fmt.Errorf("inject into a life that is over: %w, want ErrGone", err)
	}
	b.target = present
	return errors.Join(b.looks(ctx, false), b.leftNothing())
}

// leaseEnds: the harness lives, but the guardian has heard nothing of it.
func leaseEnds(ctx context.Context, b bench) error {
	i, err := b.inject(ctx)
	if err != nil {
		return err
	}
	if !b.idle() { // who was told to end may take its time, and is not to run into the next check
		if _, err := b.confirmed(ctx, i); err != nil {
			return errors.Join(err, i.Revert(ctx))
		}
	}
	if len(b.lease.Armed()) == 0 {
		return i.Revert(ctx) // it ends with the harness, or by itself: Crash shows that
	}
	for n := range 2 { // a guardian that is killed is followed by a revert at the next start
		if err := b.lease.End(ctx, b.undo); err != nil {
			return fmt.Errorf("undo, call %d: %w", n+1, errors.Join(err, i.Revert(ctx)))
		}
	}
	if err := b.looks(ctx, false); err != nil {
		return fmt.Errorf("after the lease: %w", errors.Join(err, i.Revert(ctx)))
	}
	if err := i.Revert(ctx); err != nil {
		return fmt.Errorf("revert after the lease: %w", err)
	}
	return b.leftNothing()
}

// stopped plays the fault with a harness that stops for good behind an entry of
// the journal. more is false when it came to its end before.
func stopped(ctx context.Context, b bench) (more bool, err error) {
	played := make(chan struct{})
	var i faults.Injection
	var whole error // of a harness that came to its end
	go func() {
		defer close(played)
		if i, whole = b.inject(ctx); whole != nil {
			return
		}
		if !b.idle() {
			_, whole = b.confirmed(ctx, i)
		}
		whole = errors.Join(whole, i.Revert(ctx))
	}()
	select {
	case <-b.lease.Crashed():
	case <-played:
		return false, errors.Join(whole, b.leftNothing())
	}
	err = errors.Join(b.lease.End(ctx, b.undo), b.looks(ctx, false))
	if r := b.rig.Residue(); len(r) > 0 {
		err = errors.Join(err, fmt.Errorf("left behind: %v", r))
	}
	b.lease.Bury()
	<-played
	// A stopped harness that goes on finds its lease lost, and must not make it worse.
	if i != nil {
		_ = i.Revert(ctx)
	}
	return true, errors.Join(err, b.looks(ctx, false))
}
