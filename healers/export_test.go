package healers

import "github.com/rebound-chaos/rebound/fixtures/sut"

// Without leaves a rule of the guard out, to see what it is for.
func Without(e *Engine, r Rule) { e.without = r }

// Rules are the guard's, in the order in which they are asked.
func Rules() []Rule {
	var rules []Rule
	for _, r := range rulings {
		rules = append(rules, r.rule)
	}
	return rules
}

// Budget is one disruption budget as it stands.
type Budget struct {
	Name             sut.ID
	Healthy, Desired int64
}

// Budgets are those that hold for an instance now.
func Budgets(e *Engine, id sut.ID) []Budget {
	e.count()
	var all []Budget
	for _, b := range e.budgetsOf(id) {
		all = append(all, Budget{b.name, b.healthy, b.desired})
	}
	return all
}

// AskedOfBudget is the ledger's answer to an act, also to one that no healer proposes
// yet.
func AskedOfBudget(e *Engine, v Verb, t sut.Target) Decision {
	e.count()
	d := Decision{Verb: v, Target: t}
	if !byBudget(e, &d, &Act{Verb: v, Target: t}, nil) {
		d = Decision{Effect: Allow}
	}
	return d
}
