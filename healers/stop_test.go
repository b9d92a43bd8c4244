package healers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// TestWhoStopsStopsWhatHasNotBegun: an act that was granted and not begun is given up
// when people stop the engine. It counts for nothing, and is asked for again.
func TestWhoStopsStopsWhatHasNotBegun(t *testing.T) {
	for _, row := range []struct{ stop, on string }{{"pause", "resume"}, {"pause", "revive"}, {"kill", "revive"}} {
		t.Run(row.stop+" "+row.on, func(t *testing.T) {
			tp := newTape()
			expectActs(t, tp.step(delta(order(1, exited, out))), "1 restart orders/1")
			in := say(row.stop)
			if o := tp.Step(&in); !slices.Equal(o.Cancel, []healers.ActID{1}) {
				t.Errorf("cancelled %v", o.Cancel)
			}
			expectActs(t, tp.step(done(healers.ResultCancelled, 1)))
			// There is no back-off, which a restart that was begun would have.
			expectActs(t, tp.step(at(time.Second, say(row.on))), "2 restart orders/1")
		})
	}
}

// TestWhatWasToBeToldIsTold: a message that was granted is sent, whoever stops the engine
// meanwhile. It touches nothing, and nobody would send it again.
func TestWhatWasToBeToldIsTold(t *testing.T) {
	for _, stop := range []string{"pause", "kill"} {
		tp := newTape()
		tp.step(healers.Input{Policy: with(func(p *policy.Policy) { p.Guard.Approval = []string{"restart"} }), Trial: true})
		expectActs(t, tp.step(delta(order(1, exited, out))), "1 page orders/1")
		in := say(stop)
		if o := tp.Step(&in); len(o.Cancel) > 0 {
			t.Errorf("%s cancelled %v", stop, o.Cancel)
		}
	}
}

// TestResumeLeavesTheKillSwitch: one person's pause is over, and not what another had
// more reason for.
func TestResumeLeavesTheKillSwitch(t *testing.T) {
	tp := newTape()
	tp.step(say("pause"))
	tp.step(say("kill"))
	tp.step(say("resume"))
	tp.expect(t, "eve: resume, refused: the kill switch is engaged")
	expectActs(t, tp.step(delta(order(1, exited, out))))
	expectActs(t, tp.step(say("revive")), "1 restart orders/1")
}

// TestWhatIsToldWaitsForTheKillSwitch: people are told how a work ended, also when the
// engine was stopped meanwhile.
func TestWhatIsToldWaitsForTheKillSwitch(t *testing.T) {
	tp := newTape()
	full := sut.Delta{Rev: 2, Instances: []sut.Instance{{
		Target: sut.Target{ID: "store/0", Incarnation: "s"}, Workload: "store", Phase: sut.PhaseRunning, Labels: map[string]string{"env": "test"},
	}}, Volumes: []sut.Volume{{ID: "store/0:data", Size: 100, Used: 95, Max: 100}}}
	p := with(func(p *policy.Policy) {
		p.Runbooks[0].Steps = p.Runbooks[0].Steps[:1]
		p.Workloads[1].Selector = policy.Selector{"workload": "store"}
	})
	tp.step(healers.Input{Policy: p, Trial: true})
	acts := tp.step(healers.Input{System: full})
	if len(acts) != 1 || acts[0].Verb != "cleanTemp" {
		t.Fatalf("acts %v", verbs(acts))
	}
	tp.step(say("kill"))
	tp.step(at(time.Second, done(healers.ResultFailed, acts[0].ID)))
	if acts := tp.step(at(2*time.Second, healers.Input{})); len(acts) > 0 {
		t.Errorf("while it is stopped: %v", verbs(acts))
	}
	acts = tp.step(at(3*time.Second, say("revive")))
	if !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == healers.VerbPage || a.Verb == healers.VerbNotify }) {
		t.Errorf("people were not told: %v\n%s", verbs(acts), lines(tp.records))
	}
}

// TestANewPolicyReachesWhatWaits: what has not begun is planned anew, by the new rules.
func TestANewPolicyReachesWhatWaits(t *testing.T) {
	renamed := func(f func(*policy.Policy)) healers.Input {
		return healers.Input{Policy: with(func(p *policy.Policy) { p.Digest = "another"; f(p) }), Trial: true}
	}
	crashed := order(1, exited, out, func(in *sut.Instance) { in.LastExit = sut.Exit{Code: 78} })
	never := func(p *policy.Policy) {
		p.Workloads[0].Restart.Rules = []policy.RestartRule{{Cause: policy.CauseConfig, Do: policy.DoNever}}
	}
	t.Run("a rule against it", func(t *testing.T) {
		tp := newTape()
		tp.step(say("pause"))
		tp.step(delta(crashed))
		tp.step(renamed(never))
		expectActs(t, tp.step(say("resume")))
		tp.expect(t, "dropped (the policy is new)")
	})
	t.Run("a rule for it", func(t *testing.T) {
		tp := newTape()
		page := func(p *policy.Policy) {
			p.Workloads[0].Restart.Rules = []policy.RestartRule{{Cause: policy.CauseConfig, Do: policy.DoPage}}
		}
		tp.step(renamed(page))
		expectActs(t, tp.step(delta(crashed)), "1 page orders/1")
		tp.step(done(healers.ResultOK, 1))
		expectActs(t, tp.step(at(time.Second, healers.Input{Policy: shopPolicy(), Trial: true})), "2 restart orders/1")
	})
}

// TestTriedIsNotKnown: a policy that was on trial is new where it is for good.
func TestTriedIsNotKnown(t *testing.T) {
	tp := newTape()
	tp.step(healers.Input{Policy: shopPolicy()})
	tp.expect(t, "the engine: kill (the policy is new")
	expectActs(t, tp.step(delta(order(1, exited, out))))
}

// TestAWishIsWithdrawn: what has not begun of it, and it is over by itself after a day.
func TestAWishIsWithdrawn(t *testing.T) {
	wish := func(verb string) healers.Input {
		return healers.Input{Commands: []healers.Command{{Verb: verb, By: "eve", Target: "orders"}}}
	}
	ready := []sut.Instance{order(0), order(1), order(2)}
	t.Run("by who wished", func(t *testing.T) {
		tp := newTape()
		expectActs(t, tp.step(wish("restart")), "1 restart orders/0")
		tp.step(wish("withdraw"))
		tp.step(at(time.Second, done(healers.ResultOK, 1)))
		tp.step(at(time.Second, delta(order(0, reborn))))
		tp.step(at(2*time.Second, says(probe.Readiness, probe.Success, order(0, reborn))))
		for now := 3 * time.Second; now < time.Minute; now += time.Second {
			expectActs(t, tp.step(at(now, healers.Input{})))
		}
	})
	for name, after := range map[string]time.Duration{"within a day": 23 * time.Hour, "after a day": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			tp := newTape()
			tp.step(say("pause"))
			tp.step(wish("restart"))
			acts := tp.step(at(after, healers.Input{System: sut.Delta{Rev: 3, Instances: ready}, Commands: say("resume").Commands}))
			if got, want := len(acts), map[bool]int{true: 1, false: 0}[after < 24*time.Hour]; got != want {
				t.Errorf("acts %v", verbs(acts))
			}
		})
	}
}

// TestAWishBeforeTheSystemIsSeen is refused with its own words, and at once: nobody else
// who has something to say waits for it.
func TestAWishBeforeTheSystemIsSeen(t *testing.T) {
	tp := &tape{Engine: healers.New(1, healers.Checkpoint{})}
	tp.step(healers.Input{Policy: shopPolicy(), Trial: true, Commands: []healers.Command{{Verb: "restart", By: "eve", Target: "orders"}}})
	tp.expect(t, "eve: restart orders, refused: the system was not seen yet")
	expectActs(t, tp.boot(time.Second, order(0), order(1), order(2)))
}

// TestWhoRelapsesIsNotBack: while one that was restarted is unready again the next is
// not taken, however long the soak was.
func TestWhoRelapsesIsNotBack(t *testing.T) {
	tp := newTape()
	tp.step(healers.Input{Policy: with(func(p *policy.Policy) {
		p.Digest, p.Workloads[0].MinAvailable, p.Workloads[0].ReplaceAfter = "relapse", "0", 0
	}), Trial: true})
	tp.step(healers.Input{Commands: []healers.Command{{Verb: "restart", By: "eve", Target: "orders"}}})
	tp.step(at(time.Second, done(healers.ResultOK, 1)))
	tp.step(at(time.Second, delta(order(0, reborn))))
	tp.step(at(2*time.Second, since(2*time.Second, says(probe.Readiness, probe.Success, order(0, reborn)))))
	tp.step(at(3*time.Second, since(3*time.Second, says(probe.Readiness, probe.Failure, order(0, reborn)))))
	restarts := func(acts []healers.Act) int {
		return len(slices.DeleteFunc(acts, func(a healers.Act) bool { return a.Verb != "restart" }))
	}
	for now := 4 * time.Second; now < time.Minute; now += time.Second {
		if n := restarts(tp.step(at(now, healers.Input{}))); n > 0 {
			t.Fatalf("%v: the next is restarted although the first relapsed:\n%s", now, lines(tp.records))
		}
	}
	tp.step(at(time.Minute, since(time.Minute, says(probe.Readiness, probe.Success, order(0, reborn)))))
	if n := restarts(tp.step(at(time.Minute+time.Second, healers.Input{}))); n > 0 {
		t.Error("it has not soaked yet")
	}
	if n := restarts(tp.step(at(time.Minute+3*time.Second, healers.Input{}))); n != 1 {
		t.Errorf("%d restarts when it is back:\n%s", n, strings.TrimSpace(lines(tp.records)))
	}
}

// TestTheLostDoNotWaitForEachOther: two that were restarted within the hour hang again.
// Neither serves anybody, so neither waits for the other.
func TestTheLostDoNotWaitForEachOther(t *testing.T) {
	tp := newTape()
	tp.step(healers.Input{Policy: with(func(p *policy.Policy) {
		alone(p)
		p.Digest, p.Workloads[0].MinAvailable, p.Workloads[0].ReplaceAfter = "lost", "0", 0
	}), Trial: true})
	tp.step(healers.Input{Commands: []healers.Command{{Verb: "restart", By: "eve", Target: "orders"}}})
	now := time.Second
	for i := range 3 { // each in its turn
		for _, a := range tp.acts {
			tp.step(at(now, done(healers.ResultOK, a.ID)))
		}
		tp.step(at(now, delta(order(i, reborn))))
		now += time.Second
		tp.step(at(now, since(now, says(probe.Readiness, probe.Success, order(i, reborn)))))
		now += 3 * time.Second
		tp.step(at(now, healers.Input{}))
	}
	if n := len(tp.acts); n != 3 {
		t.Fatalf("acts %v\n%s", verbs(tp.acts), lines(tp.records))
	}
	hung := []sut.Instance{order(0, reborn, out), order(1, reborn, out)}
	now += 15 * time.Minute // the back-off is over
	tp.step(at(now, delta(hung...)))
	tp.step(at(now, since(now, says(probe.Readiness, probe.Failure, hung...))))
	restarts := 0
	count := func(acts []healers.Act) {
		for _, a := range acts {
			if a.Verb == "restart" {
				restarts++
			}
		}
	}
	count(tp.step(at(now, since(now, says(probe.Liveness, probe.Failure, hung...)))))
	for end := now + time.Minute; now < end; now += 5 * time.Second {
		count(tp.step(at(now, healers.Input{})))
	}
	if restarts == 0 {
		t.Errorf("they wait for each other:\n%s", lines(tp.records))
	}
}

// TestEndingDecidesNothing: an engine that ends takes in how its acts ended, and asks for
// no other.
func TestEndingDecidesNothing(t *testing.T) {
	tp := newTape()
	expectActs(t, tp.step(delta(order(1, exited))), "1 rotateOut orders/1")
	in := done(healers.ResultOK, 1)
	in.Ending = true
	expectActs(t, tp.step(in))
	tp.expect(t, "act 1: ok")
	tp.restart()
	acts := tp.boot(time.Second, order(0), order(1, exited, out), order(2))
	if !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "restart" }) {
		t.Errorf("the next engine did %v", verbs(acts))
	}
}

// TestWhatWasNeverBegunIsNotGoneOnWith: when the reason is over meanwhile, so is the work.
func TestWhatWasNeverBegunIsNotGoneOnWith(t *testing.T) {
	tp := newTape()
	expectActs(t, tp.step(delta(order(1, exited, out))), "1 restart orders/1")
	tp.step(say("pause"))
	tp.step(done(healers.ResultCancelled, 1))
	tp.step(delta(order(1, out, reborn))) // somebody else has started it
	tp.step(at(time.Second, say("resume")))
	tp.expect(t, "work 1: dropped (the finding is over)")
}
