package fleet_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

func core(t *testing.T, c fleet.Config) *fleet.Core {
	t.Helper()
	k, err := fleet.NewCore(c, "e")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// enter registers members of the store, with an open breaker each.
func enter(t *testing.T, k *fleet.Core, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		var err error
		if ids[i], err = k.Register(0, fleet.Registration{Dependency: "store", Name: "orders", Identity: identity(i)}); err != nil {
			t.Fatal(err)
		}
		if err := k.Report(0, ids[i], true); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// TestBudget has members ask and begin over a network that delays, loses and repeats. In no
// Per do more trials begin than there may be.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		set := fleet.Config{
			Trials: rapid.IntRange(1, 6).Draw(r, "trials"), Per: time.Second,
			Lease: rapid.SampledFrom([]time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second}).Draw(r, "lease"), Passes: 1 << 19,
		}
		k, err := fleet.NewCore(set, "e")
		if err != nil {
			r.Fatal(err)
		}
		w := &world{}
		var begun []time.Duration
		chance := seed.Stream(rapid.Uint64().Draw(r, "seed"), "network")
		delay := func() time.Duration { return time.Duration(chance.IntN(700)) * time.Millisecond }
		lost := func() bool { return chance.IntN(4) == 0 }
		for i := range rapid.IntRange(1, 12).Draw(r, "members") {
			m := fleet.NewMember(identity(i), time.Hour)
			id, err := k.Register(0, fleet.Registration{Dependency: "store", Name: "orders", Identity: identity(i)})
			if err != nil {
				r.Fatal(err)
			}
			_ = k.Report(0, id, true)
			m.Here(0, id)
			var try func()
			try = func() {
				if m.Take(w.now) == 0 {
					begun = append(begun, w.now)
				}
				if trial, is := m.News(); is != "" {
					if !lost() {
						w.at(w.now+delay(), func() { _ = k.Progress(w.now, id, trial, is) })
					}
					m.Sent(trial, is)
				}
				if asked := w.now; m.Wants(asked) {
					w.at(asked+delay(), func() {
						a, _ := k.Ask(w.now, id)
						if !lost() {
							w.at(w.now+delay(), func() { m.Answered(asked, w.now, a) })
						}
					})
				}
				w.at(w.now+time.Duration(20+chance.IntN(400))*time.Millisecond, try)
			}
			w.at(delay(), try)
		}
		w.run(20 * time.Second)
		if most := busiest(begun, 0); most > set.Trials {
			r.Fatalf("%d trials began in a second, at most %d: %v", most, set.Trials, begun)
		}
	})
}

func TestTricklesOneByOne(t *testing.T) {
	k := core(t, fleet.Config{Trials: 4, Per: time.Second, Lease: 2 * time.Second})
	ids := enter(t, k, 10)
	var granted []time.Duration
	for now := time.Duration(0); now < time.Second; now += 10 * time.Millisecond {
		for _, id := range ids {
			a, err := k.Ask(now, id)
			if err != nil {
				t.Fatal(err)
			}
			if !a.Granted {
				if a.Wait <= 0 || a.Wait > 11*time.Second {
					t.Errorf("at %v wait %v", now, a.Wait)
				}
				continue
			}
			if a.Valid == 2*time.Second { // it is not the same once more
				granted = append(granted, now)
			}
		}
	}
	if got := fmt.Sprint(granted); got != "[0s 250ms 500ms 750ms]" {
		t.Errorf("granted at %v", got)
	}
}

func TestLostMemberKeepsNothing(t *testing.T) {
	k := core(t, fleet.Config{Trials: 1, Lease: 2 * time.Second, MemberLease: 30 * time.Second, Members: 2})
	ids := enter(t, k, 2)
	if a, _ := k.Ask(0, ids[0]); !a.Granted {
		t.Fatal("nothing granted")
	}
	if a, _ := k.Ask(2900*time.Millisecond, ids[1]); a.Granted {
		t.Error("granted while the first may still be under way")
	}
	if a, _ := k.Ask(3*time.Second, ids[1]); !a.Granted {
		t.Error("the lost trial keeps its place")
	}
	if err := k.Progress(3*time.Second, ids[1], 2, fleet.Unused); err != nil {
		t.Error(err)
	}
	if a, _ := k.Ask(4*time.Second, ids[1]); !a.Granted {
		t.Error("what was not used keeps its place")
	}
	third := fleet.Registration{Dependency: "store", Name: "orders", Identity: "orders/third"}
	if _, err := k.Register(29*time.Second, third); !errors.Is(err, fleet.ErrFull) {
		t.Errorf("a third of two: %v", err)
	}
	if _, err := k.Register(31*time.Second, third); err != nil {
		t.Errorf("the first is forgotten: %v", err)
	}
	if err := k.Report(31*time.Second, ids[0], true); !errors.Is(err, fleet.ErrUnknown) {
		t.Errorf("a report of one that is forgotten: %v", err)
	}
	if s := k.Status(2 * time.Hour); len(s) != 0 {
		t.Errorf("left: %+v", s)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	k := core(t, fleet.Config{Dependencies: 3})
	now := time.Duration(0)
	for i := range 100 {
		now += 20 * time.Second // two live at a time
		if _, err := k.Register(now, fleet.Registration{Dependency: fmt.Sprint(i), Name: "a", Identity: "b"}); err != nil {
			t.Fatalf("the %dth: %v", i, err)
		}
	}
	for i := range 3 {
		_, err := k.Register(now, fleet.Registration{Dependency: fmt.Sprint("x", i), Name: "a", Identity: "b"})
		if (err != nil) != (i > 0) {
			t.Errorf("%d more: %v", i+1, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 201), "a\nb"} {
		if _, err := k.Register(now, fleet.Registration{Dependency: "d", Name: "a", Identity: bad}); !errors.Is(err, fleet.ErrRequest) {
			t.Errorf("identity %.10q: %v", bad, err)
		}
	}
}

// TestRampIsEven: of any part of the ramp so many slots are in it as it is long.
func TestRampIsEven(t *testing.T) {
	k := core(t, fleet.Config{RampOver: 40 * time.Second, Passes: 2})
	ids := enter(t, k, 400)
	k.Probed(0, "store", breaker.OK)
	k.Probed(time.Second, "store", breaker.OK)
	in := make([]int, 40)
	for _, id := range ids {
		d, err := k.Directive(time.Second, id, 0)
		if err != nil || d.Do != fleet.Close || d.In < 0 || d.In >= 40*time.Second {
			t.Fatalf("%+v, %v", d, err)
		}
		in[d.In/time.Second]++
	}
	for i, n := range in {
		if n < 8 || n > 12 {
			t.Errorf("%d close in second %d, of 10 on average", n, i)
		}
	}
	if d, err := k.Directive(time.Second, ids[0], 1); err != nil || d.Do != fleet.Nothing {
		t.Errorf("told again: %+v, %v", d, err)
	}
	if d, err := k.Directive(2*time.Minute, ids[0], 0); !errors.Is(err, fleet.ErrUnknown) {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRelapseEndsTheRamp(t *testing.T) {
	k := core(t, fleet.Config{Passes: 1, HoldFor: 10 * time.Second})
	ids := enter(t, k, 20)
	k.Probed(0, "store", breaker.OK)
	now := time.Second
	for i, open := range []bool{false, true} {
		for _, id := range ids[:3] {
			if d, _ := k.Directive(now, ids[10], 0); d.Do != fleet.Close {
				t.Fatalf("%d: %+v", i, d)
			}
			if err := k.Report(now, id, open); err != nil {
				t.Fatal(err)
			}
		}
	}
	d, err := k.Directive(now, ids[10], 1)
	if err != nil || d.Do != fleet.Hold || d.For != 10*time.Second {
		t.Errorf("%+v, %v", d, err)
	}
	if a, _ := k.Ask(now, ids[10]); a.Granted {
		t.Error("a trial while all hold")
	}
	if a, _ := k.Ask(now+10*time.Second, ids[10]); !a.Granted {
		t.Error("no trial after that")
	}
}

// TestPassesBeforeAreNone: what a probe found while all was well does not close what opens
// later.
func TestPassesBeforeAreNone(t *testing.T) {
	k := core(t, fleet.Config{Passes: 3})
	ids := enter(t, k, 2)
	for _, id := range ids {
		_ = k.Report(0, id, false)
	}
	for range 5 {
		k.Probed(0, "store", breaker.OK)
	}
	_ = k.Report(0, ids[0], true)
	k.Probed(0, "store", breaker.OK)
	k.Probed(0, "store", breaker.OK)
	if d, _ := k.Directive(0, ids[0], 0); d.Do != fleet.Nothing {
		t.Errorf("%+v", d)
	}
	k.Probed(0, "store", breaker.Failure)
	if d, _ := k.Directive(0, ids[0], 0); d.Do != fleet.Hold {
		t.Errorf("%+v", d)
	}
	for range 3 {
		k.Probed(0, "store", breaker.OK)
	}
	if d, _ := k.Directive(0, ids[0], 1); d.Do != fleet.Close {
		t.Errorf("%+v", d)
	}
}

func TestMemberAlone(t *testing.T) {
	m := fleet.NewMember("orders/1", time.Minute)
	var tried []time.Duration
	for now := time.Hour; now < time.Hour+10*time.Minute; now += 100 * time.Millisecond {
		if m.Take(now) == 0 {
			tried = append(tried, now)
		}
	}
	if n := len(tried); n < 6 || n > 10 || tried[0] > time.Hour+time.Minute {
		t.Errorf("%d trials: %v", n, tried)
	}
	for i := 1; i < len(tried); i++ {
		if d := tried[i] - tried[i-1]; d < time.Minute {
			t.Errorf("two trials within %v", d)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	bad := fleet.Config{Trials: -1, Per: -1, Lease: 48 * time.Hour, Members: 1 << 30}
	err := bad.Validate()
	for _, want := range []string{"Trials", "Per", "Lease", "Members"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
	_, err = fleet.NewClient(fleet.ClientConfig{URL: "store:1", Spread: -1})
	for _, want := range []string{"URL", "identity", "Spread"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
}
