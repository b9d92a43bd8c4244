package faulttest_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// The test binary is the program of the systems, the helpers of the platforms, and
// the harness that is killed. In containers it stands alone: CGO_ENABLED=0.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "_guardian":
			exit(guardianMain(os.Args[2:]))
		case "_holder":
			exit(process.ServeHolder(os.Stdin, os.Stdout))
		case "_root":
			exit(host.ServeRoot(os.Stdin, os.Stdout))
		case "_serve":
			exit(serve())
		case "_crash":
			exit(crash(os.Args[2]))
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

// guardianMain is the guardian as users have it, which knows every platform.
func guardianMain(args []string) error {
	fs := flag.NewFlagSet("_guardian", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	lease := fs.Duration("lease", 0, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return faults.ServeGuardian(os.Stdin, os.Stdout, *dir, *lease, run.Undo)
}

// serve is every instance: the simplest role of the shop, which can be told to stall. A
// pod is told no port and listens where its manifest says.
func serve() error {
	role, err := shop.New("recommendations", shop.Config{})
	if err != nil {
		return err
	}
	s := http.Server{
		Addr:              net.JoinHostPort(listen(), cmp.Or(os.Getenv("REBOUND_PORT_HTTP"), port)),
		ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				r.URL.Path = "/healthz/live"
			}
			role.Handler("http").ServeHTTP(w, r)
		}),
	}
	return s.ListenAndServe()
}

// listen is the address of this machine alone where the instance is a process of it.
func listen() string {
	if os.Getenv("REBOUND_PORT_HTTP") != "" {
		return cmp.Or(os.Getenv("REBOUND_LISTEN"), "127.0.0.1")
	}
	return ""
}

// port is where instances listen that have an address of their own.
const port = "8080"

// pair is the system that is broken: orders opens connections to store, which has a volume.
func pair() *manifest.System {
	ports := []manifest.Port{{Name: "http"}}
	return &manifest.System{
		APIVersion: manifest.APIVersion, Kind: "System", Metadata: manifest.Metadata{Name: "pair"},
		Spec: manifest.SystemSpec{
			Entry: manifest.Entry{Workload: "orders", Port: "http"},
			Workloads: []manifest.Workload{
				{Name: "orders", Command: []string{"${rebound}", "_serve"}, Ports: ports, Links: []string{"store"}},
				// Nobody opens connections to them, and so they can be replaced everywhere.
				{Name: "jobs", Replicas: 2, Command: []string{"${rebound}", "_serve"}, Ports: ports},
				{Name: "store", Command: []string{"${rebound}", "_serve"}, Ports: ports, Volumes: []manifest.Volume{{Name: "data", Size: 4 << 20}}},
			},
		},
	}
}

var targets = map[sut.Kind]sut.ID{sut.KindInstance: "orders/0", sut.KindLink: "orders/0>store/0", sut.KindVolume: "store/0:data", sut.KindWorkload: "jobs"}

var runs int

func runID(t *testing.T) string {
	t.Helper()
	runs++
	return runPrefix() + strconv.Itoa(runs)
}

func runPrefix() string { return fmt.Sprintf("faulttest-%d-", os.Getpid()) }

// guarded starts a guardian for a system that lives as long as t: it is gone also
// when t is killed.
func guarded(t *testing.T, run string) *faults.Guardian {
	t.Helper()
	// A minute, since nobody but the end of this process is to end it: the machine may be slow.
	g, err := faults.StartGuardian(t.Context(), faults.GuardianConfig{Binary: os.Args[0], State: t.TempDir(), Run: run, Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if left := host.Residue(run); len(left) > 0 {
			t.Errorf("the system left behind: %v", left)
		}
	})
	return g
}

type closer interface {
	Close(ctx context.Context) error
}

// closed closes a system with the test that started it.
func closed(t *testing.T, s closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// rootAlone skips t for a user whom the kernel does not show what is in a container.
func rootAlone(t *testing.T, platform string) {
	t.Helper()
	if os.Geteuid() != 0 {
		faulttest.Skip(t, platform, &sut.Missing{
			Capability: "root", Target: "this machine", Reason: "to look into containers past the platform takes root's rights", WayOut: "run as root",
		})
	}
}

// snapshot is what a system tells whoever begins to watch it.
func snapshot(ctx context.Context, s sut.System) (all sut.Delta, err error) {
	told := errors.New("told")
	if err := s.Watch(ctx, func(d sut.Delta) error { all = d; return told }); !errors.Is(err, told) {
		return all, fmt.Errorf("watch the system: %w", err)
	}
	return all, nil
}

// eventually asks until the answer is no error, and returns the last when time is up.
func eventually(ctx context.Context, within time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
