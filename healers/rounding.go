package healers

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// Allowance is what a disruption budget comes to for the replicas that it is about.
type Allowance struct {
	// Budget is a workload, of which the policy says it, or a budget that others declared.
	Budget sut.ID `json:"budget"`
	// MinAvailable and MaxUnavailable are as written; one of them is empty.
	MinAvailable   string `json:"minAvailable,omitempty"`
	MaxUnavailable string `json:"maxUnavailable,omitempty"`
	// Of is how many replicas are to be there. Stay of them must be available, and Away
	// need not be.
	Of   int   `json:"of"`
	Away int64 `json:"away"`
	Stay int64 `json:"stay"`
}

// String says it with its rounding.
func (a Allowance) String() string {
	asked, s := "maxUnavailable", a.MaxUnavailable
	if a.MinAvailable != "" {
		asked, s = "minAvailable", a.MinAvailable
	}
	rounded := ""
	if isShare(s) {
		rounded = ", rounded up as policy/v1"
	}
	return fmt.Sprintf("%s: %s %s of %d%s: %d may be away, %d must stay", budgetName(a.Budget), asked, s, a.Of, rounded, a.Away, a.Stay)
}

// budgetName is what people call a budget: that of the policy by its workload.
func budgetName(id sut.ID) string {
	if id.Kind() == sut.KindBudget {
		return "PodDisruptionBudget " + id.Part()
	}
	return string(id)
}

// Pace is how many instances of a workload may be between their restart and ready at
// once.
type Pace struct {
	Workload string `json:"workload"`
	AtOnce   string `json:"atOnce"` // as written: a count or a percentage of Of
	Of       int    `json:"of"`     // replicas that are to be there
	Limit    int64  `json:"limit"`
}

// String says it with its rounding.
func (p Pace) String() string {
	rounded := ""
	if isShare(p.AtOnce) {
		rounded = ", rounded down but at least one"
	}
	return fmt.Sprintf("%s: %s of %d%s: %d at once may be between restart and ready", p.Workload, p.AtOnce, p.Of, rounded, p.Limit)
}

// Rounding is what the budgets and the staggers of a policy come to for a system, with
// the budgets that others declared for it, sorted. It is the ledger's own answer: who
// plans by it is told what the guard will compare.
func Rounding(p *policy.Policy, system sut.Delta) ([]Allowance, []Pace) {
	e := New(0, Checkpoint{})
	system.Reset = true
	e.Step(&Input{Policy: p, Trial: true, System: system})
	e.count()
	budgets, paces := map[sut.ID]Allowance{}, map[string]Pace{}
	for id, in := range e.view.instances { // each says the same: the order does not matter
		for _, b := range e.budgetsOf(id, nil) {
			budgets[b.name] = b.allowance()
		}
		if w, covered := e.view.Policy(id); covered {
			of := e.view.Desired(in.Workload)
			paces[in.Workload] = Pace{in.Workload, orAtOnce(w.Restart.AtOnce), of, atOnce(w.Restart.AtOnce, of)}
		}
	}
	byBudget := func(a, b Allowance) int { // the policy's own before those that others declared
		return cmp.Or(cmp.Compare(b.Budget.Kind(), a.Budget.Kind()), cmp.Compare(a.Budget, b.Budget))
	}
	byWorkload := func(a, b Pace) int { return cmp.Compare(a.Workload, b.Workload) }
	return slices.SortedFunc(maps.Values(budgets), byBudget), slices.SortedFunc(maps.Values(paces), byWorkload)
}

func (b *budget) allowance() Allowance {
	a := Allowance{Budget: b.name, MinAvailable: b.minAvailable, MaxUnavailable: b.maxUnavailable, Of: b.expected, Stay: b.desired}
	if a.Away = max(int64(b.expected)-b.desired, 0); b.none() {
		a.Away = 0
	}
	return a
}

// floorOf rounds as policy/v1 does: up, for both. What cannot be read forbids.
func floorOf(minAvailable, maxUnavailable string, desired int) int64 {
	if minAvailable != "" {
		return share(minAvailable, desired, math.Ceil, int64(desired))
	}
	return max(int64(desired)-share(maxUnavailable, desired, math.Ceil, 0), 0)
}

// atOnce is how many of a workload may be away at once: rounded down, at least one.
func atOnce(s string, desired int) int64 {
	return max(share(orAtOnce(s), desired, math.Floor, 1), 1)
}

// orAtOnce fills in what a policy leaves out.
func orAtOnce(s string) string { return cmp.Or(s, "25%") }

// isShare: it is a percentage, and no count.
func isShare(s string) bool { return strings.HasSuffix(strings.TrimSpace(s), "%") }

// share reads a count ("2") or a share of all ("50%").
func share(s string, all int, round func(float64) float64, unreadable int64) int64 {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return unreadable
	case percent:
		return int64(round(float64(n) * float64(all) / 100))
	default:
		return int64(n)
	}
}
