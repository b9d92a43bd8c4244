package faults

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// LeaseInfo is a lease as its directory tells of it.
type LeaseInfo struct {
	Run   string    `json:"run"`
	Dir   string    `json:"dir"`
	Began time.Time `json:"began,omitzero"`
	// Guardian is the pid of the guardian; Alive: it still runs and will undo Ops itself.
	Guardian int  `json:"guardian"`
	Alive    bool `json:"alive"`
	// Ops are armed: what undoes the faults that are active, oldest first.
	Ops []harm.Op `json:"ops"`
	// Problem is what undoing met last; empty: nothing.
	Problem string `json:"problem,omitempty"`
}

// ownerFile names the guardian of a lease.
const ownerFile = "owner.json"

type owner struct {
	Run   string    `json:"run"`
	PID   int       `json:"pid"`
	Start string    `json:"start"` // start time in clock ticks since the boot
	Boot  string    `json:"boot"`
	Began time.Time `json:"began"`
}

func self(run string) (owner, error) {
	o := owner{Run: run, PID: os.Getpid(), Boot: bootID(), Began: time.Now()}
	var ok bool
	if o.Start, ok = startTime(o.PID); !ok {
		return owner{}, fmt.Errorf("look up the start time of process %d in /proc: not found", o.PID)
	}
	return o, nil
}

// alive tells whether that very process still runs: a pid alone may be another's by now.
func (o owner) alive() bool {
	start, ok := startTime(o.PID)
	return ok && start == o.Start && bootID() == o.Boot
}

// startTime is field 22 of /proc/PID/stat; a zombie does not count as running.
func startTime(pid int) (string, bool) {
	if pid <= 0 {
		return "", false
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", false
	}
	// The name, in parentheses, may hold spaces and parentheses itself.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return "", false
	}
	return f[19], true
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // an unknown boot equals itself: pid and start time must do
	}
	return strings.TrimSpace(string(b))
}

// leasesDir is where the leases of a state directory live.
func leasesDir(state string) string { return filepath.Join(state, "leases") }

// makeLease makes the directory of a lease of this process. It appears whole,
// with its owner, so that no one takes it for abandoned while it is being made.
func makeLease(dir string) (*undoJournal, error) {
	o, err := self(filepath.Base(dir))
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("name the owner of lease %s: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("make lease %s: %w", dir, err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return nil, fmt.Errorf("make lease %s: %w", dir, err)
	}
	fail := func(err error) (*undoJournal, error) {
		return nil, errors.Join(fmt.Errorf("make lease %s: %w", dir, err), os.RemoveAll(tmp))
	}
	if err := os.WriteFile(filepath.Join(tmp, ownerFile), b, 0o600); err != nil {
		return fail(err)
	}
	j, err := openJournal(tmp)
	if err != nil {
		return fail(err)
	}
	// Rename replaces an empty directory only: the lease of another run of this
	// name, alive or not, stays and is refused.
	if err := errors.Join(os.Rename(tmp, dir), syncDir(filepath.Dir(dir))); err != nil {
		return fail(errors.Join(err, j.close()))
	}
	return j, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Leases lists the leases under a state directory, oldest first: what is active
// now, and what a dead guardian left behind. A directory that does not exist has none.
func Leases(state string) ([]LeaseInfo, error) {
	entries, err := os.ReadDir(leasesDir(state))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	var all []LeaseInfo
	var problems []error
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, _, err := readLease(filepath.Join(leasesDir(state), e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // its guardian was faster
		}
		if err != nil {
			problems = append(problems, err)
		}
		all = append(all, info)
	}
	slices.SortStableFunc(all, func(a, b LeaseInfo) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Run, b.Run))
	})
	return all, errors.Join(problems...)
}

func readLease(dir string) (LeaseInfo, []armed, error) {
	info := LeaseInfo{Run: filepath.Base(dir), Dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, ownerFile))
	if err != nil {
		return info, nil, fmt.Errorf("read owner of lease %s: %w", info.Run, err)
	}
	var o owner
	ownerErr := json.Unmarshal(b, &o) // an owner that cannot be read cannot be alive
	info.Began, info.Guardian, info.Alive = o.Began, o.PID, ownerErr == nil && o.alive()
	ops, _, err := readJournal(dir)
	for _, a := range ops {
		info.Ops = append(info.Ops, a.op)
		info.Problem = cmp.Or(a.problem, info.Problem)
	}
	return info, ops, err
}

// RevertLeases undoes and removes the leases whose guardian is dead, and returns
// them; those of the living are left alone. It is called at every start. Its
// error joins what could not be undone, which stays for the next time.
func RevertLeases(ctx context.Context, state string, undo func(context.Context, harm.Op) error) ([]LeaseInfo, error) {
	all, err := Leases(state)
	problems := []error{err}
	var dead []LeaseInfo
	for _, l := range all {
		if l.Alive {
			continue
		}
		dead = append(dead, l)
		problems = append(problems, revertLease(ctx, l.Dir, undo))
	}
	return dead, errors.Join(append(problems, sweep(state))...)
}

func revertLease(ctx context.Context, dir string, undo func(context.Context, harm.Op) error) error {
	_, ops, err := readLease(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil // somebody else reverted it meanwhile
	}
	// What was read before a line that makes no sense is undone all the same.
	problems := []error{err}
	for _, a := range slices.Backward(ops) {
		if err := undoOne(ctx, a.op, undo); err != nil {
			problems = append(problems, fmt.Errorf("lease %s: %w", filepath.Base(dir), err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w (way out, where what it is about is gone for good: rebound faults revert --forget %s)", err, filepath.Base(dir))
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove lease %s: %w", filepath.Base(dir), err)
	}
	return nil
}

// undoWithin bounds one attempt to undo one operation.
const undoWithin = 5 * time.Second

func undoOne(ctx context.Context, op harm.Op, undo func(context.Context, harm.Op) error) error {
	ctx, cancel := context.WithTimeout(ctx, undoWithin)
	defer cancel()
	if err := undo(ctx, op); err != nil {
		return fmt.Errorf("undo %s %s: %w", op.Kind, op.Args, err)
	}
	return nil
}

// sweep removes what guardians that died while starting left behind: they
// promised nothing to anyone yet.
func sweep(state string) error {
	entries, err := os.ReadDir(leasesDir(state))
	if err != nil {
		return nil //nolint:nilerr // nothing is there to sweep; Leases has told of any problem
	}
	var problems []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), ".new-") || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		problems = append(problems, os.RemoveAll(filepath.Join(leasesDir(state), e.Name())))
	}
	return errors.Join(problems...)
}
