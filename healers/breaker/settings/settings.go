package settings

import (
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Breaker is a breaker as a file has it: the fields of [breaker.Config] by shorter names.
// What is left out is the textbook's.
type Breaker struct {
	Name         string            `json:"name,omitempty"`
	Failures     int               `json:"failures,omitempty"`
	Within       manifest.Duration `json:"within,omitempty"`
	Consecutive  int               `json:"consecutive,omitempty"`
	Rate         Share             `json:"rate,omitzero"`
	SlowRate     Share             `json:"slowRate,omitzero"`
	MinCalls     int               `json:"minCalls,omitempty"`
	LastCalls    int               `json:"lastCalls,omitempty"`
	LastTime     manifest.Duration `json:"lastTime,omitempty"`
	SlowAfter    manifest.Duration `json:"slowAfter,omitempty"`
	OpenFor      manifest.Duration `json:"openFor,omitempty"`
	Max          manifest.Duration `json:"max,omitempty"`
	Growth       Factor            `json:"growth,omitzero"`
	Jitter       Share             `json:"jitter,omitzero"`
	ResetAfter   manifest.Duration `json:"resetAfter,omitempty"`
	Trials       int               `json:"trials,omitempty"`
	Successes    int               `json:"successes,omitempty"`
	TrialTimeout manifest.Duration `json:"trialTimeout,omitempty"`
	Spread       manifest.Duration `json:"spread,omitempty"`
	Identity     string            `json:"identity,omitempty"`
	Ramp         manifest.Duration `json:"ramp,omitempty"`
	RampFrom     Share             `json:"rampFrom,omitzero"`
	Mode         Mode              `json:"mode,omitempty"`
}

// Read reads the settings of a breaker from YAML, or JSON, strictly, and names every
// problem with its position:
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
func Read(file string, data []byte) (breaker.Config, error) {
	return ReadShared(file, data, "")
}

// ReadShared is [Read] of what many share, as a policy or a coordinator has it, for one of
// them: where there is a spread, and no identity, it is that of who reads.
func ReadShared(file string, data []byte, identity string) (breaker.Config, error) {
	var b Breaker
	doc, err := manifest.Decode(file, data, &b)
	if b.Spread != 0 {
		fill(&b.Identity, identity)
	}
	if !doc.Read() {
		return b.Config(), err
	}
	return b.Config(), manifest.Join(err, b.Problems(doc, "")...)
}

// Config is what [breaker.New] is given.
func (b *Breaker) Config() breaker.Config {
	return breaker.Config{
		Name: b.Name, Failures: b.Failures, Within: time.Duration(b.Within), Consecutive: b.Consecutive,
		FailureRate: breaker.Ratio(b.Rate), SlowRate: breaker.Ratio(b.SlowRate),
		MinCalls: b.MinCalls, LastCalls: b.LastCalls, LastTime: time.Duration(b.LastTime), SlowAfter: time.Duration(b.SlowAfter),
		OpenFor: time.Duration(b.OpenFor), MaxOpenFor: time.Duration(b.Max), Growth: breaker.Ratio(b.Growth), Jitter: breaker.Ratio(b.Jitter),
		ResetAfter: time.Duration(b.ResetAfter), Trials: b.Trials, Successes: b.Successes, TrialTimeout: time.Duration(b.TrialTimeout),
		Spread: time.Duration(b.Spread), Identity: b.Identity, RampOver: time.Duration(b.Ramp), RampFrom: breaker.Ratio(b.RampFrom),
		Mode: breaker.Mode(b.Mode),
	}
}

// Complete has what the textbook says written out, but for what has no number of its own:
// a trial may take as long as the breaker was open.
func (b Breaker) Complete() Breaker {
	if b.Consecutive == 0 && b.Rate == (Share{}) && b.SlowRate == (Share{}) {
		fill(&b.Failures, breaker.DefaultFailures)
		fill(&b.Within, manifest.Duration(breaker.DefaultWithin))
	}
	fill(&b.OpenFor, manifest.Duration(breaker.DefaultOpenFor))
	fill(&b.Max, max(manifest.Duration(breaker.DefaultMaxOpenFor), b.OpenFor))
	fill(&b.Growth, Factor{Num: 2, Den: 1})
	fill(&b.Jitter, Share(breaker.Percent(50)))
	fill(&b.Trials, 1)
	fill(&b.Successes, b.Trials)
	if b.Ramp != 0 {
		fill(&b.RampFrom, Share(breaker.Percent(10)))
	}
	return b
}

func fill[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Problems are all that is wrong with what is read, in the words of the document, whose
// field at it is; "" is the whole.
func (b *Breaker) Problems(doc *manifest.Doc, at string) (found []manifest.Problem) {
	c := b.Config()
	for _, one := range each(c.Validate()) {
		found = append(found, named(doc, at, one))
	}
	return found
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
func named(doc *manifest.Doc, at string, err error) manifest.Problem {
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
	switch {
	case at == "":
		at = first
	case first != "":
		at += "." + first
	}
	return doc.Problem(at, "%s", text)
}
