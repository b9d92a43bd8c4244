package healers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// many is a system of some workloads of so many instances each.
func many(workloads, each int) func() *healerstest.Model {
	return func() *healerstest.Model {
		var all []sut.Workload
		for i := range workloads {
			all = append(all, sut.Workload{Name: fmt.Sprintf("w%d", i), Desired: each})
		}
		return healerstest.NewModel(all...)
	}
}

// loose is a policy in which every guardrail that is a number is as wide as can be.
func loose(workloads int, tighten func(p *policy.Policy)) *policy.Policy {
	p := &policy.Policy{Name: "loose", Digest: "d", Guard: policy.Guardrails{
		MaxActionsPerHour: 10_000, MaxPerTargetPerHour: 1000, MaxPerRunbookPerHour: 1000,
		Shared: policy.SharedDependency{Percent: 100}, Storm: policy.Storm{Percent: 100},
	}}
	for i := range workloads {
		p.Workloads = append(p.Workloads, policy.Workload{
			Selector: policy.Selector{"workload": fmt.Sprintf("w%d", i)}, Liveness: &corev1.Probe{}, Readiness: &corev1.Probe{},
			Rotate: true, ReplaceAfter: 4 * time.Second, MinAvailable: "0",
			Restart: policy.Restart{Initial: 1, Max: 1, Reset: 1, AtOnce: "100%"},
		})
	}
	if tighten != nil {
		tighten(p)
	}
	return p
}

// executed counts the acts of a verb that reached the system within a time.
func executed(s *healerstest.Shell, verb healers.Verb, from, to time.Duration) (n int) {
	for _, x := range s.Model.Executed {
		if x.Verb == verb && x.At >= from && x.At <= to {
			n++
		}
	}
	return n
}

const forever = time.Hour

// fewest is how many instances of w0 were in rotation and not being restarted, at the
// worst moment.
func fewest(s *healerstest.Shell) int {
	least, away := 99, map[sut.ID]bool{}
	all := s.Model.Count("w0")
	for _, r := range s.Journal.Records {
		switch {
		case r.Act != nil && (r.Act.Verb == "restart" || r.Act.Verb == "rotateOut"):
			away[r.Act.Target.ID] = true
		case r.Finding != nil && r.Finding.Kind == healers.FindingReady && r.Finding.Ended:
			delete(away, r.Finding.Target.ID)
		case r.Change != nil && r.Change.State == healers.WorkDone:
			for _, w := range s.Journal.Records {
				if w.Work == r.Work && w.Act != nil && w.Act.Verb == "restart" {
					delete(away, w.Act.Target.ID)
				}
			}
		}
		least = min(least, all-len(away))
	}
	return least
}

func all3(do func(sut.ID)) {
	for i := range 3 {
		do(sut.InstanceID("w0", i))
	}
}

// harms are what each rule of the guard alone keeps from happening.
var harms = []struct {
	rule   healers.Rule
	harm   string
	policy *policy.Policy
	model  func() *healerstest.Model
	until  time.Duration
	breaks func(s *healerstest.Shell, m *healerstest.Model)
	done   func(s *healerstest.Shell) bool // the harm
}{
	{
		healers.RuleKill, "acts while a person has stopped everything", loose(1, nil), many(1, 3), 20 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(time.Second, func() { s.Say(healers.Command{Verb: healers.CommandKill, By: "eve"}) })
			s.At(2*time.Second, func() { m.Crash("w0/0") })
		},
		func(s *healerstest.Shell) bool { return len(s.Model.Executed) > 0 },
	},
	{
		healers.RulePaused, "acts during a person's maintenance", loose(1, nil), many(1, 3), 20 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(time.Second, func() { s.Say(healers.Command{Verb: healers.CommandPause, By: "eve"}) })
			s.At(2*time.Second, func() { m.Crash("w0/0") })
		},
		func(s *healerstest.Shell) bool { return len(s.Model.Executed) > 0 },
	},
	{
		healers.RuleScope, "touches what it was told never to", loose(2, func(p *policy.Policy) { p.Guard.Never = []policy.Selector{{"workload": "w1"}} }),
		many(2, 2), 20 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() { m.Crash("w0/0"); m.Crash("w1/0") })
		},
		func(s *healerstest.Shell) bool {
			return slices.ContainsFunc(s.Model.Executed, func(x healerstest.Executed) bool { return x.Target.ID == "w1/0" })
		},
	},
	{
		healers.RuleTrust, "does without asking what a person wanted to be asked about",
		loose(1, func(p *policy.Policy) { p.Guard.Approval = []string{"restart"} }), many(1, 3), 20 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) { s.At(2*time.Second, func() { m.Crash("w0/0") }) },
		func(s *healerstest.Shell) bool { return executed(s, "restart", 0, forever) > 0 },
	},
	{
		healers.RuleActor, "two acts on one instance at once", loose(1, nil), many(1, 3), 20 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			m.Takes = func(a healers.Act) time.Duration {
				if a.Verb == "replace" {
					return 5 * time.Second
				}
				return 0
			}
			s.At(2*time.Second, func() { m.Cut("w0/0") })
			s.At(10*time.Second, func() { m.Crash("w0/0") })
		},
		func(s *healerstest.Shell) bool {
			open := map[healers.ActID]healers.Act{}
			for _, r := range s.Journal.Records {
				if r.Done != nil {
					delete(open, r.Done.ID)
				}
				if r.Act == nil || r.Act.Verb == healers.VerbNotify || r.Act.Verb == healers.VerbPage {
					continue
				}
				for _, other := range open {
					if other.Target.ID == r.Act.Target.ID {
						return true
					}
				}
				open[r.Act.ID] = *r.Act
			}
			return false
		},
	},
	{
		healers.RuleBlind, "replaces all that are unready for want of something else", loose(1, nil), many(1, 3), 30 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() { all3(m.Cut) })
		},
		func(s *healerstest.Shell) bool { return executed(s, "replace", 0, forever) > 0 },
	},
	{
		healers.RuleShared, "restarts all whose liveness hangs on the same thing",
		loose(1, func(p *policy.Policy) { p.Guard.Shared.Percent = 50 }), many(1, 3), 60 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() { all3(m.Starve) })
			s.At(50*time.Second, func() { all3(m.Feed) })
		},
		func(s *healerstest.Shell) bool { return executed(s, "restart", 0, forever) > 0 },
	},
	{
		healers.RuleStorm, "replaces instance after instance while most of everything is down",
		loose(1, func(p *policy.Policy) { p.Guard.Storm.Percent = 50 }), many(1, 8), 30 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() {
				for i := range 6 {
					m.Cut(sut.InstanceID("w0", i))
				}
			})
		},
		func(s *healerstest.Shell) bool { return executed(s, "replace", 0, forever) > 0 },
	},
	{
		healers.RuleRamp, "does all that piled up at once when it is let go again", loose(6, nil), many(6, 1), 60 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(time.Second, func() { s.Say(healers.Command{Verb: healers.CommandPause, By: "eve"}) })
			s.At(2*time.Second, func() {
				for i := range 6 {
					m.Crash(sut.InstanceID(fmt.Sprintf("w%d", i), 0))
				}
			})
			s.At(20*time.Second, func() { s.Say(healers.Command{Verb: healers.CommandResume, By: "eve"}) })
		},
		func(s *healerstest.Shell) bool {
			return executed(s, "restart", 0, 20200*time.Millisecond) > 1
		},
	},
	{
		healers.RuleBudget, "takes so many away by its own acts that users notice",
		loose(1, func(p *policy.Policy) { p.Workloads[0].MinAvailable = "2" }), many(1, 3), 30 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() { m.Wedge("w0/0"); m.Wedge("w0/1") })
		},
		func(s *healerstest.Shell) bool { return fewest(s) < 2 },
	},
	{
		healers.RuleRate, "restarts the same thing without end",
		loose(1, func(p *policy.Policy) { p.Guard.MaxPerTargetPerHour = 3 }), many(1, 3), 60 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			for i := range 20 {
				s.At(time.Duration(2+2*i)*time.Second, func() { m.Crash("w0/0") })
			}
		},
		func(s *healerstest.Shell) bool { return executed(s, "restart", 0, forever) > 3 },
	},
	{
		healers.RuleBack, "starts what dies at once over and over, as fast as it dies",
		loose(1, func(p *policy.Policy) {
			p.Workloads[0].Restart = policy.Restart{Initial: 10 * time.Second, Max: time.Minute, Reset: time.Hour, AtOnce: "100%"}
		}),
		many(1, 3), 30 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			for i := range 20 {
				s.At(time.Duration(2+i)*time.Second, func() { m.Crash("w0/0") })
			}
		},
		func(s *healerstest.Shell) bool { return executed(s, "restart", 0, 11*time.Second) > 1 },
	},
	{
		healers.RuleBroken, "goes on with a row of restarts that bring nothing back",
		loose(1, func(p *policy.Policy) { p.Workloads[0].Restart.AtOnce = "1" }), many(1, 6), 4 * time.Minute,
		func(s *healerstest.Shell, m *healerstest.Model) {
			for i := range 6 {
				m.Spoil(sut.InstanceID("w0", i))
			}
			s.At(2*time.Second, func() { s.Say(healers.Command{Verb: healers.CommandRestart, By: "eve", Target: "w0"}) })
		},
		func(s *healerstest.Shell) bool { return executed(s, "restart", 0, forever) > 2 },
	},
	{
		healers.RuleStag, "restarts all instances of a workload at once",
		loose(1, func(p *policy.Policy) { p.Workloads[0].Restart.AtOnce = "1" }), many(1, 6), 60 * time.Second,
		func(s *healerstest.Shell, m *healerstest.Model) {
			s.At(2*time.Second, func() { s.Say(healers.Command{Verb: healers.CommandRestart, By: "eve", Target: "w0"}) })
		},
		func(s *healerstest.Shell) bool { return fewest(s) < 5 },
	},
}

// TestEachRuleAloneKeepsFromHarm: with all rules there is no harm; with all but one
// there is.
func TestEachRuleAloneKeepsFromHarm(t *testing.T) {
	var covered []healers.Rule
	var table strings.Builder
	for _, row := range harms {
		covered = append(covered, row.rule)
		play := func(without healers.Rule) *healerstest.Shell {
			sc := healerstest.Scenario{Policy: row.policy, Model: row.model, Break: row.breaks, Until: row.until}
			return sc.Play(1, func(s *healerstest.Shell) { s.Made = func(e *healers.Engine) { healers.Without(e, without) } })
		}
		if s := play(healers.RuleNone); row.done(s) {
			t.Errorf("%s: it %s, with the rule:\n%s", row.rule, row.harm, healerstest.Tell(s))
		}
		if s := play(row.rule); !row.done(s) {
			t.Errorf("%s: the harm does not come about without it, so the rule is not what prevents it:\n%s", row.rule, healerstest.Tell(s))
		}
		fmt.Fprintf(&table, "%-12s  without it the engine %s\n", row.rule, row.harm)
	}
	if !slices.Equal(covered, healers.Rules()) {
		t.Errorf("rows for %v, rules %v", covered, healers.Rules())
	}
	t.Log("what each rule alone prevents\n" + table.String())
}
