package breaker

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig is what every error of [Config.Validate] is.
var ErrConfig = errors.New("breaker: config")

// What is kept for each breaker has a limit, and so has what times and shares are
// multiplied with.
const (
	maxKept  = 1 << 20
	maxRatio = 1 << 30
)

// Validate names every problem, one error each.
func (c *Config) Validate() error {
	p := &problems{}
	c.checkWindow(p)
	c.checkOpening(p)
	c.checkTrials(p)
	if c.RampOver == 0 && !c.RampFrom.zero() {
		p.add("RampFrom is set and RampOver is not: there is no ramp")
	}
	p.notNegative("RampOver", c.RampOver)
	p.share("RampFrom", c.RampFrom, 0)
	if c.Mode > MetricsOnly {
		p.add("Mode %d is none", c.Mode)
	}
	return errors.Join(p.found...)
}

func (c *Config) checkWindow(p *problems) {
	p.count("Failures", c.Failures, maxKept)
	p.count("Consecutive", c.Consecutive, 1<<31-1)
	p.count("LastCalls", c.LastCalls, maxKept)
	p.count("MinCalls", c.MinCalls, 1<<31-1)
	p.notNegative("Within", c.Within)
	p.notNegative("LastTime", c.LastTime)
	p.notNegative("SlowAfter", c.SlowAfter)
	p.share("FailureRate", c.FailureRate, 1)
	p.share("SlowRate", c.SlowRate, 1)

	failures, rated := c.Failures != 0 || c.Within != 0, !c.FailureRate.zero() || !c.SlowRate.zero()
	if failures && c.Consecutive != 0 {
		p.add("Consecutive and Failures within Within are two windows: set one")
	}
	if rated && (failures || c.Consecutive != 0) {
		p.add("FailureRate or SlowRate, and Failures or Consecutive, are two windows: set one")
	}
	if !rated {
		if c.MinCalls != 0 || c.LastCalls != 0 || c.LastTime != 0 {
			p.add("MinCalls, LastCalls and LastTime are of FailureRate and SlowRate, and neither is set")
		}
		return
	}
	if c.MinCalls == 0 {
		p.add("MinCalls is not set: a single call would be 100 %%")
	}
	switch {
	case c.LastCalls == 0 && c.LastTime == 0:
		p.add("neither LastCalls nor LastTime is set: a rate is over one of them")
	case c.LastCalls != 0 && c.LastTime != 0:
		p.add("LastCalls and LastTime are two windows: set one")
	case c.LastCalls != 0 && c.MinCalls > c.LastCalls:
		p.add("MinCalls %d is more than LastCalls %d: it would never open", c.MinCalls, c.LastCalls)
	case c.LastTime > 0 && c.LastTime < time.Millisecond:
		p.add("LastTime %v is less than 1ms", c.LastTime)
	}
}

func (c *Config) checkOpening(p *problems) {
	p.notNegative("OpenFor", c.OpenFor)
	p.notNegative("MaxOpenFor", c.MaxOpenFor)
	p.notNegative("ResetAfter", c.ResetAfter)
	if first := or(c.OpenFor, DefaultOpenFor); c.MaxOpenFor > 0 && c.MaxOpenFor < first {
		p.add("MaxOpenFor %v is less than OpenFor, %v", c.MaxOpenFor, first)
	}
	p.ratio("Growth", c.Growth)
	if g := c.Growth; g.Den > 0 && g.Num < g.Den {
		p.add("Growth %d/%d is less than 1: the delay would shrink while trials fail", g.Num, g.Den)
	}
	p.share("Jitter", c.Jitter, 0)
	p.notNegative("Spread", c.Spread)
	if (c.Spread != 0) != (c.Identity != "") {
		p.add("Spread and Identity need each other")
	}
}

func (c *Config) checkTrials(p *problems) {
	p.count("Trials", c.Trials, maxKept)
	p.count("Successes", c.Successes, 1<<31-1)
	p.notNegative("TrialTimeout", c.TrialTimeout)
	if c.ProbeOnly && (c.Trials != 0 || c.TrialTimeout != 0 || c.Gate != nil) {
		p.add("ProbeOnly makes no call a trial, so that Trials, TrialTimeout and Gate have no use")
	}
}

// problems collects what is wrong.
type problems struct{ found []error }

func (p *problems) add(format string, args ...any) {
	p.found = append(p.found, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
}

func (p *problems) notNegative(field string, d time.Duration) {
	if d < 0 {
		p.add("%s %v is negative", field, d)
	}
}

func (p *problems) count(field string, n, limit int) {
	if n < 0 {
		p.add("%s %d is negative", field, n)
	} else if n > limit {
		p.add("%s %d is more than %d", field, n, limit)
	}
}

// ratio: not set, or a fraction that exists.
func (p *problems) ratio(field string, r Ratio) bool {
	if r.zero() {
		return false
	}
	if r.Den < 1 || r.Num < 0 || r.Den > maxRatio || r.Num > maxRatio {
		p.add("%s %d/%d is no ratio: of 1 to %d, none negative", field, r.Num, r.Den, maxRatio)
		return false
	}
	return true
}

// share: a ratio from low of Den to all.
func (p *problems) share(field string, r Ratio, low int) {
	if p.ratio(field, r) && (r.Num < low || r.Num > r.Den) {
		p.add("%s %d/%d is not between %d and all", field, r.Num, r.Den, low)
	}
}
