package sidecar

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/breaker"
)

// settings are a breaker as a file has it. What is left out is the textbook's.
type settings struct {
	Name         string            `json:"name,omitempty"`
	Failures     int               `json:"failures,omitempty"`
	Within       manifest.Duration `json:"within,omitempty"`
	Consecutive  int               `json:"consecutive,omitempty"`
	Rate         share             `json:"rate,omitzero"`
	SlowRate     share             `json:"slowRate,omitzero"`
	MinCalls     int               `json:"minCalls,omitempty"`
	LastCalls    int               `json:"lastCalls,omitempty"`
	LastTime     manifest.Duration `json:"lastTime,omitempty"`
	SlowAfter    manifest.Duration `json:"slowAfter,omitempty"`
	OpenFor      manifest.Duration `json:"openFor,omitempty"`
	Max          manifest.Duration `json:"max,omitempty"`
	Growth       factor            `json:"growth,omitzero"`
	Jitter       share             `json:"jitter,omitzero"`
	ResetAfter   manifest.Duration `json:"resetAfter,omitempty"`
	Trials       int               `json:"trials,omitempty"`
	Successes    int               `json:"successes,omitempty"`
	TrialTimeout manifest.Duration `json:"trialTimeout,omitempty"`
	Spread       manifest.Duration `json:"spread,omitempty"`
	Identity     string            `json:"identity,omitempty"`
	Ramp         manifest.Duration `json:"ramp,omitempty"`
	RampFrom     share             `json:"rampFrom,omitzero"`
	Mode         mode              `json:"mode,omitempty"`
}

// ReadBreaker reads the settings of a breaker from YAML, strictly, and names every problem
// with its position. The fields are those of [breaker.Config] by shorter names:
//
//	failures: 5          # within this time open it
//	within: 30s
//	openFor: 30s         # and so long at first, then twice as long, up to
//	max: 5m
//	jitter: 50%          # of that is added at random
//	trials: 1            # at once, each done within
//	trialTimeout: 10s
//
// or consecutive: 5; or rate: 50% and slowRate: 80% of slowAfter: 1s, with minCalls and
// lastCalls or lastTime; besides them growth, resetAfter, successes, spread with identity,
// ramp with rampFrom, and mode: automatic, forceOpen, forceClosed or metricsOnly.
func ReadBreaker(file string, data []byte) (breaker.Config, error) {
	var s settings
	doc, err := manifest.Decode(file, data, &s)
	c := s.config()
	if !doc.Read() {
		return c, err
	}
	var found []manifest.Problem
	for _, one := range each(c.Validate()) {
		found = append(found, named(doc, one))
	}
	return c, manifest.Join(err, found...)
}

func (s *settings) config() breaker.Config {
	return breaker.Config{
		Name: s.Name, Failures: s.Failures, Within: time.Duration(s.Within), Consecutive: s.Consecutive,
		FailureRate: breaker.Ratio(s.Rate), SlowRate: breaker.Ratio(s.SlowRate),
		MinCalls: s.MinCalls, LastCalls: s.LastCalls, LastTime: time.Duration(s.LastTime), SlowAfter: time.Duration(s.SlowAfter),
		OpenFor: time.Duration(s.OpenFor), MaxOpenFor: time.Duration(s.Max), Growth: breaker.Ratio(s.Growth), Jitter: breaker.Ratio(s.Jitter),
		ResetAfter: time.Duration(s.ResetAfter), Trials: s.Trials, Successes: s.Successes, TrialTimeout: time.Duration(s.TrialTimeout),
		Spread: time.Duration(s.Spread), Identity: s.Identity, RampOver: time.Duration(s.Ramp), RampFrom: breaker.Ratio(s.RampFrom),
		Mode: breaker.Mode(s.Mode),
	}
}

// each are the errors that were joined.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// fields are what a file calls the fields of a breaker.Config.
var fields = map[string]string{
	"Failures": "failures", "Within": "within", "Consecutive": "consecutive", "FailureRate": "rate", "SlowRate": "slowRate",
	"MinCalls": "minCalls", "LastCalls": "lastCalls", "LastTime": "lastTime", "SlowAfter": "slowAfter", "OpenFor": "openFor",
	"MaxOpenFor": "max", "Growth": "growth", "Jitter": "jitter", "ResetAfter": "resetAfter", "Trials": "trials",
	"Successes": "successes", "TrialTimeout": "trialTimeout", "Spread": "spread", "Identity": "identity",
	"RampOver": "ramp", "RampFrom": "rampFrom",
}

// named tells a problem of a breaker.Config in the words of the file, at the first field
// that it speaks of.
func named(doc *manifest.Doc, err error) manifest.Problem {
	text := strings.TrimPrefix(err.Error(), breaker.ErrConfig.Error()+": ")
	first := ""
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == ':' })
	for _, w := range words {
		if field, ok := fields[w]; ok {
			if first == "" {
				first = field
			}
			text = strings.Replace(text, w, field, 1)
		}
	}
	return doc.Problem(first, "%s", text)
}

// share is a percentage, exactly as it is written.
type share breaker.Ratio

// UnmarshalJSON reads "50%" or "0.5%".
func (s *share) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		if number, ok := strings.CutSuffix(text, "%"); ok {
			if r, ok := exact(number); ok && r.Num <= 100*r.Den {
				*s = share{Num: r.Num, Den: 100 * r.Den}
				return nil
			}
		}
	}
	return fmt.Errorf("expected a percentage from 0%% to 100%%, like 50%%, got %s", b)
}

// factor is a number, exactly as it is written.
type factor breaker.Ratio

// UnmarshalJSON reads 2 or 1.5.
func (f *factor) UnmarshalJSON(b []byte) error {
	if r, ok := exact(string(b)); ok {
		*f = factor(r)
		return nil
	}
	return fmt.Errorf("expected a number like 2 or 1.5, got %s", b)
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

// mode is a breaker.Mode by its name.
type mode breaker.Mode

// UnmarshalJSON reads a name.
func (m *mode) UnmarshalJSON(b []byte) error {
	var text string
	_ = json.Unmarshal(b, &text)
	for i, name := range []string{"automatic", "forceOpen", "forceClosed", "metricsOnly"} {
		if text == name {
			*m = mode(i)
			return nil
		}
	}
	return fmt.Errorf("expected automatic, forceOpen, forceClosed or metricsOnly, got %s", b)
}
