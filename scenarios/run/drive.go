package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// drive takes the machine through its phases. ctx ends when the run is to be
// stopped, parent only when the caller says so.
func (s *session) drive(ctx, parent context.Context) error {
	p := Begin(times(s.cfg.Scenario, s.plan, s.platform.Within, s.cfg.Control), s.rec.Now())
	var failed error
	for !p.Ended() {
		s.rec.Append(timeline.Event{
			Kind: timeline.KindPhase, Actor: timeline.ActorRunner,
			Phase: &timeline.Phase{Name: p.Name, Deadline: p.Lasts()},
		})
		for began := p; p.Name == began.Name && p.Since == began.Since; {
			signal, err := s.perform(ctx, p)
			failed = errors.Join(failed, err)
			var stopped bool
			if p, stopped = p.After(s.rec.Now(), signal, ctx.Err() != nil); stopped {
				s.stopped(ctx, parent)
			}
		}
	}
	return failed
}

// stopped records why the run ends early.
func (s *session) stopped(ctx, parent context.Context) {
	actor, reason := timeline.ActorRunner, context.Cause(ctx).Error()
	if parent.Err() != nil {
		actor, reason = timeline.ActorUser, "interrupted"
	}
	s.rec.Append(timeline.Event{Kind: timeline.KindStop, Actor: actor, Stop: &timeline.Stop{Reason: reason}})
}

// perform does what a phase is for, and returns when that is done, cannot be
// done, or the phase's time is over. An error ends the run without an outcome.
func (s *session) perform(ctx context.Context, p Phases) (Signal, error) {
	unstopped := context.WithoutCancel(ctx)
	if left := p.Since + p.Lasts() - s.rec.Now(); p.Lasts() > 0 {
		var cancel, cancelToo context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left)
		unstopped, cancelToo = context.WithTimeout(unstopped, left)
		defer cancel()
		defer cancelToo()
	}
	switch p.Name {
	case timeline.PhaseSetup:
		if err := s.setup(ctx); err != nil {
			if ctx.Err() != nil {
				return Stopped, nil // not a failure: it was not let go on
			}
			return Failed, err
		}
		return Done, nil
	case timeline.PhaseBaseline:
		return s.baseline(ctx, p), nil
	case timeline.PhaseInject:
		return s.injecting(ctx), nil
	case timeline.PhaseObserve:
		<-ctx.Done()
		return Tick, nil
	case timeline.PhaseRevert:
		return s.revert(unstopped), nil
	case timeline.PhaseSettle:
		if s.rec.recovered() {
			return Done, nil
		}
		<-ctx.Done()
		return Tick, nil
	case timeline.PhaseAudit:
		return s.audit(ctx), nil
	case timeline.PhaseTeardown:
		s.cfg.beside.reach(ctx, pointDone)
		// What cannot be undone is told by the residue; the outcome is kept.
		if err := s.undo(unstopped); err != nil {
			s.rec.note(fmt.Sprintf("tear down: %v", err))
		}
		return Done, nil
	default:
		return Failed, fmt.Errorf("the phase %q has no action", p.Name)
	}
}

// baseline waits; a system that is not well is not broken further.
func (s *session) baseline(ctx context.Context, p Phases) Signal {
	<-ctx.Done()
	why := s.rec.unsteady()
	switch last := p.Unsteady + 1; {
	case why == "":
		return Tick
	case last < p.Times.Baselines:
		s.rec.note(fmt.Sprintf("baseline %d of %d at most: %s", last, p.Times.Baselines, why))
	default:
		s.rec.note("nothing was broken: the steady state did not hold before")
	}
	return Failed
}

// injecting plays the schedule until every fault is confirmed, or is not.
func (s *session) injecting(ctx context.Context) Signal {
	s.injector = &faults.Injector{
		System: s.target(), Schedule: s.plan, Lease: s.guardian, Now: s.rec.Now, ConfirmWithin: s.platform.Within.Confirm, Event: s.faulted,
	}
	s.inject = spawn(ctx, s.injector.Run)
	// Registered for the end that comes without the phase revert.
	s.cleanup("revert the faults", func(ctx context.Context) error {
		return errors.Join(s.injector.Revert(ctx), s.inject.end())
	})
	select {
	case <-s.injector.Confirmed():
	case <-s.inject.done:
	case <-ctx.Done():
		return Tick
	}
	if s.inject.failed() {
		s.rec.note(fmt.Sprintf("inject: %v", s.inject.err))
	}
	if !s.rec.confirmed(len(s.plan.Items)) {
		return Failed
	}
	return Done
}

// failed tells whether the loop has ended with an error.
func (l *loop) failed() bool {
	select {
	case <-l.done:
		return l.err != nil
	default:
		return false
	}
}

func (s *session) faulted(e faults.Event) {
	s.rec.Append(timeline.Event{
		At: e.At, Kind: timeline.KindFault, Actor: timeline.ActorInjector, Target: string(e.Target.ID),
		Fault: &timeline.Fault{ID: e.ID, Fault: e.Fault, State: e.State, Proof: e.Proof, Incarnation: e.Target.Incarnation},
	})
}

func (s *session) revert(ctx context.Context) Signal {
	if err := s.injector.Revert(ctx); err != nil {
		s.rec.note(err.Error())
		return Failed
	}
	return Done
}

// audit ends the load and reads the acknowledged writes back.
func (s *session) audit(ctx context.Context) Signal {
	if err := s.load.end(); err != nil {
		s.rec.note(fmt.Sprintf("load: %v", err))
		return Failed
	}
	if s.writes == nil || s.writes.Len() == 0 {
		return Done // nothing was acknowledged, so there is nothing to read
	}
	w := s.writes.Audit(ctx, s.sys.Entry())
	s.rec.Append(timeline.Event{Kind: timeline.KindWrites, Actor: timeline.ActorLoad, Writes: &w})
	if s.cfg.Audit != nil {
		s.audited = s.cfg.Audit(ctx, s.sys, s.writes.IDs())
	}
	return Done
}
