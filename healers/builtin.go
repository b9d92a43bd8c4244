package healers

import (
	"cmp"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/healers/backoff"
)

// Definition is a healer that the engine brings.
type Definition struct {
	Name    string
	Summary string
	// Of are the findings that it is asked about.
	Of []FindingKind
	// Order among the healers that are asked about one target: lower acts first.
	Order int
	// Retry is how long it waits after a work that did not help. Zero: kubelet's.
	Retry backoff.Config
	// PageAfter is after how many works in a row that did not help people are woken,
	// and again after as many more; 0 means 1.
	PageAfter int
	Healer    Healer
}

// builtin is the list, sorted by name: one healer, one line.
var builtin = []Definition{replaceHealer, restartHealer, rotateHealer, runbookHealer, scaleHealer, tellHealer}

// definitions are the same in the order in which they act.
var definitions = slices.SortedFunc(slices.Values(builtin), func(a, b Definition) int { return cmp.Compare(a.Order, b.Order) })

// Builtin lists the healers, sorted by name.
func Builtin() []Definition { return slices.Clone(builtin) }

// builtinConditions are those of the healers' plans, compiled with the engine.
var builtinConditions = []Expr{restarted, replaced, isIn, isOut}

// retryOf is static, since the fold of old records depends on it.
func retryOf(healer string) backoff.Config {
	for i := range builtin {
		if builtin[i].Name == healer {
			return builtin[i].Retry
		}
	}
	return backoff.Config{Initial: time.Minute, Max: time.Hour}
}

func pageAfter(healer string) int {
	for i := range builtin {
		if builtin[i].Name == healer {
			return max(builtin[i].PageAfter, 1)
		}
	}
	return 1
}

// proposal makes a function a Healer.
type proposal func(v *View, f Finding) []Plan

// Propose implements [Healer].
func (p proposal) Propose(v *View, f Finding) []Plan { return p(v, f) }
