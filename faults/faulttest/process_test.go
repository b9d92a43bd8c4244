package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// The test binary is the program of the system, its helpers, and the harness
// that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "_guardian":
			exit(guardianMain(os.Args[2:]))
		case "_holder":
			exit(process.ServeHolder(os.Stdin, os.Stdout))
		case "_serve":
			exit(serve())
		case "_crash":
			exit(crash(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]))
		}
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func guardianMain(args []string) error {
	fs := flag.NewFlagSet("_guardian", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	lease := fs.Duration("lease", 0, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return faults.ServeGuardian(os.Stdin, os.Stdout, *dir, *lease, host.Undo)
}

func serve() error {
	s := http.Server{
		Addr: "127.0.0.1:" + os.Getenv("REBOUND_PORT_HTTP"), ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }),
	}
	return s.ListenAndServe()
}

func pair() *manifest.System {
	port := []manifest.Port{{Name: "http"}}
	return &manifest.System{
		APIVersion: manifest.APIVersion, Kind: "System", Metadata: manifest.Metadata{Name: "pair"},
		Spec: manifest.SystemSpec{
			Entry: manifest.Entry{Workload: "orders", Port: "http"},
			Workloads: []manifest.Workload{
				{Name: "orders", Command: []string{"${rebound}", "_serve"}, Ports: port, Links: []string{"store"}},
				{Name: "store", Command: []string{"${rebound}", "_serve"}, Ports: port, Volumes: []manifest.Volume{{Name: "data", Size: 4 << 20}}},
			},
		},
	}
}

var targets = map[sut.Kind]sut.ID{sut.KindInstance: "orders/0", sut.KindLink: "orders/0>store/0", sut.KindVolume: "store/0:data"}

var runs int

func runID(t *testing.T) string {
	t.Helper()
	runs++
	return fmt.Sprintf("faulttest-%d-%d", os.Getpid(), runs)
}

func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes, for a minute")
	}
	faulttest.ConformAll(t, faulttest.Platform{
		Name: "process", Undo: host.Undo, Start: startProcess, Crash: crashProcess,
		Lacks: []sut.Capability{harm.CanDelete, harm.CanStopNode, harm.CanFreezeNode, harm.CanDrain},
	})
}

func startProcess(t *testing.T) faulttest.Rig {
	t.Helper()
	run := runID(t)
	s, err := process.Start(t.Context(), platform.Config{System: pair(), Run: run, Binary: os.Args[0]})
	if missing, ok := errors.AsType[*sut.Missing](err); ok {
		faulttest.Skip(t, "process", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if left := host.Residue(run); len(left) > 0 {
			t.Errorf("the system left behind: %v", left)
		}
	})
	if err := serving(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return faulttest.Rig{System: s, Targets: targets, Look: look, Residue: func() []string { return residue(run) }}
}

// serving waits until every instance answers: one that has not begun to listen
// cannot be seen to hang.
func serving(ctx context.Context, s sut.System) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	all := errors.New("all")
	var waiting []sut.Instance
	if err := s.Watch(ctx, func(d sut.Delta) error { waiting = d.Instances; return all }); !errors.Is(err, all) {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, in := range waiting {
		pid, _, _ := strings.Cut(in.Incarnation, "+")
		for {
			if ok, _ := asks(ctx, "127.0.0.1:"+environ(pid, "REBOUND_PORT_HTTP")); ok {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("wait for %s to serve: %w", in.ID, ctx.Err())
			}
		}
	}
	return nil
}

// look is an eye that knows nothing of the platform but what its children's
// environment and /proc tell.
func look(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
	pid, start, ok := strings.Cut(t.Incarnation, "+")
	if !ok {
		return false, "", fmt.Errorf("incarnation %q", t.Incarnation)
	}
	state, began := stat(pid)
	switch fault {
	case "placebo":
		return false, "nothing to look for", nil
	case "kill":
		return state == "" || state == "Z" || began != start, "process " + pid + " is in state " + state, nil
	case "hang":
		return began == start && state == "T", "process " + pid + " is in state " + state, nil
	case "disk-full":
		var st unix.Statfs_t
		path := filepath.Join("/proc", pid, "root", environ(pid, "REBOUND_VOLUME_DATA"))
		err := unix.Statfs(path, &st)
		return err == nil && st.Bavail*10 < st.Blocks, fmt.Sprintf("%d of %d blocks are free in %s", st.Bavail, st.Blocks, path), err
	case "partition":
		_, address, _ := strings.Cut(environ(pid, "REBOUND_LINK_STORE"), "=")
		answers, err := asks(ctx, address)
		return !answers, fmt.Sprintf("%s answers: %v", address, answers), err
	}
	return false, "", fmt.Errorf("no eye for %s", fault)
}

// stat reads the state and the start time of a process; both are empty of one that is gone.
func stat(pid string) (state, start string) {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", ""
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return f[0], f[19]
}

func environ(pid, name string) string {
	b, _ := os.ReadFile(filepath.Join("/proc", pid, "environ"))
	for kv := range strings.SplitSeq(string(b), "\x00") {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

func asks(ctx context.Context, address string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return false, err
	}
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n"); err != nil {
		return false, err
	}
	n, err := c.Read(make([]byte, 64))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return n > 0, err
}

// residue looks for stopped processes of a run and for files that a fill made.
func residue(run string) []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid := filepath.Base(d)
		if environ(pid, host.RunVariable) != run {
			continue
		}
		if state, _ := stat(pid); state == "T" {
			out = append(out, "stopped process "+pid)
		}
		if v := environ(pid, "REBOUND_VOLUME_DATA"); v != "" {
			files, _ := filepath.Glob(filepath.Join(d, "root", v, "*", "rebound-fill*"))
			out = append(out, files...)
		}
	}
	return out
}

// crashProcess runs the fault in a harness of its own, and waits until nothing is
// left of it or 20 s have passed.
func crashProcess(t *testing.T, fault string, args json.RawMessage, n int) (left []string, ended bool) {
	t.Helper()
	state, run := t.TempDir(), runID(t)
	out, err := exec.CommandContext(t.Context(), os.Args[0], "_crash", state, run, fault, string(args), strconv.Itoa(n)).CombinedOutput()
	var died *exec.ExitError
	switch {
	case err == nil:
		ended = true
	case !errors.As(err, &died) || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL:
		t.Errorf("the harness was to be killed behind entry %d: %v\n%s", n, err, out)
	}
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left = host.Residue(run)
		leases, err := faults.Leases(state)
		for _, l := range leases {
			left = append(left, fmt.Sprintf("lease %+v", l))
		}
		if err != nil {
			left = append(left, err.Error())
		}
		if len(left) == 0 {
			return nil, ended
		}
		select {
		case <-tick.C:
		case <-late.C:
			return left, ended
		}
	}
}

// deadly kills its own process behind the n-th entry.
type deadly struct {
	harm.Lease
	left int
}

func (d *deadly) entry() {
	if d.left--; d.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-make(chan struct{})
	}
}

func (d *deadly) Arm(ctx context.Context, op harm.Op) (func(context.Context) error, error) {
	disarm, err := d.Lease.Arm(ctx, op)
	if err != nil {
		return nil, err
	}
	d.entry()
	return func(ctx context.Context) error {
		err := disarm(ctx)
		d.entry()
		return err
	}, nil
}

// crash is the harness that is killed.
func crash(state, run, fault, args, entries string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := strconv.Atoi(entries)
	if err != nil {
		return err
	}
	g, err := faults.StartGuardian(ctx, faults.GuardianConfig{Binary: os.Args[0], State: state, Run: run, Lease: 5 * time.Second})
	if err != nil {
		return err
	}
	s, err := process.Start(ctx, platform.Config{System: pair(), Run: run, Binary: os.Args[0], Lease: g})
	if err != nil {
		return errors.Join(err, g.Close(ctx))
	}
	if err := serving(ctx, s); err != nil {
		return errors.Join(err, s.Close(ctx), g.Close(ctx))
	}
	return errors.Join(hurt(ctx, s, &deadly{g, n}, fault, args, n), s.Close(ctx), g.Close(ctx))
}

func hurt(ctx context.Context, s sut.System, lease harm.Lease, fault, args string, n int) error {
	def, _ := faults.Lookup(fault)
	found := errors.New("found")
	target := sut.Target{ID: targets[def.Of]}
	if err := s.Watch(ctx, func(d sut.Delta) error {
		for _, in := range d.Instances {
			if in.ID == target.ID.Instance() {
				target.Incarnation = in.Incarnation
			}
		}
		return found
	}); !errors.Is(err, found) {
		return err
	}
	f, err := def.New(json.RawMessage(args))
	if err != nil {
		return err
	}
	i, err := f.Inject(ctx, faults.Env{Harm: s.Offer, Target: target, Lease: lease})
	if err != nil {
		return err
	}
	for tick := time.NewTicker(20 * time.Millisecond); fault != "placebo"; <-tick.C {
		if e, err := i.Active(ctx); err == nil && e.Observed {
			break
		} else if ctx.Err() != nil {
			return fmt.Errorf("no evidence: %+v, %w", e, ctx.Err())
		}
	}
	if n == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-make(chan struct{})
	}
	return i.Revert(ctx)
}
