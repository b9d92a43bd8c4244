package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func memory() *faulttest.Memory {
	return faulttest.NewMemory([]sut.ID{"orders/0", "orders/1", "store/0"}, "store/0:data")
}

func item(fault string, target sut.ID, at, hold time.Duration) faults.Item {
	return faults.Item{ID: "1", Fault: fault, Target: target, At: at, For: hold}
}

// played is an Injector that runs in a bubble.
type played struct {
	*faults.Injector
	memory *faulttest.Memory
	lease  *faulttest.Lease
	stop   context.CancelFunc
	ended  chan struct{}
	err    error // of Run, after ended

	mu     sync.Mutex
	events []faults.Event
}

func play(t *testing.T, m *faulttest.Memory, items ...faults.Item) *played {
	t.Helper()
	for i := range items {
		items[i].ID = fmt.Sprint(i + 1)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &played{memory: m, lease: faulttest.NewLease(0), stop: stop, ended: make(chan struct{})}
	p.Injector = &faults.Injector{System: m, Schedule: faults.Schedule{Seed: 7, Items: items}, Lease: p.lease, Event: func(e faults.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}}
	go func() { p.err = p.Run(ctx); close(p.ended) }()
	synctest.Wait()
	return p
}

// story is what was told: "1 active@3s", without the proofs.
func (p *played) story() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, e := range p.events {
		out = append(out, fmt.Sprintf("%s %s@%s", e.ID, e.State, e.At.Truncate(time.Millisecond)))
	}
	return out
}

func (p *played) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := p.story(); !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s\nproofs %v", strings.Join(got, "\n"), strings.Join(want, "\n"), p.events)
	}
}

// after lets d pass.
func after(d time.Duration) { <-time.After(d); synctest.Wait() }

// clean ends everything and finds nothing left.
func (p *played) clean(t *testing.T) {
	t.Helper()
	for range 2 { // it may be called twice
		if err := p.Revert(t.Context()); err != nil {
			t.Errorf("Revert: %v", err)
		}
	}
	<-p.ended
	if p.err != nil {
		t.Errorf("Run: %v", p.err)
	}
	if b, l, a := p.memory.Broken(), p.Left(), p.lease.Armed(); len(b)+len(l)+len(a) > 0 {
		t.Errorf("after Revert: broken %v, left %v, armed %v", b, l, a)
	}
}

func (p *played) done() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *played) confirmed() bool {
	select {
	case <-p.Confirmed():
		return true
	default:
		return false
	}
}

func TestInjectorHoldsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("hang", "orders/1", 3*time.Second, 2*time.Second))
		after(2 * time.Second)
		if len(p.memory.Broken()) != 0 || p.confirmed() {
			t.Error("broken before its time")
		}
		after(2 * time.Second)
		if !p.memory.IsBroken("hang", sut.Target{ID: "orders/1", Incarnation: "2+2"}) || !p.confirmed() {
			t.Error("not broken in its time")
		}
		after(2 * time.Second)
		if !p.done() {
			t.Error("Run goes on although all has ended")
		}
		p.expect(t, "1 injecting@3s", "1 active@3s", "1 reverted@5s")
		if got := p.events[1]; got.Target.Incarnation != "2+2" || got.Proof != "hang orders/1@2+2" || got.Fault != "hang" {
			t.Errorf("event %+v", got)
		}
		p.clean(t)
	})
}

func TestInjectorKillIsOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("kill", "orders/1", time.Second, 0))
		after(2 * time.Second)
		if !p.done() || !p.confirmed() {
			t.Error("Run goes on after the kill")
		}
		p.memory.Restart("orders/1")
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s")
		if in := p.memory.Snapshot().Instances[1]; in.Phase != sut.PhaseRunning {
			t.Errorf("the next incarnation was killed too: %+v", in)
		}
	})
}

func TestInjectorKillWithoutEvidenceIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		looks := 0
		m.Fail = func(call string) error {
			if looks++; call == "kill" && looks > 1 {
				return errors.New("cannot tell")
			}
			return nil
		}
		p := play(t, m, item("kill", "orders/1", 0, 0))
		after(6 * time.Second)
		m.Fail = nil
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 unseen@5s", "1 reverted@6s")
	})
}

func TestInjectorPlaceboIsUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("placebo", "orders/1", 0, 0))
		after(4 * time.Second)
		if p.confirmed() {
			t.Error("decided before the time for confirmation was over")
		}
		after(2 * time.Second)
		if !p.confirmed() {
			t.Error("an unseen fault is decided too")
		}
		after(time.Minute)
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 unseen@5s", "1 reverted@1m6s")
		if !strings.Contains(p.events[1].Proof, "the placebo does nothing") {
			t.Errorf("proof %q", p.events[1].Proof)
		}
	})
}

func TestInjectorRestarts(t *testing.T) {
	for name, c := range map[string]struct {
		item   faults.Item
		forget bool
		do     func(m *faulttest.Memory)
		want   []string
		broken int // afterwards, before Revert
	}{
		"a hang ends with its incarnation": {
			item: item("hang", "orders/1", 0, 0), do: func(m *faulttest.Memory) { m.Restart("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 overtaken@10s"},
		},
		"a hang ends with the exit": {
			item: item("hang", "orders/1", 0, 0), do: func(m *faulttest.Memory) { m.Exit("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 overtaken@10s"},
		},
		"another's restart changes nothing": {
			item: item("hang", "orders/1", 0, 0), do: func(m *faulttest.Memory) { m.Restart("orders/0") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reverted@20s"}, broken: 1,
		},
		"a cut that outlasts the restart": {
			item: item("partition", "orders/1>store/0", 0, 0), do: func(m *faulttest.Memory) { m.Restart("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reapplied@10s", "1 reverted@20s"}, broken: 1,
		},
		"a cut that does not is put back": {
			item: item("partition", "orders/1>store/0", 0, 0), forget: true, do: func(m *faulttest.Memory) { m.Restart("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reapplied@10s", "1 reverted@20s"}, broken: 1,
		},
		"so it is when the other end restarts": {
			item: item("partition", "orders/1>store/0", 0, 0), forget: true, do: func(m *faulttest.Memory) { m.Restart("store/0") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reapplied@10s", "1 reverted@20s"}, broken: 1,
		},
		"and when the restart takes its time": {
			item: item("partition", "orders/1>store/0", 0, 0), forget: true,
			do:   func(m *faulttest.Memory) { m.Exit("orders/1"); after(7 * time.Second); m.Restart("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reapplied@17s", "1 reverted@27s"}, broken: 1,
		},
		"a replacement is not followed": {
			item: item("partition", "orders/1>store/0", 0, 0), do: func(m *faulttest.Memory) { m.Remove("orders/1") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 overtaken@10s"},
		},
		"what a healer cleaned is not put back": {
			item: item("disk-full", "store/0:data", 0, 0), do: func(m *faulttest.Memory) { m.Clean("store/0:data") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 overtaken@11s"},
		},
		"not even on a new incarnation": {
			item: item("disk-full", "store/0:data", 0, 0), do: func(m *faulttest.Memory) { m.Clean("store/0:data"); m.Restart("store/0") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 overtaken@10s"},
		},
		"what is full stays full over a restart": {
			item: item("disk-full", "store/0:data", 0, 0), do: func(m *faulttest.Memory) { m.Restart("store/0") },
			want: []string{"1 injecting@0s", "1 active@0s", "1 reapplied@10s", "1 reverted@20s"}, broken: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := memory()
				m.ForgetCuts = c.forget
				p := play(t, m, c.item)
				after(10*time.Second - time.Millisecond)
				after(time.Millisecond)
				c.do(m)
				after(10 * time.Second)
				if got := m.Broken(); len(got) != c.broken {
					t.Errorf("broken: %v, want %d", got, c.broken)
				}
				p.clean(t)
				p.expect(t, c.want...)
			})
		})
	}
}

func TestInjectorNeedsALivingTarget(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(m *faulttest.Memory)
		want []string
	}{
		"removed before": {func(m *faulttest.Memory) { m.Remove("orders/1") }, []string{"1 failed@3s"}},
		"down for good":  {func(m *faulttest.Memory) { m.Exit("orders/1") }, []string{"1 failed@8s"}},
		"down for a while": {
			func(m *faulttest.Memory) { m.Exit("orders/1"); after(5 * time.Second); m.Restart("orders/1") },
			[]string{"1 injecting@5s", "1 active@5s", "1 reverted@13s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := play(t, memory(), item("hang", "orders/1", 3*time.Second, 0))
				c.do(p.memory)
				after(8 * time.Second)
				if !p.confirmed() {
					t.Error("a failure is decided too")
				}
				p.clean(t)
				p.expect(t, c.want...)
			})
		})
	}
}

func TestInjectorStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		broken := errors.New("no way")
		m.Fail = func(call string) error {
			if call == "release" {
				return broken
			}
			return nil
		}
		p := play(t, m, item("hang", "orders/0", 0, time.Second), item("hang", "orders/1", 0, 0))
		after(3 * time.Second)
		if err := p.Revert(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "fault 1") || !strings.Contains(err.Error(), "fault 2") {
			t.Errorf("Revert: %v, want both problems", err)
		}
		if got := p.Left(); len(got) != 2 {
			t.Errorf("left %v, want both", got)
		}
		m.Fail = nil
		p.clean(t)
		s := p.story()
		if want := []string{"1 stuck@1s", "2 stuck@3s", "2 reverted@3s", "1 reverted@3s"}; !slices.Equal(s[4:], want) && !slices.Equal(s[4:], []string{"1 stuck@1s", "2 stuck@3s", "1 reverted@3s", "2 reverted@3s"}) {
			t.Errorf("told %v, want it to end with %v", s, want)
		}
	})
}

func TestInjectorRevertsTheNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("hang", "orders/0", time.Second, 0), item("partition", "orders/1>store/0", 2*time.Second, 0),
			item("disk-full", "store/0:data", 3*time.Second, 0), item("hang", "orders/1", time.Hour, 0))
		after(4 * time.Second)
		if p.confirmed() {
			t.Error("confirmed although one is still to come")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // Ctrl-C must not keep us from reverting
		if err := p.Revert(ctx); err != nil {
			t.Error(err)
		}
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "2 injecting@2s", "2 active@2s", "3 injecting@3s", "3 active@3s",
			"3 reverted@4s", "2 reverted@4s", "1 reverted@4s")
	})
}

func TestInjectorRefusesTheSameTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("hang", "orders/1", time.Second, 5*time.Second), item("hang", "orders/1", 2*time.Second, 0),
			item("hang", "orders/1", 10*time.Second, time.Second))
		after(20 * time.Second)
		p.clean(t)
		p.expect(t, "1 injecting@1s", "1 active@1s", "2 failed@2s", "1 reverted@6s", "3 injecting@10s", "3 active@10s", "3 reverted@11s")
	})
}

func TestInjectorFailedInjectLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		m.Fail = func(call string) error {
			if call == "pause" {
				return errors.New("no way")
			}
			return nil
		}
		p := play(t, m, item("hang", "orders/1", 0, 0))
		after(time.Second)
		if !p.done() || !p.confirmed() {
			t.Error("Run goes on after the failure")
		}
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 failed@0s")
	})
}

// blind is a system that stops telling.
type blind struct{ *faulttest.Memory }

func (b blind) Watch(ctx context.Context, f func(sut.Delta) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_ = b.Memory.Watch(ctx, f)
	return errors.New("connection lost")
}

func TestInjectorEndsWhenBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		in := &faults.Injector{System: blind{m}, Lease: faulttest.NewLease(0), Schedule: faults.Schedule{Items: []faults.Item{item("hang", "orders/1", 0, 0)}}}
		if err := in.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "connection lost") {
			t.Errorf("Run: %v, want the loss", err)
		}
		if len(m.Broken()) != 1 {
			t.Error("the fault was to stay for Revert")
		}
		if err := in.Revert(t.Context()); err != nil || len(m.Broken()) != 0 {
			t.Errorf("Revert: %v, broken %v", err, m.Broken())
		}
	})
}

func TestInjectorIsUsedOnce(t *testing.T) {
	in := &faults.Injector{System: memory()}
	if err := in.Run(t.Context()); err != nil {
		t.Fatalf("an empty schedule: %v", err)
	}
	select {
	case <-in.Confirmed():
	default:
		t.Error("an empty schedule is confirmed")
	}
	if err := in.Run(t.Context()); err == nil {
		t.Error("it ran twice")
	}
	unused := &faults.Injector{System: memory()}
	if err := unused.Revert(t.Context()); err != nil {
		t.Error(err)
	}
	unused.Schedule.Items = []faults.Item{item("hang", "orders/1", 0, 0)}
	if err := unused.Run(t.Context()); err != nil {
		t.Errorf("Run after Revert: %v", err)
	}
	if b := unused.System.(*faulttest.Memory).Broken(); len(b) > 0 {
		t.Errorf("it injected after Revert: %v", b)
	}
	bad := &faults.Injector{System: memory(), Schedule: faults.Schedule{Items: []faults.Item{{ID: "1", Fault: "boil"}}}}
	if err := bad.Run(t.Context()); err == nil {
		t.Error("it ran an unknown fault")
	}
	if err := bad.Revert(t.Context()); err != nil {
		t.Error(err)
	}
}
