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
	for _, b := range e.budgetsOf(id, nil) {
		all = append(all, Budget{b.name, b.healthy, b.desired})
	}
	return all
}

// AskedOfBudget is the ledger's answer to an act, also to one that no healer proposes
// yet.
func AskedOfBudget(e *Engine, a Act) Decision {
	e.count()
	d := Decision{Verb: a.Verb, Target: a.Target}
	if !byBudget(e, &d, &a, nil) {
		d = Decision{Effect: Allow}
	}
	return d
}

// Begin puts an act under way, and End ends it, as if the guard had allowed it.
func Begin(e *Engine, a Act) ActID {
	a.ID = e.state.LastAct + 1
	e.emit(Record{Kind: RecordIntent, Act: &a})
	return a.ID
}

// End is how an act that [Begin] began ends.
func End(e *Engine, id ActID, r Result) {
	e.emit(Record{Kind: RecordOutcome, Done: &Done{ID: id, Result: r}})
}
