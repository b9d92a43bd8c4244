package healers_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// both is what one step is told by two ways at once.
func both(a, b healers.Input) healers.Input {
	a.System, a.Done = b.System, append(a.Done, b.Done...)
	return a
}

// gone is the news that instances are no more, and others there.
func gone(ids []sut.ID, in ...sut.Instance) healers.Input {
	return healers.Input{System: sut.Delta{Rev: 2, Gone: ids, Instances: in}}
}

// idle lets time pass, in which every act is answered with one result, and nothing of
// it is seen. It returns what was done, but for messages.
func (tp *tape) idle(from, until time.Duration, result healers.Result) (did []string) {
	var in healers.Input
	for now := from; now < until; now += 500 * time.Millisecond {
		in.Now = now
		acts := tp.step(in)
		in = healers.Input{}
		for _, a := range acts {
			if in.Done = append(in.Done, healers.Done{ID: a.ID, Result: result}); !tells(a.Verb) {
				did = append(did, string(a.Verb)+" "+string(a.Target.ID))
			}
		}
	}
	return did
}

// TestWhatIsSeenCounts: an act that half-succeeds says one thing, and the system shows
// another. What is seen counts: nothing is done twice, nothing is taken for done that
// is not, and people are told in the end.
func TestWhatIsSeenCounts(t *testing.T) {
	const s = time.Second
	unready := says(probe.Readiness, probe.Failure, order(1))
	out1 := both(done(healers.ResultOK, 1), delta(order(1, out)))
	for _, row := range []struct {
		name   string
		inputs []healers.Input
		// then is what is done in the minutes after, in which every act says ok and none is
		// seen to be done.
		then []string
		says []string // on record
		not  string   // is not
	}{
		{
			"a restart that says it failed was done",
			[]healers.Input{
				delta(order(1, exited, out)), at(s, both(done(healers.ResultFailed, 1), delta(order(1, out, reborn)))),
				at(2*s, says(probe.Readiness, probe.Success, order(1, reborn))), at(2*s, delta(order(1, reborn))),
			},
			nil,
			[]string{"act 1: failed", "work 1: verifying", "work 1: done"},
			"act 3: ",
		},
		{
			"it is seen later than it says so",
			[]healers.Input{
				delta(order(1, exited, out)), at(s/4, done(healers.ResultFailed, 1)), at(s/2, delta(order(1, out, reborn))),
				at(2*s, says(probe.Readiness, probe.Success, order(1, reborn))), at(2*s, delta(order(1, reborn))),
			},
			nil,
			[]string{"act 1: failed", "work 1: failed (restart was failed)"},
			"act 3: ",
		},
		{
			"a rotation that says it failed was done",
			[]healers.Input{unready, at(s, both(done(healers.ResultFailed, 1), delta(order(1, out)))), at(2*s, gone([]sut.ID{"orders/1"}))},
			nil,
			[]string{"act 1: failed", "work 1: done"},
			"work 1: failed",
		},
		{
			"a replacement that says it failed was done",
			[]healers.Input{
				unready, at(s, out1), at(5*s, healers.Input{}),
				at(6*s, both(done(healers.ResultFailed, 2), gone([]sut.ID{"orders/1"}, order(3)))),
				at(7*s, says(probe.Readiness, probe.Success, order(3))),
			},
			nil,
			[]string{"act 2: failed", "work 2: done"},
			"page",
		},
		{
			"a replacement that says it failed was half done",
			[]healers.Input{unready, at(s, out1), at(5*s, healers.Input{}), at(6*s, both(done(healers.ResultFailed, 2), delta(order(3, out))))},
			nil,
			[]string{"act 2: failed", "page: replace on orders/1", "replace orders/1 waits: 4 of the workload are there and 3 should be"},
			"work 2: done",
		},
		{
			"a replacement that says ok was half done",
			[]healers.Input{unready, at(s, out1), at(5*s, healers.Input{}), at(6*s, both(done(healers.ResultOK, 2), delta(order(3, out))))},
			nil,
			[]string{"act 2: ok", "replace did not help within 15s", "page: replace on orders/1", "replace orders/1 waits: 4 of the workload"},
			"work 2: done",
		},
		{
			"a half done replacement was undone: it is tried again",
			[]healers.Input{
				unready, at(s, out1), at(5*s, healers.Input{}), at(6*s, both(done(healers.ResultFailed, 2), delta(order(3, out)))),
				at(time.Minute, healers.Input{}), at(2*time.Minute, gone([]sut.ID{"orders/3"})),
			},
			[]string{"replace orders/1"},
			[]string{"4 of the workload are there"},
			"work 2: done",
		},
		{
			"a restart that says ok was never done",
			[]healers.Input{delta(order(1, exited, out)), at(s, done(healers.ResultOK, 1))},
			[]string{"restart orders/1"},
			[]string{"act 1: ok", "restart did not help within 30s", "page: restart on orders/1"},
			"work 1: done",
		},
		{
			"a rotation that says ok was never done",
			[]healers.Input{unready, at(s, done(healers.ResultOK, 1))},
			[]string{"replace orders/1", "rotateOut orders/1"},
			[]string{"act 1: ok", "rotateOut did not help within 5s", "page: rotate on orders/1"},
			"work 1: done",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			tp := newTape()
			last := time.Duration(0)
			for _, in := range row.inputs {
				last = max(last, in.Now)
				tp.step(in)
			}
			did := tp.idle(last+s, last+10*time.Minute, healers.ResultOK)
			slices.Sort(did)
			if got := slices.Compact(slices.Clone(did)); !slices.Equal(got, row.then) || len(did) > 15 {
				t.Errorf("did %q, want some of %q\n%s", did, row.then, lines(tp.records))
			}
			tp.expect(t, row.says...)
			if text := lines(tp.records); strings.Contains(text, row.not) {
				t.Errorf("%q is in:\n%s", row.not, text)
			}
		})
	}
}

// TestRotatedOutCountsBeforeItIsSeen: outcomes and news come by different ways, and
// between the two nobody else is taken out for whom there is no room.
func TestRotatedOutCountsBeforeItIsSeen(t *testing.T) {
	tp := newTape()
	expectActs(t, tp.step(says(probe.Readiness, probe.Failure, order(0), order(1))), "1 rotateOut orders/0")
	expectActs(t, tp.step(at(time.Second, done(healers.ResultOK, 1))))
	tp.expect(t, "work 1: verifying", "rotateOut orders/1 waits: 1 would be left, and 2 must stay by the policy")
	expectActs(t, tp.step(at(2*time.Second, delta(order(0, out)))))
	tp.expect(t, "work 1: done")
	// One alone is no sign of what they share, and serves nobody.
	expectActs(t, tp.step(at(3*time.Second, says(probe.Readiness, probe.Success, order(0)))), "2 rotateOut orders/1", "3 rotateIn orders/0")
}

// TestARunbookThatThePolicyDropsStops: a policy that has a runbook no more ends what it
// was for, wherever that stands.
func TestARunbookThatThePolicyDropsStops(t *testing.T) {
	full := sut.Delta{Rev: 2, Volumes: []sut.Volume{{ID: "orders/1:data", Used: 95, Size: 100}}}
	without := with(func(p *policy.Policy) { p.Runbooks, p.Digest = nil, "without" })
	for name, before := range map[string][]healers.Input{
		"it waits":         {say("pause"), {System: full}},
		"it has begun":     {{System: full}},
		"it verifies":      {{System: full}, at(time.Second, done(healers.ResultOK, 1))},
		"it is to go on":   {{System: full}, at(time.Second, say("pause")), at(time.Second, done(healers.ResultFailed, 1))},
		"nobody knows how": {{System: full}, at(time.Second, done(healers.ResultUnknown, 1))},
	} {
		t.Run(name, func(t *testing.T) {
			tp := newTape()
			for _, in := range before {
				tp.step(in)
			}
			n := len(tp.acts)
			tp.step(healers.Input{Now: 2 * time.Second, Policy: without, Trial: true})
			tp.step(at(2*time.Second, say("resume")))
			tp.step(at(3*time.Second, done(healers.ResultOK, 1)))
			if did := tp.idle(4*time.Second, 10*time.Minute, healers.ResultOK); len(did) > 0 || len(tp.acts) > n {
				t.Errorf("did %q\n%s", verbs(tp.acts[n:]), lines(tp.records))
			}
			tp.expect(t, "no longer: orders/1:data is full", "work 1: dropped")
			for _, in := range []healers.Input{{Policy: shopPolicy(), Trial: true}} { // it is a finding again
				in.Now = 10 * time.Minute
				if acts := tp.step(in); !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "cleanTemp" }) {
					t.Errorf("the runbook is back, and did nothing:\n%s", lines(tp.records))
				}
			}
		})
	}
}

// TestABudgetThatGoesHoldsNobody: who waited for it is asked again at once.
func TestABudgetThatGoesHoldsNobody(t *testing.T) {
	tp := newTape()
	d := sut.Delta{Rev: 2, Budgets: []sut.Budget{{Name: "all", MinAvailable: "3"}}}
	for i := range 3 {
		d.Instances = append(d.Instances, order(i, func(in *sut.Instance) { in.Budgets = []string{"all"} }))
	}
	tp.step(healers.Input{System: d})
	if acts := tp.step(at(time.Second, says(probe.Liveness, probe.Failure, order(1)))); len(acts) > 0 {
		t.Fatalf("acts %v", verbs(acts))
	}
	expectActs(t, tp.step(at(20*time.Second, healers.Input{})))
	tp.expect(t, "restart orders/1 waits: 2 would be left, and 3 must stay by the PodDisruptionBudget all")
	expectActs(t, tp.step(at(21*time.Second, gone([]sut.ID{sut.BudgetID("all")}))), "1 restart orders/1")
}

// TestAnActThatHangs: it holds its target until the system shows what became of it, and
// nobody else.
func TestAnActThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := func(incarnation string, phase sut.Phase) sut.Instance {
			in := orders(incarnation, 0, phase)
			in.ID = "orders/1"
			return in
		}
		all := oneOrder()
		all.Instances, all.Workloads[0].Desired = append(all.Instances, second("1", sut.PhaseRunning)), 2
		s, j := suttest.New(all), &memory{}
		p := ordersPolicy()
		p.Workloads[0].Restart.AtOnce = "100%"
		released := make(chan struct{})
		stop := run(t, &healers.Live{System: s, Policy: p, Trial: true, Journal: j, Notify: func(healers.Message, bool) {}, Actuator: actuator(
			func(_ context.Context, _ healers.Grant, a healers.Act) healers.Done {
				if a.Target.ID == "orders/0" {
					<-released // whatever its context says
				} else {
					s.Push(sut.Delta{Instances: []sut.Instance{second("2", sut.PhaseRunning)}})
					<-time.After(time.Second) // it is seen first
				}
				return healers.Done{Result: healers.ResultFailed}
			})})
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			for _, text := range want {
				if all := lines(j.all()); !strings.Contains(all, text) {
					t.Errorf("%q is not in:\n%s", text, all)
				}
			}
		}
		s.Push(sut.Delta{Instances: []sut.Instance{orders("1", 1, sut.PhaseExited), second("1", sut.PhaseExited)}})
		<-time.After(16 * time.Second)
		expect("act 1: unknown", "act 2: failed", "work 2: done")
		s.Push(sut.Delta{Instances: []sut.Instance{orders("2", 1, sut.PhaseRunning)}})
		expect("act 1: ok (as observed)", "work 1: done")
		close(released)
		expect("act 1: failed, too late to count")
		if err := stop(); err != nil {
			t.Error(err)
		}
		if n := j.has(healers.RecordIntent, "restart"); n != 2 {
			t.Errorf("%d restarts", n)
		}
	})
}

// TestARowThatEndedGoesOn: two new lives in a row that did not help hold the next until
// the first of them is an hour old.
func TestARowThatEndedGoesOn(t *testing.T) {
	tp := &tape{Engine: healers.New(1, healers.Checkpoint{}), records: story(
		work(0, 1, "restart", healers.FindingNotLive, "orders/0", "restart"),
		intent(0, 1, 1, "restart", "orders/0", ""), outcome(0, 1, healers.ResultOK, ""), moved(0, 1, healers.WorkFailed, ""),
		work(10*time.Minute, 2, "replace", healers.FindingNotReady, "orders/1", "replace"),
		intent(10*time.Minute, 2, 2, "replace", "orders/1", ""), outcome(10*time.Minute, 2, healers.ResultOK, ""), moved(10*time.Minute, 2, healers.WorkFailed, ""),
	)}
	for _, r := range tp.records {
		tp.Apply(r)
	}
	tp.boot(11*time.Minute, order(0), order(1), order(2))
	tp.step(at(11*time.Minute, says(probe.Liveness, probe.Failure, order(2))))
	expectActs(t, tp.step(at(12*time.Minute, healers.Input{})))
	tp.expect(t, "restart orders/2 waits for 49m0s: 2 of the workload in a row did not come back from a restart (orders/1)")
	expectActs(t, tp.step(at(time.Hour, healers.Input{})), "3 restart orders/2")
}
