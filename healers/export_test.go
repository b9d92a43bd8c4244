package healers

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
