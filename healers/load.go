package healers

import (
	"encoding/json"
	"maps"
)

// load reads the state of a checkpoint. It trusts it as little as fold does a record:
// what cannot be read is an empty history, and what lacks what it must have is left out.
func load(raw json.RawMessage) *state {
	s := newState()
	if len(raw) == 0 {
		return s
	}
	if json.Unmarshal(raw, s) != nil {
		return newState()
	}
	made(&s.Findings)
	made(&s.Works)
	made(&s.Acts)
	made(&s.Restarts)
	made(&s.Failures)
	made(&s.Back)
	made(&s.Rates)
	made(&s.Healed)
	made(&s.Broken)
	made(&s.Ended)
	made(&s.Scaled)
	maps.DeleteFunc(s.Scaled, func(_ string, v *scaled) bool { return v == nil })
	for k, f := range s.Findings { // each by itself: the order does not matter
		if k != keyOf(f.Kind, f.Target.ID, f.Runbook) {
			delete(s.Findings, k)
		}
	}
	for id, w := range s.Works {
		if w == nil || w.Plan == nil {
			delete(s.Works, id)
			continue
		}
		w.ID, w.Index = id, max(w.Index, 0)
	}
	for id, a := range s.Acts {
		if a == nil {
			delete(s.Acts, id)
			continue
		}
		a.ID = id
	}
	s.reindex()
	return s
}

// made makes the map that a null left nil.
func made[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}
