package run

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
)

// Config is one run of one arm.
type Config struct {
	Scenario *scenarios.Scenario
	// Platform is where the system is started. Empty: process.
	Platform string
	// System is one that somebody else started and will close. Connections are then
	// not recorded. nil: the scenario's own is started on Platform, and closed.
	System System
	// Healers is the arm. Empty: rebound.
	Healers sut.Arm
	Seed    uint64
	// Out is the folder for the timeline, logs and the engine's journal: one that is
	// not there or holds no results. Empty: a new one for temporary files.
	Out string
	// State is the folder for leases. Empty: as StateDir("").
	State string
	// Binary is the rebound program. Empty: as host.Binary finds it.
	Binary string
	// Control: this run is the scenario's negative control.
	Control bool
	// Tool names the program and its version in the timeline. Empty: rebound.
	Tool string
	// Observe is given every event, in order, by one goroutine at a time. It must be
	// quick. nil: nobody is.
	Observe func(timeline.Event)
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
}

// Timeline is what the matchers judge.
func (o *Outcome) Timeline() []timeline.Event { return o.Events }

// ErrHoldsResults is returned for a folder that an earlier run has written to.
var ErrHoldsResults = errors.New("the folder holds results already")

// PlatformProcess is the only platform so far.
const PlatformProcess = "process"

// How long things may take.
const (
	settleFor     = 3 * time.Second
	revertWithin  = 40 * time.Second
	auditWithin   = 20 * time.Second
	confirmWithin = 5 * time.Second
	injectSlack   = 15 * time.Second // for the verbs themselves
	readyWithin   = 15 * time.Second
	warmWithin    = 30 * time.Second // until users are served well for the first time
	engineWithin  = 15 * time.Second // until its first record
	closeWithin   = 30 * time.Second
	residueWithin = 3 * time.Second
)

func (c Config) prepare() (Config, error) {
	if c.Scenario == nil {
		return c, errors.New("no scenario to run")
	}
	if err := c.Scenario.Validate(); err != nil {
		return c, err
	}
	c.Platform = cmp.Or(c.Platform, PlatformProcess)
	c.Healers = cmp.Or(c.Healers, sut.ArmRebound)
	c.Tool = cmp.Or(c.Tool, "rebound")
	if c.Platform != PlatformProcess {
		return c, fmt.Errorf("run on %s: there is no such platform yet", c.Platform)
	}
	switch c.Healers {
	case sut.ArmRebound, sut.ArmOff:
	case sut.ArmNative:
		return c, &sut.Missing{
			Capability: "healers.native", Target: sut.ID(c.Platform),
			Reason: "nothing restarts or rotates processes by itself", WayOut: "use --healers rebound or off",
		}
	default:
		return c, fmt.Errorf("healers %q: expected rebound, native or off", c.Healers)
	}
	var err error
	if c.State, err = StateDir(c.State); err != nil {
		return c, err
	}
	c.Out, err = outDir(c.Out)
	return c, err
}

// StateDir is where leases live: dir, or rebound in XDG_STATE_HOME, or in
// ~/.local/state.
func StateDir(dir string) (string, error) {
	if dir == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("find the state folder: %w", err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(base, "rebound")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the state folder: %w", err)
	}
	return abs, nil
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

// CheckOut refuses a folder that holds results, with [ErrHoldsResults].
func CheckOut(dir string) error {
	for _, name := range []string{"timeline.jsonl", "result.json", "journal.db"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%w: %s is in %s", ErrHoldsResults, name, dir)
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

// times are how long the phases of a scenario last.
func times(s *scenarios.Scenario, plan faults.Schedule) Times {
	var last time.Duration
	for _, i := range plan.Items {
		last = max(last, i.At)
	}
	return Times{
		Baseline: s.BaselineFor(),
		Inject:   last + confirmWithin + injectSlack,
		Observe:  s.Observe(),
		Revert:   revertWithin,
		Settle:   settleFor,
		Audit:    auditWithin,
	}
}
