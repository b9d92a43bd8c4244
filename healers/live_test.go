package healers_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// memory is a journal that can be made to fail.
type memory struct {
	mu      sync.Mutex
	records []healers.Record // guarded by mu
	fail    error            // guarded by mu
	epoch   uint64           // guarded by mu
}

func (m *memory) Append(_ context.Context, epoch uint64, r []healers.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.fail != nil && len(r) > 0:
		return m.fail
	case epoch < m.epoch:
		return healers.ErrFenced
	}
	m.epoch = epoch
	m.records = append(m.records, r...)
	return nil
}

func (m *memory) Load(context.Context) (healers.Checkpoint, iter.Seq2[healers.Record, error], error) {
	all := m.all()
	return healers.Checkpoint{}, func(yield func(healers.Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}, nil
}

func (m *memory) all() []healers.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

func (m *memory) has(kind healers.RecordKind, verb healers.Verb) int {
	n := 0
	acts := map[healers.ActID]healers.Verb{}
	for _, r := range m.all() {
		if r.Act != nil {
			acts[r.Act.ID] = r.Act.Verb
		}
		if r.Kind == kind && (r.Act != nil && r.Act.Verb == verb || r.Done != nil && acts[r.Done.ID] == verb) {
			n++
		}
	}
	return n
}

// actuator lets a test carry out acts.
type actuator func(ctx context.Context, g healers.Grant, a healers.Act) healers.Done

func (f actuator) Do(ctx context.Context, g healers.Grant, a healers.Act) healers.Done {
	return f(ctx, g, a)
}

func ordersPolicy() *policy.Policy {
	return &policy.Policy{
		Name: "test", Digest: "1",
		Workloads: []policy.Workload{{
			Selector: policy.Selector{"workload": "orders"}, MaxUnavailable: "1",
			Restart: policy.Restart{Initial: 10 * time.Second, Max: 5 * time.Minute, Reset: 10 * time.Minute, AtOnce: "1"},
		}},
		Guard: policy.Guardrails{MaxActionsPerHour: 60, MaxPerTargetPerHour: 10},
	}
}

func orders(incarnation string, exits uint64, phase sut.Phase) sut.Instance {
	return sut.Instance{Target: sut.Target{ID: "orders/0", Incarnation: incarnation}, Workload: "orders", Phase: phase, Exits: exits}
}

func oneOrder() sut.Delta {
	return sut.Delta{Instances: []sut.Instance{orders("1", 0, sut.PhaseRunning)}, Workloads: []sut.Workload{{Name: "orders", Desired: 1}}}
}

// run runs a Live in a bubble; stop ends it and returns its error.
func run(t *testing.T, l *healers.Live) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestActsComeAfterTheirRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := suttest.New(oneOrder()), &memory{}
		var acts []healers.Act
		var sunk []healers.Record
		l := &healers.Live{
			Seed: 1, System: s, Policy: ordersPolicy(), Trial: true, Journal: j,
			Sink: func(r healers.Record) {
				if n := len(j.all()); uint64(n) < r.Seq {
					t.Errorf("record %d was told before it was kept", r.Seq)
				}
				sunk = append(sunk, r)
			},
			Notify: func(healers.Message, bool) {},
			Actuator: actuator(func(_ context.Context, g healers.Grant, a healers.Act) healers.Done {
				if j.has(healers.RecordIntent, a.Verb) == 0 {
					t.Error("an act without a record")
				}
				if !g.Allows(a) {
					t.Error("an act without its grant")
				}
				acts = append(acts, a)
				s.Push(sut.Delta{Instances: []sut.Instance{orders("2", 1, sut.PhaseRunning)}})
				return healers.Done{Result: healers.ResultOK}
			}),
		}
		stop := run(t, l)
		synctest.Wait()
		if len(acts) != 0 {
			t.Fatalf("acts on a healthy system: %+v", acts)
		}
		s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}})
		synctest.Wait()
		if len(acts) != 1 || acts[0].Verb != "restart" || acts[0].Target.Incarnation != "1" {
			t.Fatalf("acts: %+v", acts)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(acts) != 1 || j.has(healers.RecordOutcome, "restart") != 1 {
			t.Errorf("%d acts, %d outcomes", len(acts), j.has(healers.RecordOutcome, "restart"))
		}
		if len(sunk) != len(j.all()) {
			t.Errorf("%d records were told, %d kept", len(sunk), len(j.all()))
		}
	})
}

func TestWithoutAJournalNothingIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk is gone")
		s := suttest.New(oneOrder())
		j := &memory{fail: broken}
		done := make(chan error, 1)
		l := &healers.Live{
			System: s, Policy: ordersPolicy(), Trial: true, Journal: j,
			Actuator: actuator(func(context.Context, healers.Grant, healers.Act) healers.Done {
				t.Error("it acted")
				return healers.Done{Result: healers.ResultOK}
			}),
		}
		go func() { done <- l.Run(t.Context()) }()
		s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}})
		if err := <-done; !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnotherEngineTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := suttest.New(oneOrder()), &memory{}
		done := make(chan error, 1)
		l := &healers.Live{System: s, Policy: ordersPolicy(), Trial: true, Journal: j, Actuator: actuator(func(context.Context, healers.Grant, healers.Act) healers.Done {
			t.Error("it acted")
			return healers.Done{Result: healers.ResultOK}
		})}
		go func() { done <- l.Run(t.Context()) }()
		synctest.Wait()
		if err := j.Append(t.Context(), 9, nil); err != nil {
			t.Fatal(err)
		}
		s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}})
		if err := <-done; !errors.Is(err, healers.ErrFenced) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunWaitsForActsAndKeepsTheirOutcome(t *testing.T) {
	for _, c := range []struct {
		name string
		take time.Duration
		want healers.Result
	}{
		{"within the grace", time.Second, healers.ResultOK},
		{"beyond the grace", time.Hour, healers.ResultCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, j := suttest.New(oneOrder()), &memory{}
				ended := false
				l := &healers.Live{System: s, Policy: ordersPolicy(), Trial: true, Journal: j, Actuator: actuator(
					func(ctx context.Context, _ healers.Grant, a healers.Act) healers.Done {
						if a.Verb != "restart" {
							return healers.Done{Result: healers.ResultOK}
						}
						defer func() { ended = true }()
						select {
						case <-time.After(c.take):
							return healers.Done{Result: healers.ResultOK}
						case <-ctx.Done():
							return healers.Done{Result: healers.ResultCancelled}
						}
					})}
				stop := run(t, l)
				s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}})
				synctest.Wait()
				if err := stop(); err != nil {
					t.Error(err)
				}
				if !ended {
					t.Error("Run returned before its act")
				}
				var got []healers.Result
				for _, r := range j.all() {
					if r.Done != nil {
						got = append(got, r.Done.Result)
					}
				}
				if len(got) == 0 || got[0] != c.want {
					t.Errorf("outcomes %v, want %s", got, c.want)
				}
			})
		})
	}
}

func TestClockGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := suttest.New(oneOrder()), &memory{}
		incarnation := 1
		heal := func() *healers.Live {
			return &healers.Live{System: s, Policy: ordersPolicy(), Trial: true, Journal: j, Notify: func(healers.Message, bool) {}, Actuator: actuator(
				func(context.Context, healers.Grant, healers.Act) healers.Done {
					incarnation++
					s.Push(sut.Delta{Instances: []sut.Instance{orders(string(rune('0'+incarnation)), uint64(incarnation-1), sut.PhaseRunning)}})
					return healers.Done{Result: healers.ResultOK}
				})}
		}
		stop := run(t, heal())
		<-time.After(20 * time.Second)
		s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}})
		<-time.After(30 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		first := j.all()
		last := first[len(first)-1]
		<-time.After(time.Hour) // nobody heals
		stop = run(t, heal())
		synctest.Wait()
		s.Push(sut.Delta{Instances: []sut.Instance{orders("2", 2, sut.PhaseExited)}})
		<-time.After(time.Minute)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		all := j.all()
		if len(all) <= len(first) || incarnation < 3 {
			t.Fatalf("the second engine did nothing: %d records, incarnation %d", len(all)-len(first), incarnation)
		}
		for i, r := range all[len(first):] {
			if r.At < last.At || r.At > last.At+2*time.Minute || r.Seq != last.Seq+uint64(i)+1 || r.Epoch != last.Epoch+1 {
				t.Fatalf("record %d at %s in epoch %d; the last was %d at %s in %d", r.Seq, r.At, r.Epoch, last.Seq, last.At, last.Epoch)
			}
		}
	})
}

// blinking is a system whose watch fails now and then.
type blinking struct {
	*suttest.Scripted
	mu      sync.Mutex
	watches int
	fail    chan error
}

func (b *blinking) Watch(ctx context.Context, f func(sut.Delta) error) error {
	b.mu.Lock()
	b.watches++
	b.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { errs <- b.Scripted.Watch(ctx, f) })
	select {
	case err := <-errs:
		return err
	case err := <-b.fail:
		cancel()
		return err
	}
}

func TestALostSystemIsWatchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &blinking{Scripted: suttest.New(oneOrder()), fail: make(chan error)}
		j := &memory{}
		restarts := 0
		stop := run(t, &healers.Live{System: b, Policy: ordersPolicy(), Trial: true, Journal: j, Notify: func(healers.Message, bool) {}, Actuator: actuator(
			func(context.Context, healers.Grant, healers.Act) healers.Done {
				restarts++
				return healers.Done{Result: healers.ResultOK}
			})})
		for range 3 {
			b.fail <- errors.New("no sight")
		}
		synctest.Wait()
		b.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited)}}) // in the dark
		<-time.After(5 * time.Second)
		synctest.Wait()
		if b.watches < 4 || restarts == 0 {
			t.Errorf("%d watches, %d restarts", b.watches, restarts)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// ask is a prober that says what a test sends.
type ask struct {
	changes chan probe.Change
	err     error
}

func (a ask) Run(ctx context.Context, _ func() time.Duration, report func(probe.Change)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, ok := <-a.changes:
			if !ok {
				return a.err
			}
			report(c)
		}
	}
}

func TestProbesReachTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ordersPolicy()
		p.Workloads[0].Liveness = thresholds()
		s, j := suttest.New(oneOrder()), &memory{}
		prober := ask{changes: make(chan probe.Change)}
		restarts := 0
		stop := run(t, &healers.Live{System: s, Policy: p, Trial: true, Journal: j, Prober: prober, Notify: func(healers.Message, bool) {}, Actuator: actuator(
			func(context.Context, healers.Grant, healers.Act) healers.Done {
				restarts++
				s.Push(sut.Delta{Instances: []sut.Instance{orders("2", 1, sut.PhaseRunning)}})
				return healers.Done{Result: healers.ResultOK}
			})})
		synctest.Wait()
		prober.changes <- probe.Change{Target: sut.Target{ID: "orders/0", Incarnation: "1"}, Role: probe.Liveness, Result: probe.Failure, Detail: "no answer within 1s"}
		synctest.Wait()
		if restarts != 1 {
			t.Errorf("%d restarts", restarts)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAProberThatFailsEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober := ask{changes: make(chan probe.Change), err: errors.New("no eyes")}
		close(prober.changes)
		l := &healers.Live{System: suttest.New(oneOrder()), Policy: ordersPolicy(), Trial: true, Journal: &memory{}, Prober: prober}
		if err := l.Run(t.Context()); !errors.Is(err, prober.err) {
			t.Errorf("got %v", err)
		}
	})
}
