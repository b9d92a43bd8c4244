package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

var (
	// ErrConfig is what every error of a config is.
	ErrConfig = errors.New("fleet: config")
	// ErrRequest is a request that makes no sense.
	ErrRequest = errors.New("fleet: request")
	// ErrUnknown is a member that is not known, or no more: it registers anew.
	ErrUnknown = errors.New("fleet: no such member")
	// ErrNoSettings is a dependency of which the coordinator has no settings.
	ErrNoSettings = errors.New("fleet: no settings of a breaker")
	// ErrFull is no room for another member or dependency.
	ErrFull = errors.New("fleet: no room")
)

// What the zero [Config] stands for.
const (
	DefaultTrials   = 5
	DefaultPer      = time.Second
	DefaultPasses   = 3
	DefaultRampOver = 30 * time.Second
	DefaultHoldFor  = 10 * time.Second
)

// Budget is what the members of one dependency share. The fields are those of [Config],
// which holds where one is 0.
type Budget struct {
	Trials   int           `json:"trials,omitempty"`
	Per      time.Duration `json:"per,omitempty"`
	Passes   int           `json:"passes,omitempty"`
	RampOver time.Duration `json:"rampOver,omitempty"`
	HoldFor  time.Duration `json:"holdFor,omitempty"`
}

// Validate names every problem, one error each.
func (b Budget) Validate() error {
	return errors.Join(b.problems()...)
}

func (b Budget) problems() []error {
	return append(checkTimes([]span{{"Per", b.Per}, {"RampOver", b.RampOver}, {"HoldFor", b.HoldFor}}),
		checkNumbers([]number{{"Trials", b.Trials}, {"Passes", b.Passes}})...)
}

// Config is what a coordinator gives out. The zero value is useful.
type Config struct {
	// Trials of a dependency begin in any Per at most. 0 means 5, and 1 s.
	Trials int
	Per    time.Duration

	// Lease is how long a trial that was granted may take to begin: it waits for a call, so
	// that it must be longer than the time between two calls of a client. 0 means 10 s.
	Lease time.Duration

	// Passes of trials or probes in a row close the breakers of all. 0 means 3.
	Passes int

	// RampOver is how long closing them takes. 0 means 30 s.
	RampOver time.Duration

	// HoldFor is how long nobody tries after a probe has failed, or after those that were
	// closed opened again. 0 means 10 s.
	HoldFor time.Duration

	// MemberLease is after how long without a word a member is forgotten. 0 means 30 s.
	MemberLease time.Duration

	// Members and Dependencies are the most that it keeps. 0 means 10,000 and 100.
	Members      int
	Dependencies int

	// Budgets are those of dependencies that have one of their own.
	Budgets map[string]Budget

	// Settings are what members are told of how a breaker is to be set, by dependency: JSON,
	// passed on as it is. A dependency without is answered 404.
	Settings map[string]json.RawMessage
}

// Validate names every problem, one error each.
func (c *Config) Validate() error {
	found := append(
		checkTimes([]span{{"Per", c.Per}, {"Lease", c.Lease}, {"RampOver", c.RampOver}, {"HoldFor", c.HoldFor}, {"MemberLease", c.MemberLease}}),
		checkNumbers([]number{{"Trials", c.Trials}, {"Passes", c.Passes}, {"Members", c.Members}, {"Dependencies", c.Dependencies}})...)
	for _, name := range slices.Sorted(maps.Keys(c.Budgets)) {
		for _, err := range c.Budgets[name].problems() {
			found = append(found, fmt.Errorf("budget of %s: %w", name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if !json.Valid(c.Settings[name]) || len(c.Settings[name]) > maxBody {
			found = append(found, fmt.Errorf("%w: settings of %s are not JSON of at most %d bytes", ErrConfig, name, maxBody))
		}
	}
	return errors.Join(found...)
}

type span struct {
	name string
	is   time.Duration
}

func checkTimes(all []span) (found []error) {
	for _, s := range all {
		if s.is < 0 {
			found = append(found, fmt.Errorf("%w: %s %v is negative", ErrConfig, s.name, s.is))
		} else if s.is > maxTime {
			found = append(found, fmt.Errorf("%w: %s %v is more than %v", ErrConfig, s.name, s.is, maxTime))
		}
	}
	return found
}

type number struct {
	name string
	is   int
}

func checkNumbers(all []number) (found []error) {
	for _, n := range all {
		if n.is < 0 {
			found = append(found, fmt.Errorf("%w: %s %d is negative", ErrConfig, n.name, n.is))
		} else if n.is > maxCount {
			found = append(found, fmt.Errorf("%w: %s %d is more than %d", ErrConfig, n.name, n.is, maxCount))
		}
	}
	return found
}

// The bounds of what may be configured, far above what makes sense, so that sums and
// products of them fit.
const (
	maxTime  = 24 * time.Hour
	maxCount = 1_000_000
)

func (c Config) filled() Config {
	return Config{
		Trials: or(c.Trials, DefaultTrials), Per: or(c.Per, DefaultPer), Lease: or(c.Lease, 10*time.Second), Passes: or(c.Passes, DefaultPasses),
		RampOver: or(c.RampOver, DefaultRampOver), HoldFor: or(c.HoldFor, DefaultHoldFor),
		MemberLease: or(c.MemberLease, 30*time.Second), Members: or(c.Members, 10_000), Dependencies: or(c.Dependencies, 100),
		Budgets: maps.Clone(c.Budgets), Settings: maps.Clone(c.Settings),
	}
}

// budget is that of a dependency, of a config that is filled.
func (c *Config) budget(dependency string) Budget {
	b := c.Budgets[dependency]
	return Budget{
		Trials: or(b.Trials, c.Trials), Per: or(b.Per, c.Per), Passes: or(b.Passes, c.Passes),
		RampOver: or(b.RampOver, c.RampOver), HoldFor: or(b.HoldFor, c.HoldFor),
	}
}

func or[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
