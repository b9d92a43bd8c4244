package timeline

import (
	"encoding/json"
	"fmt"
)

// Verdict is a judgement. Its zero value is Inconclusive, so that nothing that
// was forgotten can pass.
type Verdict uint8

// The verdicts.
const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

func (v Verdict) String() string {
	switch v {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	case Inconclusive:
		return "inconclusive"
	default:
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
}

// MarshalJSON writes the word.
func (v Verdict) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// UnmarshalJSON reads the word and refuses any other.
func (v *Verdict) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("verdict: %w", err)
	}
	for _, w := range []Verdict{Inconclusive, Pass, Fail} {
		if w.String() == s {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("verdict: %q is none of pass, fail, inconclusive", s)
}
