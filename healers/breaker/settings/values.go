package settings

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Share is a percentage, exactly as it is written.
type Share breaker.Ratio

// MarshalJSON writes it as it is read.
func (s Share) MarshalJSON() ([]byte, error) {
	number, err := decimal(100*s.Num, s.Den)
	if err != nil {
		return nil, err
	}
	return json.Marshal(number + "%")
}

// UnmarshalJSON reads "50%" or "0.5%".
func (s *Share) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		if number, ok := strings.CutSuffix(text, "%"); ok {
			if r, ok := exact(number); ok && r.Num <= 100*r.Den {
				*s = Share{Num: r.Num, Den: 100 * r.Den}
				return nil
			}
		}
	}
	return fmt.Errorf("expected a percentage from 0%% to 100%%, like 50%%, got %s", b)
}

// Factor is a number, exactly as it is written.
type Factor breaker.Ratio

// MarshalJSON writes it as it is read.
func (f Factor) MarshalJSON() ([]byte, error) {
	number, err := decimal(f.Num, f.Den)
	return []byte(number), err
}

// UnmarshalJSON reads 2 or 1.5.
func (f *Factor) UnmarshalJSON(b []byte) error {
	if r, ok := exact(string(b)); ok {
		*f = Factor(r)
		return nil
	}
	return fmt.Errorf("expected a number like 2 or 1.5, got %s", b)
}

// decimal writes what exact reads.
func decimal(num, den int) (string, error) {
	if den < 1 || num < 0 {
		return "", fmt.Errorf("%d/%d is no ratio", num, den)
	}
	text := big.NewRat(int64(num), int64(den)).FloatString(6)
	return strings.TrimRight(strings.TrimRight(text, "0"), "."), nil
}

// exact reads a decimal number, not negative, with at most six digits on either side.
func exact(text string) (breaker.Ratio, bool) {
	text = strings.TrimSpace(text)
	if whole, rest, _ := strings.Cut(text, "."); len(whole) > 6 || len(rest) > 6 || strings.Trim(text, "0123456789.") != "" {
		return breaker.Ratio{}, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return breaker.Ratio{}, false
	}
	return breaker.Ratio{Num: int(r.Num().Int64()), Den: int(r.Denom().Int64())}, true
}

// Mode is a breaker.Mode by its name.
type Mode breaker.Mode

var modes = [...]string{breaker.Automatic: "automatic", breaker.ForceOpen: "forceOpen", breaker.ForceClosed: "forceClosed", breaker.MetricsOnly: "metricsOnly"}

// MarshalJSON writes the name.
func (m Mode) MarshalJSON() ([]byte, error) {
	if int(m) >= len(modes) {
		return nil, fmt.Errorf("mode %d is none", m)
	}
	return json.Marshal(modes[m])
}

// UnmarshalJSON reads a name.
func (m *Mode) UnmarshalJSON(b []byte) error {
	var text string
	_ = json.Unmarshal(b, &text)
	for i, name := range modes {
		if text == name {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("expected automatic, forceOpen, forceClosed or metricsOnly, got %s", b)
}
