package healers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// TestAReplacementMustServe: an instance that came in another's place and is not ready
// either has healed nothing. People are told, and the next newcomer has the back-off of
// the place and not of its own ID.
func TestAReplacementMustServe(t *testing.T) {
	p := loose(1, func(p *policy.Policy) { p.Workloads[0].Restart.AtOnce = "1" })
	sc := healerstest.Scenario{Policy: p, Model: many(1, 3), Until: time.Hour, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		s.At(2*time.Second, func() { m.Doom("w0"); m.Cut("w0/1") })
	}}
	s := sc.Play(1, nil)
	all := told(s)
	if len(all) == 0 || !strings.Contains(all[0], "replace did not help within") {
		t.Errorf("people were told %q", all)
	}
	// Else every newcomer would be replaced after 4 s of being unready, over 200 times. The
	// second in a row that did not help ends it for an hour.
	if n := executed(s, "replace", 0, time.Hour); n != 2 {
		t.Errorf("%d replacements in an hour:\n%s", n, healerstest.Tell(s))
	}
	healerstest.Replay(t, s)
}

// TestAHalfDoneReplacementIsTold: the old one does not go. Nothing more is done, and a
// person is woken once.
func TestAHalfDoneReplacementIsTold(t *testing.T) {
	tp := replacing(t)
	tp.step(delta(order(3, out))) // the new one has come, the old one is still there
	var pages []string
	for now := 6 * time.Second; now < time.Hour; now += 10 * time.Second {
		for _, a := range tp.step(at(now, healers.Input{})) {
			if a.Verb == "replace" {
				t.Fatalf("replaced again:\n%s", lines(tp.records))
			}
			if a.Verb == healers.VerbPage {
				pages = append(pages, string(a.Args))
				tp.step(at(now, done(healers.ResultOK, a.ID)))
			}
		}
	}
	if len(pages) != 1 || !strings.Contains(pages[0], "replace of orders/1 is half done: 4 instances of orders are there and 3 are to be") {
		t.Errorf("people were told %q", pages)
	}
}

// TestStateIsOfWhatIsThere: instances that came and went for a month leave nothing.
func TestStateIsOfWhatIsThere(t *testing.T) {
	tp := &tape{Engine: healers.New(1, healers.Checkpoint{})}
	p := loose(1, nil)
	tp.step(healers.Input{Policy: p, Trial: true, System: sut.Delta{Reset: true, Rev: 1, Workloads: []sut.Workload{{Name: "w0", Desired: 1}}}})
	size := map[int]int{}
	for i := range 30 * 24 {
		now := time.Duration(i) * time.Hour
		one := sut.Instance{
			Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: "1"}, Workload: "w0", Phase: sut.PhaseExited, Rotation: sut.No,
		}
		for _, a := range tp.step(at(now, healers.Input{System: sut.Delta{Rev: 2, Instances: []sut.Instance{one}}})) {
			if a.Verb == "restart" {
				tp.step(at(now+time.Second, done(healers.ResultOK, a.ID)))
			}
		}
		one.Incarnation, one.Phase = "2", sut.PhaseRunning
		tp.step(at(now+time.Second, delta(one)))
		tp.step(at(now+time.Second, says(probe.Readiness, probe.Success, one)))
		tp.step(at(now+2*time.Second, healers.Input{System: sut.Delta{Rev: 3, Gone: []sut.ID{one.ID}}}))
		size[i/24] = len(tp.Checkpoint().State)
	}
	if size[29] > size[9]*3/2 {
		t.Errorf("%d bytes after 10 days, %d after 30", size[9], size[29])
	}
	if n := len(tp.acts); n < 30*24 {
		t.Errorf("only %d acts", n)
	}
}

// TestTurnsCostNoRecords: of many that wait for their turn each says so a few times, and
// not at every other's turn; nor is the question asked of all whenever one has come back.
func TestTurnsCostNoRecords(t *testing.T) {
	const fleet = 300
	p := loose(1, func(p *policy.Policy) { p.Workloads[0].Restart.AtOnce, p.Workloads[0].Restart.Soak = "3", time.Second })
	sc := healerstest.Scenario{Policy: p, Model: many(1, fleet), Until: time.Hour, Break: func(s *healerstest.Shell, _ *healerstest.Model) {
		s.At(2*time.Second, func() { s.Say(healers.Command{Verb: healers.CommandRestart, By: "eve", Target: "w0"}) })
	}}
	s := sc.Play(1, nil)
	if n := executed(s, "restart", 0, time.Hour); n != fleet {
		t.Fatalf("%d of %d were restarted", n, fleet)
	}
	decisions := 0
	for _, r := range s.Journal.Records {
		if r.Decision != nil && r.Decision.Verb == "restart" {
			decisions++
		}
	}
	if decisions > 8*fleet {
		t.Errorf("%d decisions about %d restarts", decisions, fleet)
	}
}

// TestWhatFlapsIsTold: who leaves the rotation and comes back again and again is nobody's
// to restart, and hides a problem all the same.
func TestWhatFlapsIsTold(t *testing.T) {
	p := loose(1, func(p *policy.Policy) { p.Workloads[0].ReplaceAfter = 0 })
	sc := healerstest.Scenario{Policy: p, Model: many(1, 3), Until: 20 * time.Minute, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		for i := range 6 {
			s.At(time.Duration(2+60*i)*time.Second, func() { m.Cut("w0/1") })
			s.At(time.Duration(32+60*i)*time.Second, func() { m.Mend("w0/1") })
		}
	}}
	if all := told(sc.Play(1, nil)); len(all) != 1 || !strings.HasPrefix(all[0], "page: w0/1 hides a problem (is not ready, healed 5 times in 4m0s: ") {
		t.Errorf("people were told %q", all)
	}
}

// TestOneThingRecursHoweverItShows: now it ends and now it hangs.
func TestOneThingRecursHoweverItShows(t *testing.T) {
	sc := healerstest.Scenario{Policy: loose(1, nil), Model: many(1, 3), Until: 20 * time.Minute, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		for i := range 5 {
			s.At(time.Duration(2+60*i)*time.Second, func() {
				if i%2 == 0 {
					m.Crash("w0/1")
				} else {
					m.Wedge("w0/1")
				}
			})
		}
	}}
	if all := told(sc.Play(1, nil)); len(all) != 1 || !strings.Contains(all[0], "w0/1 hides a problem") || !strings.Contains(all[0], "healed 5 times") {
		t.Errorf("people were told %q", all)
	}
}

// TestWhatWaitsForAHandIsNotBegunAfterAKill: on the shell, of two restarts of which one
// alone may be under way.
func TestWhatWaitsForAHandIsNotBegunAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := sut.Delta{Workloads: []sut.Workload{{Name: "w0", Desired: 2}}}
		for i := range 2 {
			two.Instances = append(two.Instances, sut.Instance{
				Target: sut.Target{ID: sut.InstanceID("w0", i), Incarnation: "1"}, Workload: "w0", Phase: sut.PhaseExited, Exits: 1, Rotation: sut.No,
			})
		}
		system := suttest.New(two)
		commands := make(chan healers.Command)
		var begun []sut.ID
		j := &memory{}
		l := &healers.Live{
			Seed: 1, System: system, Policy: loose(1, nil), Trial: true, Journal: j, MaxActs: 1, Commands: commands,
			Notify: func(healers.Message, bool) {},
			Actuator: actuator(func(_ context.Context, _ healers.Grant, a healers.Act) healers.Done {
				begun = append(begun, a.Target.ID)
				<-time.After(5 * time.Second)
				return healers.Done{Result: healers.ResultOK}
			}),
		}
		stop := run(t, l)
		synctest.Wait()
		commands <- healers.Command{Verb: healers.CommandKill, By: "eve"}
		<-time.After(time.Minute)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(begun) != 1 || j.has(healers.RecordIntent, "restart") != 2 {
			t.Errorf("begun %v of %d", begun, j.has(healers.RecordIntent, "restart"))
		}
		var ends []string
		for _, r := range j.all() {
			if r.Done != nil {
				ends = append(ends, fmt.Sprintf("%s %s", r.Done.Result, r.Done.Detail))
			}
		}
		if slices.Sort(ends); !slices.Equal(ends, []string{"cancelled it was never begun: the engine was stopped", "ok "}) {
			t.Errorf("they ended %q", ends)
		}
	})
}

// TestOneThatHangsInReplacementHoldsNoCrash: nobody knows what became of it, and who has
// ended beside it is started again all the same.
func TestOneThatHangsInReplacementHoldsNoCrash(t *testing.T) {
	tp := replacing(t)
	tp.step(at(6*time.Second, delta(order(3, out)))) // the new one has come, the old one is still there
	tp.step(at(time.Minute, healers.Input{}))
	restarts := 0
	for now := 2 * time.Minute; now < 4*time.Minute; now += 10 * time.Second {
		for _, a := range tp.step(at(now, delta(order(2, exited, out)))) {
			if a.Verb == "restart" && a.Target.ID == "orders/2" {
				restarts++
			}
		}
	}
	if restarts == 0 {
		t.Errorf("what crashed waits for it:\n%s", lines(tp.records))
	}
}

// TestARestartedEngineKnowsWhoIsNew: a sibling that was there before is nobody's successor,
// whoever is asked.
func TestARestartedEngineKnowsWhoIsNew(t *testing.T) {
	tp := replacing(t)
	tp.restart()
	tp.boot(6*time.Second, order(0), order(2))
	tp.step(at(7*time.Second, delta(order(3, out))))
	tp.step(at(8*time.Second, done(healers.ResultOK, 2)))
	tp.step(at(8*time.Second, says(probe.Readiness, probe.Failure, order(3))))
	tp.step(at(time.Minute, healers.Input{}))
	tp.expect(t, "work 2: telling (replace did not help within 15s)")
}

// TestAReplacementThatKeepsItsPlace: who comes under the same ID is not ready at first, and
// that is not what it was replaced for happening again.
func TestAReplacementThatKeepsItsPlace(t *testing.T) {
	tp := replacing(t)
	tp.step(at(6*time.Second, delta(order(1, out, reborn))))
	tp.step(at(6*time.Second, done(healers.ResultOK, 2)))
	tp.step(at(7*time.Second, since(7*time.Second, says(probe.Readiness, probe.Failure, order(1, reborn)))))
	tp.step(at(9*time.Second, since(9*time.Second, says(probe.Readiness, probe.Success, order(1, reborn)))))
	tp.expect(t, "work 2: done")
}
