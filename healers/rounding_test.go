package healers_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// TestRoundingIsStated: what budgets and staggers come to, before anything runs.
func TestRoundingIsStated(t *testing.T) {
	for _, row := range []struct {
		name                                 string
		minAvailable, maxUnavailable, atOnce string
		replicas                             int
		budget, pace                         string
	}{
		{
			"a share that may be away", "", "25%", "25%", 3,
			"w0: maxUnavailable 25% of 3, rounded up as policy/v1: 1 may be away, 2 must stay",
			"w0: 25% of 3, rounded down but at least one: 1 at once may be between restart and ready",
		},
		{
			"a share that must stay", "50%", "", "50%", 7,
			"w0: minAvailable 50% of 7, rounded up as policy/v1: 3 may be away, 4 must stay",
			"w0: 50% of 7, rounded down but at least one: 3 at once may be between restart and ready",
		},
		{
			"numbers are not rounded", "2", "", "1", 3,
			"w0: minAvailable 2 of 3: 1 may be away, 2 must stay",
			"w0: 1 of 3: 1 at once may be between restart and ready",
		},
		{
			"more than there are", "5", "", "1", 3,
			"w0: minAvailable 5 of 3: 0 may be away, 5 must stay",
			"w0: 1 of 3: 1 at once may be between restart and ready",
		},
		{
			"what is left out", "", "", "", 5,
			"w0: maxUnavailable 1 of 5: 1 may be away, 4 must stay",
			"w0: 25% of 5, rounded down but at least one: 1 at once may be between restart and ready",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := loose(1, func(p *policy.Policy) {
				w := &p.Workloads[0]
				w.MinAvailable, w.MaxUnavailable, w.Restart.AtOnce = row.minAvailable, row.maxUnavailable, row.atOnce
			})
			budgets, paces := healers.Rounding(p, replicas(map[string]int{"w0": row.replicas}))
			if got := fmt.Sprint(budgets); got != "["+row.budget+"]" {
				t.Errorf("got  %s\nwant [%s]", got, row.budget)
			}
			if got := fmt.Sprint(paces); got != "["+row.pace+"]" {
				t.Errorf("got  %s\nwant [%s]", got, row.pace)
			}
		})
	}
}

// replicas is a system of so many instances by workload, as it is declared.
func replicas(of map[string]int) sut.Delta {
	var d sut.Delta
	for name, n := range of {
		d.Workloads = append(d.Workloads, sut.Workload{Name: name, Desired: n})
		for i := range n {
			d.Instances = append(d.Instances, sut.Instance{Target: sut.Target{ID: sut.InstanceID(name, i)}, Workload: name, Phase: sut.PhaseRunning})
		}
	}
	return d
}

// TestRoundingOfOthersBudgets: each once, behind the policy's, over all that it holds for;
// a workload that the policy does not cover has none of its own.
func TestRoundingOfOthersBudgets(t *testing.T) {
	d := replicas(map[string]int{"w0": 3, "w1": 4})
	for i := range d.Instances {
		d.Instances[i].Budgets = []string{"web"}
	}
	d.Budgets = []sut.Budget{{Name: "nobody's", MinAvailable: "1"}, {Name: "web", MaxUnavailable: "30%"}}
	budgets, paces := healers.Rounding(loose(1, nil), d)
	var got []string
	for _, b := range budgets {
		got = append(got, b.String())
	}
	want := []string{
		"w0: minAvailable 0 of 3: 3 may be away, 0 must stay",
		"PodDisruptionBudget web: maxUnavailable 30% of 7, rounded up as policy/v1: 3 may be away, 4 must stay",
	}
	if !slices.Equal(got, want) || len(paces) != 1 || paces[0].Workload != "w0" {
		t.Errorf("got  %q, %v\nwant %q and the pace of w0", got, paces, want)
	}
}

// TestARefusalNamesItsBudget in the words of the plan.
func TestARefusalNamesItsBudget(t *testing.T) {
	for want, d := range map[string]healers.Decision{
		"evict w0/0 waits: 1 would be left, and 2 must stay":                                                {Have: 1, Limit: 2},
		"evict w0/0 waits: 1 would be left, and 2 must stay by the policy":                                  {Have: 1, Limit: 2, By: "w0"},
		"evict w0/0 waits: 1 would be left, and 2 must stay by the PodDisruptionBudget w0":                  {Have: 1, Limit: 2, By: "budget:w0"},
		"evict w0/0 waits: none may go while 3 are available and 0 must stay by the PodDisruptionBudget w0": {Have: 3, Limit: 0, By: "budget:w0"},
	} {
		d.Verb, d.Target, d.Rule, d.Effect = "evict", sut.Target{ID: "w0/0"}, healers.RuleBudget, healers.Defer
		if got := healers.Text(healers.Record{Kind: healers.RecordDecision, Decision: &d}); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
