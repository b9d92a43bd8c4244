package healers_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func order(i int, change ...func(*sut.Instance)) sut.Instance {
	in := sut.Instance{
		Target:   sut.Target{ID: sut.InstanceID("orders", i), Incarnation: "1" + strconv.Itoa(i)},
		Workload: "orders", Phase: sut.PhaseRunning, Rotation: sut.Yes,
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

func exited(in *sut.Instance) { in.Phase = sut.PhaseExited }
func out(in *sut.Instance)    { in.Rotation = sut.No }

// protected: the budget that others declared holds for it.
func protected(in *sut.Instance) { in.Budgets = []string{"orders"} }

func reborn(in *sut.Instance) { in.Incarnation += "'" }

func database(env string) func(in *sut.Instance) {
	return func(in *sut.Instance) { in.Role, in.Labels = "database", map[string]string{"env": env} }
}

func delta(in ...sut.Instance) healers.Input {
	return healers.Input{System: sut.Delta{Rev: 2, Instances: in}}
}

func says(role probe.Role, r probe.Result, of ...sut.Instance) healers.Input {
	var in healers.Input
	for _, i := range of {
		in.Probes = append(in.Probes, probe.Change{Target: i.Target, Role: role, Result: r})
	}
	return in
}

// since dates what the probes say.
func since(t time.Duration, in healers.Input) healers.Input {
	for i := range in.Probes {
		in.Probes[i].Since = t
	}
	return in
}

func done(r healers.Result, ids ...healers.ActID) healers.Input {
	var in healers.Input
	for _, id := range ids {
		in.Done = append(in.Done, healers.Done{ID: id, Result: r})
	}
	return in
}

func at(now time.Duration, in healers.Input) healers.Input { in.Now = now; return in }

func say(verb string) healers.Input {
	return healers.Input{Commands: []healers.Command{{Verb: verb, By: "eve"}}}
}

func with(f func(*policy.Policy)) *policy.Policy { p := shopPolicy(); f(p); return p }

// alone is a policy for which the failure of one says nothing of the others.
func alone(p *policy.Policy) { p.Guard.Shared.Percent = 100 }

// TestGuard: in each row a rule holds an act back; then its cause alone is taken
// away, and the act is issued.
func TestGuard(t *testing.T) {
	fast := func(p *policy.Policy) { p.Workloads[0].Restart.Initial, p.Workloads[0].Restart.Max = 1, 1 }
	newPolicy := healers.Input{Policy: shopPolicy(), Trial: true}
	for _, row := range []struct {
		name   string
		policy *policy.Policy // nil: the shop's
		before []healers.Input
		held   healers.Input // the act is wanted, and held back
		verb   healers.Verb  // "": restart
		rule   healers.Rule
		effect healers.Effect
		have   int64
		limit  int64
		lift   []healers.Input
	}{
		{
			name: "kill switch", before: []healers.Input{say("kill")}, held: delta(order(1, exited, out)),
			rule: healers.RuleKill, effect: healers.Deny, lift: []healers.Input{say("revive")},
		},
		{
			name: "pause", before: []healers.Input{say("pause")}, held: delta(order(1, exited, out)),
			rule: healers.RulePaused, effect: healers.Defer, lift: []healers.Input{say("resume")},
		},
		{
			name: "never", policy: with(func(p *policy.Policy) { p.Guard.Never = []policy.Selector{{"workload": "orders"}} }),
			held: delta(order(1, exited, out)), rule: healers.RuleScope, effect: healers.Deny, lift: []healers.Input{newPolicy},
		},
		{
			name: "not covered", policy: with(func(p *policy.Policy) { p.Workloads = p.Workloads[1:] }),
			held: delta(order(1, exited, out)), rule: healers.RuleScope, effect: healers.Deny, lift: []healers.Input{newPolicy},
		},
		{
			name: "database of unknown env", held: delta(order(1, exited, out, database(""))),
			rule: healers.RuleScope, effect: healers.Deny, lift: []healers.Input{delta(order(1, exited, out, database("test")))},
		},
		{
			name: "database in production", held: delta(order(1, exited, out, database("Production"))),
			rule: healers.RuleScope, effect: healers.Deny, lift: []healers.Input{delta(order(1, exited, out, database("staging")))},
		},
		{
			name:   "database that the policy does not name",
			policy: with(func(p *policy.Policy) { p.Workloads[0].Selector = policy.Selector{"env": "test"} }),
			held:   delta(order(1, exited, out, database("test"))), rule: healers.RuleScope, effect: healers.Deny, lift: []healers.Input{newPolicy},
		},
		{
			name: "approval", policy: with(func(p *policy.Policy) { p.Guard.Approval = []string{"restart"} }),
			held: delta(order(1, exited, out)), rule: healers.RuleTrust, effect: healers.Ask, lift: []healers.Input{newPolicy},
		},
		{
			name: "one actor per target",
			before: []healers.Input{
				says(probe.Readiness, probe.Failure, order(1)), delta(order(1, out)), done(healers.ResultOK, 1),
				at(5*time.Second, healers.Input{}), // replaced
			},
			held: delta(order(1, exited, out)), rule: healers.RuleActor, effect: healers.Defer, have: 1, limit: 1,
			lift: []healers.Input{done(healers.ResultFailed, 2)},
		},
		{
			name: "blind", held: healers.Input{System: sut.Delta{Lost: "the watch broke", Instances: []sut.Instance{order(1, exited, out)}}},
			rule: healers.RuleBlind, effect: healers.Defer, lift: []healers.Input{delta(order(2))},
		},
		{
			name: "all unready at once", verb: "replace",
			before: []healers.Input{says(probe.Readiness, probe.Failure, order(0), order(1), order(2))},
			held:   at(5*time.Second, healers.Input{}), rule: healers.RuleBlind, effect: healers.Defer, have: 3, limit: 3,
			lift: []healers.Input{done(healers.ResultFailed, 1), says(probe.Readiness, probe.Success, order(0)), at(9*time.Second, healers.Input{})},
		},
		{
			name: "none ready, and of some nobody knows yet", verb: "replace",
			before: []healers.Input{
				delta(order(0, reborn), order(2, reborn)), says(probe.Readiness, probe.Failure, order(1)),
				delta(order(1, out)), done(healers.ResultOK, 1),
			},
			held: at(5*time.Second, healers.Input{}), rule: healers.RuleBlind, effect: healers.Defer, have: 1, limit: 3,
			lift: []healers.Input{says(probe.Readiness, probe.Success, order(2, reborn)), at(9*time.Second, healers.Input{})},
		},
		{
			name: "one has just become ready, the others may do so too", verb: "replace",
			before: []healers.Input{
				delta(order(0, reborn), order(2, reborn)), says(probe.Readiness, probe.Failure, order(1)),
				delta(order(1, out)), done(healers.ResultOK, 1),
			},
			held: at(5*time.Second, since(4*time.Second, says(probe.Readiness, probe.Success, order(2, reborn)))),
			rule: healers.RuleBlind, effect: healers.Defer, have: 1, limit: 3,
			lift: []healers.Input{at(9*time.Second, healers.Input{})},
		},
		{
			name: "minimum available", policy: with(alone), before: []healers.Input{delta(order(0, exited, out)), done(healers.ResultFailed, 1)},
			held: says(probe.Liveness, probe.Failure, order(1)), rule: healers.RuleBudget, effect: healers.Defer, have: 1, limit: 2,
			lift: []healers.Input{delta(order(0, out, reborn)), says(probe.Readiness, probe.Success, order(0, reborn)), delta(order(0, reborn)), at(time.Minute, healers.Input{})},
		},
		{
			name: "minimum that another declared", policy: with(func(p *policy.Policy) { alone(p); p.Workloads[0].MinAvailable = "0" }),
			before: []healers.Input{{System: sut.Delta{
				Rev: 2, Budgets: []sut.Budget{{Name: "orders", MaxUnavailable: "0"}},
				Instances: []sut.Instance{order(0, protected), order(1, protected), order(2, protected)},
			}}},
			held: says(probe.Liveness, probe.Failure, order(1)), rule: healers.RuleBudget, effect: healers.Defer, have: 2, limit: 3,
			lift: []healers.Input{{System: sut.Delta{Rev: 3, Gone: []sut.ID{sut.BudgetID("orders")}}}},
		},
		{
			name: "most unready: the minimum stays in rotation", verb: "rotateOut",
			before: []healers.Input{says(probe.Readiness, probe.Failure, order(0)), delta(order(0, out)), done(healers.ResultOK, 1)},
			held:   says(probe.Readiness, probe.Failure, order(1)), rule: healers.RuleBudget, effect: healers.Defer, have: 1, limit: 2,
			lift: []healers.Input{says(probe.Readiness, probe.Success, order(0)), delta(order(0))},
		},
		{
			name: "rate per target", policy: with(func(p *policy.Policy) { fast(p); p.Guard.MaxPerTargetPerHour = 1 }),
			before: []healers.Input{
				delta(order(1, exited, out)), done(healers.ResultOK, 1), delta(order(1, out, reborn)),
				says(probe.Readiness, probe.Success, order(1, reborn)), done(healers.ResultOK, 2), delta(order(1, reborn)),
			},
			held: at(20*time.Minute, delta(order(1, reborn, exited, out))), rule: healers.RuleRate, effect: healers.Defer, have: 1, limit: 1,
			lift: []healers.Input{at(time.Hour, healers.Input{})},
		},
		{
			name: "rate over all", policy: with(func(p *policy.Policy) { p.Guard.MaxActionsPerHour = 1 }),
			before: []healers.Input{
				delta(order(0, exited, out)), done(healers.ResultOK, 1), delta(order(0, out, reborn)),
				says(probe.Readiness, probe.Success, order(0, reborn)), done(healers.ResultOK, 2), delta(order(0, reborn)),
			},
			held: at(20*time.Minute, delta(order(1, exited, out))), rule: healers.RuleRate, effect: healers.Defer, have: 1, limit: 1,
			lift: []healers.Input{at(time.Hour, healers.Input{})},
		},
		{
			name: "back-off",
			before: []healers.Input{
				delta(order(1, exited, out)), done(healers.ResultOK, 1), delta(order(1, out, reborn)),
				says(probe.Readiness, probe.Success, order(1, reborn)), done(healers.ResultOK, 2), delta(order(1, reborn)),
			},
			held: at(time.Minute, delta(order(1, reborn, exited, out))), rule: healers.RuleBack, effect: healers.Defer, have: 0, limit: 10_000,
			lift: []healers.Input{at(time.Minute+10*time.Second, healers.Input{})},
		},
		{
			name: "stagger", before: []healers.Input{delta(order(0, exited, out))},
			held: delta(order(1, exited, out)), rule: healers.RuleStag, effect: healers.Defer, have: 1, limit: 1,
			lift: []healers.Input{done(healers.ResultOK, 1), delta(order(0, out, reborn)), says(probe.Readiness, probe.Success, order(0, reborn)), at(time.Minute, healers.Input{})},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, verb, target := row.policy, row.verb, sut.ID("orders/1")
			if p == nil {
				p = shopPolicy()
			}
			if verb == "" {
				verb = "restart"
			}
			e := healers.New(1, healers.Checkpoint{})
			first := healers.Input{Policy: p, Trial: true, System: sut.Delta{
				Reset: true, Rev: 1, Instances: []sut.Instance{order(0), order(1), order(2)},
				Workloads: []sut.Workload{{Name: "orders", Desired: 3, Labels: map[string]string{"env": "test"}}},
			}, Probes: says(probe.Readiness, probe.Success, order(0), order(1), order(2)).Probes}
			if row.effect == healers.Deny && len(row.before) == 0 { // a database's env is its own
				first.System.Workloads[0].Labels = nil
			}
			if row.name == "database that the policy does not name" {
				first.System.Workloads[0].Labels = map[string]string{"env": "test"}
			}
			var all []healers.Record
			step := func(in healers.Input) (issued bool) {
				o := e.Step(&in)
				all = append(all, slices.Clone(o.Records)...)
				return slices.ContainsFunc(o.Acts, func(a healers.Act) bool { return a.Verb == verb && a.Target.ID == target })
			}
			step(first)
			for _, in := range row.before {
				step(in)
			}
			before := len(all)
			if step(row.held) {
				t.Fatalf("%s was issued:\n%s", verb, lines(all))
			}
			i := slices.IndexFunc(all[before:], func(r healers.Record) bool {
				return r.Decision != nil && r.Decision.Verb == verb && r.Decision.Target.ID == target
			})
			if i < 0 {
				t.Fatalf("no decision about %s:\n%s", verb, lines(all))
			}
			d := all[before+i].Decision
			if d.Rule != row.rule || d.Effect != row.effect || d.Have != row.have || d.Limit != row.limit {
				t.Errorf("decided %+v", *d)
			}
			recorded := len(all)
			if step(healers.Input{}); len(all) != recorded {
				t.Errorf("nothing new, and yet:\n%s", lines(all[recorded:]))
			}
			var issued bool
			for _, in := range row.lift {
				issued = step(in) || issued
			}
			if !issued {
				t.Errorf("%s was not issued when the cause was gone:\n%s", verb, lines(all))
			}
		})
	}
}

func lines(records []healers.Record) (text string) {
	for _, r := range records {
		text += r.At.String() + " " + healers.Text(r) + "\n"
	}
	return text
}

// Of one runbook no more is done in an hour than its rate allows, on whatever volumes.
func TestRatePerRunbook(t *testing.T) {
	m := shop()
	for _, name := range []string{"one", "two"} {
		m.AddVolume(healerstest.Volume{Volume: sut.Volume{ID: sut.VolumeID("store/0", name), Size: 100, Used: 95, Max: 100}, Temp: 50})
	}
	s := healerstest.NewShell(1, with(func(p *policy.Policy) { p.Guard.MaxPerRunbookPerHour = 1 }), m)
	s.Run(time.Minute)
	cleaned := func() []string {
		return slices.DeleteFunc(healerstest.Acts(s), func(a string) bool { return !strings.HasPrefix(a, "cleanTemp") })
	}
	if acts := cleaned(); len(acts) != 1 || acts[0] != "cleanTemp store/0:one" {
		t.Errorf("within the hour %v\n%s", acts, healerstest.Tell(s))
	}
	held := slices.ContainsFunc(s.Journal.Records, func(r healers.Record) bool {
		return r.Decision != nil && r.Decision.Rule == healers.RuleRate && r.Decision.Have == 1 && r.Decision.Limit == 1
	})
	if !held {
		t.Errorf("nobody said why\n%s", healerstest.Tell(s))
	}
	s.Run(time.Hour + time.Minute)
	if acts := cleaned(); len(acts) != 2 || acts[1] != "cleanTemp store/0:two" {
		t.Errorf("after it %v\n%s", acts, healerstest.Tell(s))
	}
}
