package run

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// Config is one run of one arm.
type Config struct {
	Scenario *scenarios.Scenario
	// Platform is where the system is started, the name of one of [Platforms]. Empty:
	// process.
	Platform string
	// Cluster says which cluster, and what may be done to it, where Platform is one.
	// Its State and Exclusive are set for each run.
	Cluster cluster.Options
	// System is one that somebody else started and will close. Connections are then
	// not recorded. nil: the scenario's own is started on Platform, and closed.
	System System
	// Healers is the arm. Empty: rebound.
	Healers sut.Arm
	Seed    uint64
	// Out is the folder for the timeline, logs and the engine's journal: one that is
	// not there or holds no results. Empty: a new one for temporary files.
	Out string
	// State is the folder for leases, made when it is not there. Empty: as StateDir("").
	State string
	// Binary is the rebound program. Empty: as host.Binary finds it.
	Binary string
	// Control: this run is the scenario's negative control.
	Control bool
	// Tool names the program and its version in the timeline. Empty: rebound.
	Tool string
	// Audit is called when the load is over and its writes were read back, with the ids
	// of the writes that were acknowledged: a look of one's own at what the system has
	// kept. nil: none. What it finds wrong is in the Outcome, and not in the verdict.
	Audit func(ctx context.Context, s System, acknowledged []string) error
	// Observe is given every event, in order, by one goroutine at a time. It must be
	// quick. nil: nobody is.
	Observe func(timeline.Event)
	// Progress is told in a few words what a long setup waits for, by any goroutine.
	// It must be quick. nil: nobody is.
	Progress func(string)

	beside    *party     // what keeps it in step with its control; nil: it is alone
	platforms []Platform // nil: Platforms(); tests bring their own
}

// platform is where the run takes place.
func (c Config) platform() (Platform, error) {
	if c.platforms != nil {
		return named(c.platforms, c.Platform)
	}
	return PlatformNamed(c.Platform)
}

// System is a system that a load can be sent to.
type System interface {
	sut.System
	// Entry is the URL at which users come in.
	Entry() string
}

// Outcome is what a run left behind.
type Outcome struct {
	Dir string
	// File is the timeline's.
	File      string
	Events    []timeline.Event
	Judgement assertions.Judgement
	// Audit is what the Audit of the Config returned; an error where it was not come to.
	Audit error
}

// Timeline is what the matchers judge.
func (o *Outcome) Timeline() []timeline.Event { return o.Events }

// ErrHoldsResults is returned for a folder that an earlier run has written to.
var ErrHoldsResults = errors.New("the folder holds results already")

// ErrState is returned where there is no place for the state, with the way out.
var ErrState = errors.New("no state folder (set --state DIR or XDG_STATE_HOME)")

// How long things may take on every platform; for the rest see [Within].
const (
	settleFor    = 3 * time.Second
	auditWithin  = 20 * time.Second
	injectSlack  = 15 * time.Second // for the verbs themselves
	warmWithin   = 45 * time.Second // until users are served well for the first time
	warmSeconds  = 3                // in a row, that are good
	engineWithin = 15 * time.Second // until its first record
)

func (c Config) prepare() (Config, error) {
	if c.Scenario == nil {
		return c, errors.New("no scenario to run")
	}
	if err := c.Scenario.Validate(); err != nil {
		return c, err
	}
	p, err := c.platform()
	if err != nil {
		return c, err
	}
	c.Platform = p.Name
	c.Healers = cmp.Or(c.Healers, sut.ArmRebound)
	c.Tool = cmp.Or(c.Tool, "rebound")
	if c.System == nil {
		err = p.Check(c.Cluster)
	}
	if err = errors.Join(err, p.arm(c.Healers)); err != nil {
		return c, err
	}
	if c.State, err = MakeStateDir(c.State); err != nil {
		return c, err
	}
	c.Out, err = outDir(c.Out)
	return c, err
}

// StateDir is where leases live: dir, or rebound in XDG_STATE_HOME, or in
// ~/.local/state. Its error is [ErrState].
func StateDir(dir string) (string, error) {
	if dir == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("%w: %w", ErrState, err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(base, "rebound")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrState, err)
	}
	return abs, nil
}

// MakeStateDir is StateDir, made where it is not there, and writable. Its error is
// [ErrState].
func MakeStateDir(dir string) (string, error) {
	dir, err := StateDir(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("%w: %w", ErrState, err)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return "", fmt.Errorf("%w: write to %s: %w", ErrState, dir, err)
	}
	return dir, nil
}

// outDir makes the folder for results, and refuses one that holds some.
func outDir(dir string) (string, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "rebound-out-")
		if err != nil {
			return "", fmt.Errorf("make a folder for results: %w", err)
		}
		return made, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("folder for results: %w", err)
	}
	if err := CheckOut(abs); err != nil {
		return "", err
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return "", fmt.Errorf("make the folder for results: %w", err)
	}
	return abs, nil
}

// CheckOut refuses a folder that holds results, with [ErrHoldsResults], and what
// cannot be one. A folder that is not there is fine.
func CheckOut(dir string) error {
	for _, name := range []string{"timeline.jsonl", "result.json", JournalFile} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return fmt.Errorf("%w: %s is in %s", ErrHoldsResults, name, dir)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("folder for results: %w", err)
		}
	}
	return nil
}

// newRunID names a run in processes, folders and leases. It is no choice of the
// run's, so it does not come from the seed: two runs with one seed may go on at once.
func newRunID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// times are how long the phases of a scenario last on a platform.
func times(s *scenarios.Scenario, plan faults.Schedule, w Within, control bool) Times {
	var last time.Duration
	for _, i := range plan.Items {
		last = max(last, i.At)
	}
	audit := auditWithin
	if m := s.Spec.Control.Misses; control && len(m) > 0 && !slices.Contains(m, "noAcknowledgedWriteLost") {
		// What was left broken answers slowly, and nothing hangs on how many it has kept.
		audit = auditWithin / 4
	}
	return Times{
		Baseline: s.BaselineFor(), Baselines: scenarios.Baselines,
		Inject:  last + plan.ConfirmWithin(w.Confirm) + injectSlack,
		Observe: s.Observe(),
		Revert:  plan.RevertWithin(w.Revert),
		Settle:  settleFor,
		Audit:   audit,
	}
}
