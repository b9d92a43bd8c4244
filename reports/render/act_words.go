package render

// rescaled are the changes of how many replicas are asked for that no act of the engine
// brought about: the platform's own scaler did, or a person.
func (s *story) rescaled() []act {
	var all []act
	for _, r := range s.replicas {
		for _, d := range r.desired {
			if d.says != "" && d.act == "" {
				all = append(all, act{verb: verbScale, target: r.name, at: d.at, says: d.says})
			}
		}
	}
	return all
}

// line tells an act in a line.
func (a act) line() string {
	switch {
	case a.says == "":
		return a.verb + " " + a.target + ": " + a.ending()
	case a.n == 0 || a.done():
		return a.target + ": " + a.says
	default:
		return a.target + ": " + a.says + ": " + a.ending()
	}
}

// countActs counts the acts of a list, those among them that were held back, and what is no
// act of the engine.
func countActs(rows []actRow) (acts, held, changes int) {
	for _, a := range rows {
		switch {
		case a.N == 0:
			changes++
		case a.Decision == "allowed":
			acts++
		default:
			held++
		}
	}
	return acts, held, changes
}

// actsWord sums a list of acts up.
func actsWord(rows []actRow) string {
	acts, held, changes := countActs(rows)
	words := plural(acts, "act", "acts")
	if held > 0 {
		words += " and " + plural(held, "that was held back", "that were held back")
	}
	words += ", numbered as in the chart"
	if changes == 0 {
		return words
	}
	others := plural(changes, "change of replicas", "changes of replicas") + " by others"
	if acts+held == 0 {
		return others
	}
	return words + "; " + others
}

// healingWord is a list of acts in a few words.
func healingWord(rows []actRow) string {
	acts, held, changes := countActs(rows)
	words := plural(acts+held, "act", "acts") + " of healing"
	if changes == 0 {
		return words
	}
	others := plural(changes, "change of replicas", "changes of replicas") + " by others"
	if acts+held == 0 {
		return others
	}
	return words + ", " + others
}
