package fleet

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrConfig is what every error of a config is.
	ErrConfig = errors.New("fleet: config")
	// ErrRequest is a request that makes no sense.
	ErrRequest = errors.New("fleet: request")
	// ErrUnknown is a member that is not known, or no more: it registers anew.
	ErrUnknown = errors.New("fleet: no such member")
	// ErrFull is no room for another member or dependency.
	ErrFull = errors.New("fleet: no room")
)

// Config is what a coordinator gives out. The zero value is useful.
type Config struct {
	// Trials of a dependency begin in any Per at most. 0 means 5, and 1 s.
	Trials int
	Per    time.Duration

	// Lease is how long a trial that was granted may take to begin. 0 means 2 s.
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
}

// Validate names every problem, one error each.
func (c *Config) Validate() error {
	var found []error
	add := func(format string, args ...any) {
		found = append(found, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"Per", c.Per}, {"Lease", c.Lease}, {"RampOver", c.RampOver}, {"HoldFor", c.HoldFor}, {"MemberLease", c.MemberLease},
	} {
		if d.d < 0 {
			add("%s %v is negative", d.name, d.d)
		} else if d.d > maxTime {
			add("%s %v is more than %v", d.name, d.d, maxTime)
		}
	}
	for _, n := range []struct {
		name string
		n    int
	}{{"Trials", c.Trials}, {"Passes", c.Passes}, {"Members", c.Members}, {"Dependencies", c.Dependencies}} {
		if n.n < 0 {
			add("%s %d is negative", n.name, n.n)
		} else if n.n > maxCount {
			add("%s %d is more than %d", n.name, n.n, maxCount)
		}
	}
	return errors.Join(found...)
}

// The bounds of what may be configured, far above what makes sense, so that sums and
// products of them fit.
const (
	maxTime  = 24 * time.Hour
	maxCount = 1_000_000
)

func (c Config) filled() Config {
	return Config{
		Trials: or(c.Trials, 5), Per: or(c.Per, time.Second), Lease: or(c.Lease, 2*time.Second), Passes: or(c.Passes, 3),
		RampOver: or(c.RampOver, 30*time.Second), HoldFor: or(c.HoldFor, 10*time.Second),
		MemberLease: or(c.MemberLease, 30*time.Second), Members: or(c.Members, 10_000), Dependencies: or(c.Dependencies, 100),
	}
}

func or[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
