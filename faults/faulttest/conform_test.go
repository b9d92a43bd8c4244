package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// liar is a fault that breaks the contract in one way.
type liar struct {
	says    *bool // Active says this, whatever is so
	acts    bool  // it hangs its target
	arms    bool  // and arms what undoes it
	reverts bool
	silent  bool // evidence without a proof
	twice   bool // the second Revert fails
	any     bool // hits whatever lives there now
	refuses bool // to be injected
}

func (l liar) Inject(ctx context.Context, env faults.Env) (faults.Injection, error) {
	if l.refuses {
		return nil, errors.New("not today")
	}
	var lease harm.Lease = NewLease(0)
	if l.arms {
		lease = env.Lease
	}
	i := &lie{liar: l}
	if l.acts {
		t := env.Target
		if l.any {
			t.Incarnation = strings.TrimSuffix(t.Incarnation, "0")
		}
		p, err := sut.Find[harm.Pauser](env, harm.CanPause, t)
		if err != nil {
			return nil, err
		}
		if i.hold, err = p.Pause(ctx, lease, t); err != nil {
			return nil, err
		}
	}
	return i, nil
}

type lie struct {
	liar
	hold     harm.Hold
	reverted int
}

func (l *lie) Active(ctx context.Context) (faults.Evidence, error) {
	e := faults.Evidence{Proof: "I say so"}
	if l.hold != nil {
		var err error
		if e, err = l.hold.Observe(ctx); err != nil {
			return e, err
		}
	}
	if l.says != nil {
		e.Observed = *l.says
	}
	if l.silent {
		e.Proof = ""
	}
	return e, nil
}

func (*lie) Renew(context.Context, time.Time) error { return nil }

func (l *lie) Revert(ctx context.Context) error {
	l.reverted++
	if l.twice && l.reverted > 1 {
		return errors.New("it is reverted already")
	}
	if !l.reverts || l.hold == nil {
		return nil
	}
	return l.hold.Release(ctx)
}

// stoppedBehind is the check of a harness that stops behind the n-th entry.
func stoppedBehind(n int) func(context.Context, bench) error {
	return func(ctx context.Context, b bench) error {
		b.lease = NewLease(n)
		_, err := stopped(ctx, b)
		return err
	}
}

func TestConformFindsLiars(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		fault liar
		check func(context.Context, bench) error
		want  string
	}{
		"honest":                       {liar{acts: true, arms: true, reverts: true}, wholeLife, ""},
		"claims what is not":           {liar{says: &yes}, wholeLife, "is there: false, want true"},
		"denies what is":               {liar{acts: true, arms: true, reverts: true, says: &no}, wholeLife, "no evidence"},
		"gives no proof":               {liar{acts: true, arms: true, reverts: true, silent: true}, wholeLife, "without a proof"},
		"does not revert":              {liar{acts: true, arms: true}, wholeLife, "evidence after the revert"},
		"claims it after the revert":   {liar{acts: true, arms: true, reverts: true, says: &yes}, wholeLife, "evidence after the revert"},
		"reverts only once":            {liar{acts: true, arms: true, reverts: true, twice: true}, wholeLife, "revert, call 2"},
		"does not disarm":              {liar{acts: true, arms: true}, targetGone, "still armed"},
		"cannot revert what is gone":   {liar{acts: true, arms: true, reverts: true, twice: true}, targetGone, "call 2"},
		"honest when the lease ends":   {liar{acts: true, arms: true, reverts: true}, leaseEnds, ""},
		"is honest in a life over":     {liar{acts: true, arms: true, reverts: true}, olderLife, ""},
		"hits whatever lives there":    {liar{acts: true, arms: true, reverts: true, any: true}, olderLife, "a life that is over was hit"},
		"honest when it is stopped":    {liar{acts: true, arms: true, reverts: true}, stoppedBehind(1), ""},
		"honest when stopped later":    {liar{acts: true, arms: true, reverts: true}, stoppedBehind(2), ""},
		"stopped, and does not revert": {liar{acts: true, reverts: false}, stoppedBehind(1), "left behind"},
		"is never injected":            {liar{refuses: true}, stoppedBehind(1), "not today"},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory([]sut.ID{"orders/0"})
			target := m.Snapshot().Instances[0].Target
			b := bench{
				def: faults.Definition{
					Name: "hang", Of: sut.KindInstance, Needs: harm.CanPause,
					New: func(json.RawMessage) (faults.Fault, error) { return c.fault, nil },
				},
				rig: Rig{System: m, Look: func(_ context.Context, fault string, t sut.Target) (bool, string, error) {
					return m.IsBroken(fault, t), "memory", nil
				}, Residue: m.Broken},
				undo: m.Undo, lease: NewLease(0), target: target, wait: 300 * time.Millisecond,
			}
			err := c.check(t.Context(), b)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("an honest fault was refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// dawdler is a rollout whose revert waits for nothing.
type dawdler struct{ faults.Rollout }

func (d dawdler) Inject(ctx context.Context, env faults.Env) (faults.Injection, error) {
	i, err := d.Rollout.Inject(ctx, env)
	return hasty{i}, err
}

type hasty struct{ faults.Injection }

func (hasty) Revert(context.Context) error { return nil }

// boaster is a rollout that says that it is over before it is.
type boaster struct{ faults.Rollout }

func (b boaster) Inject(ctx context.Context, env faults.Env) (faults.Injection, error) {
	i, err := b.Rollout.Inject(ctx, env)
	return early{hasty{i}}, err
}

type early struct{ hasty }

func (e early) Active(context.Context) (faults.Evidence, error) {
	return faults.Evidence{Observed: true, Gone: true, Proof: "all is new"}, nil
}

// TestConformFindsRolloutsThatGoOn: what is not undone must be at its end after the revert.
func TestConformFindsRolloutsThatGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		fault faults.Fault
		fail  string // a call of the memory that fails
		want  string
	}{
		"honest":                   {fault: faults.Rollout{}},
		"does not wait":            {fault: dawdler{}, want: "it has not come to its end"},
		"says so before":           {fault: boaster{}, want: "and 4 are asked for"},
		"cannot wait":              {fault: faults.Rollout{}, fail: "release", want: "revert, call 1"},
		"cannot be looked at":      {fault: faults.Rollout{}, fail: "observe", want: "look for evidence"},
		"does nothing of the kind": {fault: quiet{}, want: "is there: false, want true"},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory([]sut.ID{"jobs/0", "jobs/1", "jobs/2", "jobs/3"})
			m.Fail = func(call string) error {
				if call == c.fail {
					return errors.New("not today")
				}
				return nil
			}
			m.Exit("jobs/3")
			b := bench{
				def: faults.Definition{
					Name: "rollout", Of: sut.KindWorkload, Needs: harm.CanRollOut,
					New: func(json.RawMessage) (faults.Fault, error) { return c.fault, nil },
				},
				rig: Rig{System: m, Look: func(_ context.Context, fault string, t sut.Target) (bool, string, error) {
					return m.IsBroken(fault, t), "memory", nil
				}, Residue: m.Broken},
				undo: m.Undo, lease: NewLease(0), target: sut.Target{ID: "jobs"}, wait: 300 * time.Millisecond,
			}
			err := wholeLife(t.Context(), b)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("an honest fault was refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// quiet says that it rolls out, and does nothing.
type quiet struct{}

func (quiet) Inject(context.Context, faults.Env) (faults.Injection, error) { return early{}, nil }
