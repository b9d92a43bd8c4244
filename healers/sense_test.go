package healers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// told are the messages to people, in order.
func told(s *healerstest.Shell) []string {
	var all []string
	for _, r := range s.Journal.Records {
		if r.Act != nil && (r.Act.Verb == healers.VerbPage || r.Act.Verb == healers.VerbNotify) {
			all = append(all, healers.Text(r))
		}
	}
	return all
}

// when is the time of the first record whose text holds a phrase, from a time on.
func when(t *testing.T, s *healerstest.Shell, phrase string, from time.Duration) time.Duration {
	t.Helper()
	for _, r := range s.Journal.Records {
		if r.At >= from && strings.Contains(healers.Text(r), phrase) {
			return r.At
		}
	}
	t.Fatalf("%q was not said:\n%s", phrase, healerstest.Tell(s))
	return 0
}

// TestStorm has the numbers of medik8s' storm: beyond the threshold nothing that runs
// is ended, and healing goes on when it was below for the cooldown.
func TestStorm(t *testing.T) {
	p := loose(1, func(p *policy.Policy) { p.Guard.Storm = policy.Storm{Percent: 45, Cooldown: 30 * time.Second} })
	sc := healerstest.Scenario{Policy: p, Model: many(1, 20), Until: 3 * time.Minute, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		s.At(2*time.Second, func() {
			for i := range 10 {
				m.Cut(sut.InstanceID("w0", i))
			}
		})
		s.At(20*time.Second, func() { m.Mend("w0/0"); m.Mend("w0/1") }) // 8 of 20 are below
	}}
	s := sc.Play(1, nil)
	began := when(t, s, "the system is in a storm (10 of 20 instances are unhealthy)", 0)
	ended := when(t, s, "no longer: the system is in a storm", 0)
	if began > 5*time.Second || ended < 50*time.Second || ended > 51*time.Second {
		t.Errorf("the storm lasted from %v to %v", began, ended)
	}
	if n := executed(s, "replace", 0, ended-1); n > 0 {
		t.Errorf("%d were replaced in the storm:\n%s", n, healerstest.Tell(s))
	}
	if n := executed(s, "replace", ended, time.Hour); n != 8 {
		t.Errorf("%d were replaced after it:\n%s", n, healerstest.Tell(s))
	}
	if all := told(s); len(all) == 0 || !strings.HasPrefix(all[0], "page: the system is in a storm") {
		t.Errorf("people were told %q", all)
	}
}

// TestStormStartsWhatHasEnded: that takes nothing from anybody.
func TestStormStartsWhatHasEnded(t *testing.T) {
	p := loose(1, func(p *policy.Policy) { p.Guard.Storm.Percent = 50 })
	sc := healerstest.Scenario{Policy: p, Model: many(1, 8), Until: 20 * time.Second, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		s.At(2*time.Second, func() {
			for i := range 8 {
				m.Crash(sut.InstanceID("w0", i))
			}
		})
	}}
	if s := sc.Play(1, nil); len(s.Model.Serving("w0")) != 8 {
		t.Errorf("%v serve:\n%s", s.Model.Serving("w0"), healerstest.Tell(s))
	}
}

// TestWhatRecursIsTold: what is healed for the fifth time hides a problem. People are
// told once, with what was seen each time, and healing goes on.
func TestWhatRecursIsTold(t *testing.T) {
	sc := healerstest.Scenario{Policy: loose(2, nil), Model: many(2, 3), Until: 2 * time.Hour, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		for i := range 8 {
			s.At(time.Duration(2+60*i)*time.Second, func() { m.Crash("w0/1") })
		}
		for i := range 4 {
			s.At(time.Duration(2+60*i)*time.Second, func() { m.Crash("w1/1") })
		}
	}}
	s := sc.Play(1, nil)
	all := told(s)
	if len(all) != 1 || !strings.HasPrefix(all[0], "page: w0/1 hides a problem (has ended, healed 5 times in 4m0s: 4m0s ago (signal 9), ") {
		t.Errorf("people were told %q", all)
	}
	if n := executed(s, "restart", 0, time.Hour); n != 12 {
		t.Errorf("restarted %d times", n)
	}
	if ended := when(t, s, "no longer: w0/1 hides a problem", 0); ended < 67*time.Minute || ended > 68*time.Minute {
		t.Errorf("it was forgotten after %v", ended)
	}
	healerstest.Replay(t, s)
}

// TestBlindProber: a look that the prober itself spoiled is nobody's failure; when most
// are, nothing is done, and people are told.
func TestBlindProber(t *testing.T) {
	tp := newTape()
	blind := func(role probe.Role, of ...sut.Instance) healers.Input {
		in := says(role, probe.Unknown, of...)
		for i := range in.Probes {
			in.Probes[i].Since = time.Second
		}
		return in
	}
	tp.step(at(2*time.Second, blind(probe.Readiness, order(0))))
	tp.expect(t, "the system cannot be probed (1 of 6 probes)", "notify: the system cannot be probed")
	tp.step(at(3*time.Second, blind(probe.Liveness, order(0), order(2))))
	tp.step(at(3*time.Second, blind(probe.Readiness, order(2))))
	expectActs(t, tp.step(at(4*time.Second, delta(order(1, exited, out))))) // 4 of the 4 probes of those that run
	tp.expect(t, "restart orders/1 waits: the prober itself cannot carry out 4 of 4 probes")
	acts := tp.step(at(5*time.Second, says(probe.Readiness, probe.Success, order(0), order(2))))
	if !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "restart" }) {
		t.Errorf("%v when it could look again:\n%s", acts, lines(tp.records))
	}
}

// TestNewPolicyWaitsForAPerson: outside of trials a policy that the journal does not
// know may do nothing until somebody has looked.
func TestNewPolicyWaitsForAPerson(t *testing.T) {
	e := healers.New(1, healers.Checkpoint{})
	var records []healers.Record
	step := func(in healers.Input) (acts []healers.Act) {
		o := e.Step(&in)
		records = append(records, o.Records...)
		return slices.Clone(o.Acts)
	}
	first := func() healers.Input {
		return healers.Input{Policy: shopPolicy(), System: sut.Delta{Reset: true, Rev: 1, Instances: []sut.Instance{order(0), order(1, exited, out), order(2)}}}
	}
	if acts := step(first()); len(acts) > 0 {
		t.Fatalf("it did %v at once", acts)
	}
	acts := step(at(time.Second, say(healers.CommandRevive)))
	if len(acts) != 1 || acts[0].Verb != "restart" {
		t.Fatalf("after a person resumed it did %v:\n%s", acts, lines(records))
	}
	e = healers.New(1, healers.Checkpoint{})
	for _, r := range records {
		e.Apply(r)
	}
	again := first()
	again.Now = 2 * time.Second
	if acts := step(again); len(acts) != 1 {
		t.Errorf("one that is known waits again:\n%s", lines(records))
	}
}

// TestWakeUpAfterARestartOfTheEngine: it begins with one work, and goes on with twice
// as many as helped.
func TestWakeUpAfterARestartOfTheEngine(t *testing.T) {
	sc := healerstest.Scenario{Policy: loose(9, nil), Model: many(9, 1), Until: 2 * time.Minute, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		s.Down = 10 * time.Second
		s.At(2*time.Second, func() { m.Crash("w8/0") }) // so that there is a history
		s.At(10*time.Second, s.Kill)
		s.At(12*time.Second, func() {
			for i := range 8 {
				m.Crash(sut.InstanceID(fmt.Sprintf("w%d", i), 0))
			}
		})
	}}
	s := sc.Play(1, nil)
	var starts []time.Duration
	for _, x := range s.Model.Executed {
		if x.Verb == "restart" && x.At > 10*time.Second {
			starts = append(starts, x.At)
		}
	}
	if len(starts) != 8 {
		t.Fatalf("restarted %d times:\n%s", len(starts), healerstest.Tell(s))
	}
	// One, and twice as many with each that helped: 1, then 2, and after two more the rest.
	var together []int
	for i, x := range starts {
		if i == 0 || x-starts[i-1] > 50*time.Millisecond {
			together = append(together, 0)
		}
		together[len(together)-1]++
	}
	if want := []int{1, 2, 5}; !slices.Equal(together, want) {
		t.Errorf("%v began together after the engine was back, want %v: at %v\n%s", together, want, starts, healerstest.Tell(s))
	}
}

// TestRestartRules: what has ended is dealt with by why it did.
func TestRestartRules(t *testing.T) {
	p := with(func(p *policy.Policy) {
		p.Workloads[0].Restart.Rules = []policy.RestartRule{
			{Cause: policy.CauseConfig, Do: policy.DoPage},
			{Codes: []int{3}, Do: policy.DoNever},
			{Cause: policy.CauseOOM, Do: policy.DoRestart, Initial: time.Minute, Max: time.Hour, Reset: 2 * time.Hour},
		}
	})
	for _, row := range []struct {
		exit sut.Exit
		verb healers.Verb // "": nothing
		text string
	}{
		{sut.Exit{Code: 1}, "restart", ""},
		{sut.Exit{}, "restart", ""},
		{sut.Exit{Signal: 11}, "restart", ""},
		{sut.Exit{Code: 3}, "", ""},
		{sut.Exit{Code: 78}, healers.VerbPage, "page: orders/1 has ended (code 78); it is not started again, by the policy's rule for config"},
		{sut.Exit{Code: 127}, healers.VerbPage, "page: "},
		{sut.Exit{Signal: 9, OOM: true}, "restart", ""},
	} {
		tp := newTape()
		tp.step(healers.Input{Policy: p, Trial: true})
		ended := order(1, exited, out)
		ended.LastExit = row.exit
		var got healers.Verb
		for _, a := range tp.step(at(time.Second, delta(ended))) {
			got = a.Verb
		}
		if got != row.verb {
			t.Errorf("%+v: %q, want %q:\n%s", row.exit, got, row.verb, lines(tp.records))
		}
		if row.text != "" {
			tp.expect(t, row.text)
		}
		if row.verb == healers.VerbPage {
			tp.step(done(healers.ResultOK, 1))
			expectActs(t, tp.step(at(time.Hour, healers.Input{}))) // once
		}
		if !row.exit.OOM {
			continue
		}
		tp.step(done(healers.ResultOK, 1))
		tp.step(at(2*time.Second, delta(order(1, reborn))))
		tp.step(at(2*time.Second, says(probe.Readiness, probe.Success, order(1, reborn))))
		again := order(1, reborn, exited, out)
		again.LastExit = row.exit
		tp.step(at(10*time.Second, delta(again)))
		tp.expect(t, "restart orders/1 waits for 1m0s: too soon after the last: 0s of 1m0s")
	}
}

// TestThePlatformTakesItsWordBack: where no probe of ours asks, what the platform says
// begins a finding, and ends it.
func TestThePlatformTakesItsWordBack(t *testing.T) {
	tp := newTape()
	tp.step(healers.Input{Policy: with(func(p *policy.Policy) { p.Workloads[0].Readiness, p.Workloads[0].ReplaceAfter = nil, 0 }), Trial: true})
	said := func(ready sut.State) sut.Instance {
		in := order(1)
		in.Ready = ready
		return in
	}
	tp.step(delta(said(sut.No)))
	tp.expect(t, "orders/1 is not ready (the platform says so)")
	tp.step(delta(said(sut.Yes)))
	tp.expect(t, "no longer: orders/1 is not ready")
}

// TestAPolicyWithoutTheProbeForgetsWhatItSaid: nobody would ever take it back.
func TestAPolicyWithoutTheProbeForgetsWhatItSaid(t *testing.T) {
	tp := newTape()
	tp.step(says(probe.Liveness, probe.Failure, order(1)))
	tp.expect(t, "orders/1 does not live")
	acts := tp.step(at(time.Second, healers.Input{Policy: with(func(p *policy.Policy) { p.Workloads[0].Liveness = nil }), Trial: true}))
	tp.expect(t, "no longer: orders/1 does not live")
	acts = append(acts, tp.step(at(time.Minute, healers.Input{}))...)
	if len(acts) > 0 {
		t.Errorf("it did %v:\n%s", acts, lines(tp.records))
	}
}

// TestWhatEndedAsItShouldIsNoStorm: one that the policy leaves ended is well.
func TestWhatEndedAsItShouldIsNoStorm(t *testing.T) {
	p := loose(2, func(p *policy.Policy) {
		p.Guard.Storm.Percent = 50
		p.Workloads[1].Restart.Rules = []policy.RestartRule{{Cause: policy.CauseSignal, Do: policy.DoNever}}
	})
	sc := healerstest.Scenario{Policy: p, Model: many(2, 6), Until: 30 * time.Second, Break: func(s *healerstest.Shell, m *healerstest.Model) {
		s.At(2*time.Second, func() {
			for i := range 6 {
				m.Crash(sut.InstanceID("w1", i))
			}
			m.Wedge("w0/0")
		})
	}}
	if s := sc.Play(1, nil); executed(s, "restart", 0, forever) != 1 {
		t.Errorf("%d restarts:\n%s", executed(s, "restart", 0, forever), healerstest.Tell(s))
	}
}
