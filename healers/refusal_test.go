package healers_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/healers"
)

// explains tells what a refusal leaves unsaid.
func explains(r *healers.Record) error {
	d, text := r.Decision, healers.Text(*r)
	if (d.Effect == healers.Allow) != (d.Rule == healers.RuleNone) {
		return fmt.Errorf("%q by rule %q", text, d.Rule)
	}
	if d.Effect == healers.Allow {
		return nil
	}
	what, why, ok := strings.Cut(text, ": ")
	if !ok || why == "" || !strings.HasPrefix(what, string(d.Verb)+" "+string(d.Target.ID)) {
		return fmt.Errorf("%q does not say what, or why", text)
	}
	if d.Until != 0 && (d.Until <= r.At || !strings.Contains(what, " for ")) {
		return fmt.Errorf("%q, until %v at %v", text, d.Until, r.At)
	}
	var words []string // that it must have
	counts := []string{strconv.FormatInt(d.Have, 10), strconv.FormatInt(d.Limit, 10)}
	switch d.Rule {
	case healers.RuleBudget, healers.RuleRate, healers.RuleRamp, healers.RuleStorm, healers.RuleShared:
		words = counts
	case healers.RuleStag:
		words = append(words, string(d.By))
		if d.Have >= d.Limit {
			words = append(words, counts...)
		}
	case healers.RuleBroken:
		words = append(words, counts[0], string(d.By))
	case healers.RuleActor:
		words = append(words, string(d.By))
	case healers.RuleBlind:
		if d.Limit > 0 && d.Until == 0 {
			words = counts
		}
	case healers.RuleBack:
		for _, ms := range []int64{d.Have, d.Limit} {
			words = append(words, (time.Duration(ms) * time.Millisecond).Round(100*time.Millisecond).String())
		}
	case healers.RuleKill, healers.RulePaused, healers.RuleScope, healers.RuleTrust, healers.RuleNone: // they compare nothing
	default:
		return fmt.Errorf("%q by a rule that nobody knows, %q", text, d.Rule)
	}
	said := strings.FieldsFunc(why, func(c rune) bool { return strings.ContainsRune(" (),", c) })
	for _, word := range words {
		if word == "" || !slices.Contains(said, word) {
			return fmt.Errorf("%q does not say %q of %+v", text, word, *d)
		}
	}
	if d.Have < 0 || d.Limit < 0 {
		return fmt.Errorf("%q: fewer than none", text)
	}
	return nil
}

// explained asks for why of what was refused last.
func (r *randomRun) explained() {
	for _, record := range slices.Backward(r.records) {
		d := record.Decision
		if d == nil || d.Effect == healers.Allow {
			continue
		}
		e := healers.Explain(d.Target.ID, slices.Values(r.records))
		if text := healers.Text(record); e.Omitted == 0 && !strings.Contains(e.Text(), text) {
			r.Fatalf("%q is not said in:\n%s", text, e.Text())
		}
		return
	}
}

func tells(v healers.Verb) bool { return v == healers.VerbNotify || v == healers.VerbPage }
