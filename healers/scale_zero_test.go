package healers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// idlePolicy lets orders be scaled to none.
func idlePolicy() *policy.Policy {
	p := scaledPolicy()
	p.Workloads[0].Scaling.Spec.MinReplicas = new(int32(0))
	p.Workloads[0].MinAvailable = "50%"
	return p
}

// Who is idle has no instance, and gets some again by a metric that is not theirs.
func TestScalingToZeroAndBack(t *testing.T) {
	const until = 4 * time.Minute
	sc := healerstest.Scenario{
		Policy: idlePolicy(), Model: shop, Until: until, Healed: sized(2),
		Break: func(s *healerstest.Shell, m *healerstest.Model) {
			queue(s, m, until+3*time.Minute, func(at time.Duration) float64 {
				switch {
				case at < 30*time.Second:
					return 30
				case at < 3*time.Minute:
					return 0
				}
				return 15
			})
		},
	}
	s := sc.Play(1, nil)
	if got, want := scales(s), []string{`1m30s {"replicas":0}`, `3m15s {"replicas":2}`}; !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v\n%s", want, got, healerstest.Tell(s))
	}
	healerstest.Prove(t, sc)
}

// Who sets replicas: 0 pauses the scaler, also where it may do so itself; any other number
// ends the pause.
func TestAPersonsPause(t *testing.T) {
	m := shop()
	s := healerstest.NewShell(1, idlePolicy(), m)
	depth := 30.0
	queue(s, m, 10*time.Minute, func(time.Duration) float64 { return depth })
	for _, step := range []struct {
		what  string
		at    time.Duration
		do    func()
		after int
	}{
		{"a person's pause", time.Minute, func() { m.Resize("orders", 0) }, 0},
		{"and its end", 2 * time.Minute, func() { m.Resize("orders", 3) }, 3},
		{"an idle workload", 3 * time.Minute, func() { depth = 0 }, 0},
		{"that a person wakes", 5 * time.Minute, func() { depth = 30; m.Resize("orders", 3) }, 3},
		{"and pauses", 6 * time.Minute, func() { m.Resize("orders", 0) }, 0},
		{"across the engine's death", 7 * time.Minute, s.Kill, 0},
	} {
		s.At(step.at, step.do)
		within := time.Minute - time.Second
		if step.after == 0 && step.at == 3*time.Minute {
			within += time.Minute // the window of the way down
		}
		s.Run(step.at + within)
		if got := m.Count("orders"); got != step.after {
			t.Fatalf("%s: expected %d instances, got %d\n%s", step.what, step.after, got, healerstest.Tell(s))
		}
	}
	if text := healerstest.Tell(s); !strings.Contains(text, "paused: replicas is 0") {
		t.Errorf("the records do not say that it is paused\n%s", text)
	}
	healerstest.Consistent(t, s)
	healerstest.Replay(t, s)
}

// A database is never scaled to none, however few metrics ask for it.
func TestADatabaseIsNeverScaledToZero(t *testing.T) {
	for _, least := range []int32{0, 1} {
		m := healerstest.NewModel(sut.Workload{Name: "orders", Desired: 3, Role: "database", Labels: map[string]string{"env": "test"}})
		p := idlePolicy()
		p.Workloads[0].Scaling.Spec.MinReplicas = new(least)
		s := healerstest.NewShell(1, p, m)
		queue(s, m, 3*time.Minute, func(at time.Duration) float64 { return max(0, 30-at.Seconds()) })
		s.Run(3 * time.Minute)
		if got, want := scales(s), []string{`1m15s {"replicas":1}`}; !slices.Equal(got, want) {
			t.Errorf("at least %d: expected %v, got %v\n%s", least, want, got, healerstest.Tell(s))
		}
		denied := slices.ContainsFunc(s.Journal.Records, func(r healers.Record) bool {
			return r.Decision != nil && r.Decision.Verb == "scale" && r.Decision.Effect == healers.Deny && r.Decision.Rule == healers.RuleScope
		})
		if denied != (least == 0) {
			t.Errorf("at least %d: denied: %v\n%s", least, denied, healerstest.Tell(s))
		}
	}
}
