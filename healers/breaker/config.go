package breaker

import (
	"context"
	"time"
)

// What the zero [Config] stands for.
const (
	DefaultFailures   = 5
	DefaultWithin     = 30 * time.Second
	DefaultOpenFor    = 30 * time.Second
	DefaultMaxOpenFor = 5 * time.Minute
)

// Config says when a breaker opens, for how long, and how it closes again. The zero value
// is the textbook's: 5 failures within 30 s open it for 30 s and up to half of that as
// jitter, doubling to 5 min while trials fail; one trial closes it; no ramp, no stagger.
//
// One window decides when to open: Failures and Within, or Consecutive, or the shares
// FailureRate and SlowRate, which may be combined.
type Config struct {
	// Name is what breaks, for errors and events: store, payments. It may be empty.
	Name string

	// Failures within Within open it, whatever succeeds between them. The window slides
	// and is exact: the oldest of so many failures may be Within old, and not more. 0
	// means 5, and 30 s.
	Failures int
	Within   time.Duration

	// Consecutive failures open it. A success between them starts the count anew; time
	// and neutral calls do not. 0 means none.
	Consecutive int

	// FailureRate opens it when at least this share of calls failed, SlowRate when at
	// least this share was slow. Both look at the LastCalls calls, or at those that ended
	// in the LastTime, to a 32nd of it; and at none before MinCalls have ended there.
	// Neutral calls are no calls.
	FailureRate Ratio
	SlowRate    Ratio
	MinCalls    int
	LastCalls   int
	LastTime    time.Duration

	// SlowAfter makes a call slow that takes as long or longer. With SlowRate every call
	// is timed, without it only trials are. 0 means that only [Slow] tells of slow calls.
	SlowAfter time.Duration

	// OpenFor is how long it stays open at first. Each trial that fails multiplies that
	// by Growth, up to MaxOpenFor. 0 means 30 s, 2, and 5 min or OpenFor where that is
	// longer.
	OpenFor    time.Duration
	MaxOpenFor time.Duration
	Growth     Ratio

	// Jitter is how much of the delay is added to it at most, at random, after the cap.
	// It only lengthens. The zero Ratio means a half; Percent(0) turns it off.
	Jitter Ratio

	// ResetAfter is how long it must stay closed for the next delay to be OpenFor again;
	// before that, the next is longer than the last, as after a failed trial. 0 means
	// that closing is enough.
	ResetAfter time.Duration

	// Trials are the calls that may try at once while it is half-open; Successes of them
	// close it, and one that fails or is slow opens it. Trials that end give their place
	// to others, so that Successes may be more than Trials. 0 means 1 trial, and as many
	// successes as trials.
	Trials    int
	Successes int

	// TrialTimeout is the lease of a trial: one that is not done by then has failed. 0
	// means the delay, without jitter, that it was open for.
	TrialTimeout time.Duration

	// ProbeOnly makes no call of a user a trial: results come from somebody's own probe,
	// by [Breaker.Probe].
	ProbeOnly bool

	// Gate spaces the trials of all breakers that share it. Nil means that each tries
	// when it may.
	Gate Gate

	// Spread delays trials by a part of it, fixed by Identity (an instance's name, say):
	// the members of a fleet are spread over it without talking to each other. It comes
	// on top of the jitter.
	Spread   time.Duration
	Identity string

	// RampOver is how long after closing a growing share of calls is admitted, evenly and
	// not by chance: from RampFrom (the zero Ratio means 10 %) to all. 0 means all at once.
	RampOver time.Duration
	RampFrom Ratio

	// Mode is what it begins in. The zero value is [Automatic].
	Mode Mode

	// Seed drives the jitter: with the same one, the same delays. 0 means one drawn at
	// random for each breaker.
	Seed uint64

	// Count keeps numbers of calls for [Breaker.Snapshot] and metrics. It costs an atomic
	// addition a call.
	Count bool

	// Classify says what an error of a call in [Do] is. Nil means [Classify].
	Classify func(ctx context.Context, err error) Outcome

	// Listen is told of every change, in order, outside of locks, by the goroutine that
	// caused it or one that is already telling. It may call the breaker. It should not
	// wait: what comes after it waits with it. If it panics, the panic is counted in
	// [Snapshot] and goes no further.
	Listen func(Event)
}

// Ratio is a share, exactly: Num of Den. The zero value means that it is not set.
type Ratio struct {
	Num, Den int
}

// Percent is a share of so many percent.
func Percent(n int) Ratio { return Ratio{Num: n, Den: 100} }

func (r Ratio) zero() bool { return r == Ratio{} }

// settings are a Config with its defaults, without what cannot be compared: equal ones
// are one in memory, however many breakers there are.
type settings struct {
	failures, consecutive    int
	within                   time.Duration
	failureRate, slowRate    Ratio
	minCalls, lastCalls      int
	lastTime, slowAfter      time.Duration
	openFor, maxOpenFor      time.Duration
	growth, jitter, rampFrom Ratio
	resetAfter, trialTimeout time.Duration
	trials, successes        int
	probeOnly                bool
	offset, rampOver         time.Duration
}

// rated: shares of calls decide, and each call counts.
func (s *settings) rated() bool { return !s.failureRate.zero() || !s.slowRate.zero() }

// filled are the settings of a Config that Validate finds no fault with.
func (c *Config) filled() settings {
	s := settings{
		failures: c.Failures, within: c.Within, consecutive: c.Consecutive,
		failureRate: c.FailureRate, slowRate: c.SlowRate,
		minCalls: c.MinCalls, lastCalls: c.LastCalls, lastTime: c.LastTime, slowAfter: c.SlowAfter,
		openFor: or(c.OpenFor, DefaultOpenFor), growth: or(c.Growth, Ratio{2, 1}), jitter: or(c.Jitter, Ratio{1, 2}),
		resetAfter: c.ResetAfter, trials: or(c.Trials, 1), trialTimeout: c.TrialTimeout, probeOnly: c.ProbeOnly,
		offset: offset(c.Identity, c.Spread), rampOver: c.RampOver, rampFrom: or(c.RampFrom, Percent(10)),
	}
	s.maxOpenFor = or(c.MaxOpenFor, max(DefaultMaxOpenFor, s.openFor))
	s.successes = or(c.Successes, s.trials)
	if s.consecutive == 0 && !s.rated() {
		s.failures, s.within = or(s.failures, DefaultFailures), or(s.within, DefaultWithin)
	}
	return s
}

// or is v, or what stands for its zero value.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
