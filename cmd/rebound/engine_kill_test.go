package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/control"
	"github.com/rebound-chaos/rebound/healers/journal"
)

// three is a policy for app: all three may be restarted, one after another.
const three = `apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: three}
spec:
  workloads:
    - selector: {workload: app}
      readinessProbe: {httpGet: {path: /healthz/ready, port: http}, periodSeconds: 1, timeoutSeconds: 1}
      restart: {backoff: {initial: 10ms, max: 10ms}, stagger: {atOnce: 1, soak: 500ms}}
      disruptionBudget: {minAvailable: 2}
  guardrails: {maxActionsPerHour: 10000, maxPerTargetPerHour: 1000}
`

// lives is a system that lives on while its engine is killed.
type lives struct {
	t      *testing.T
	system platform.System
	dir    string
	socket string

	mu    sync.Mutex
	state sut.Delta // guarded by mu
}

func startThree(t *testing.T) *lives {
	t.Helper()
	l := &lives{t: t, dir: t.TempDir()}
	s, err := process.Start(t.Context(), platform.Config{
		Run: fmt.Sprintf("kill-%d-%s", os.Getpid(), filepath.Base(l.dir)), Binary: binary(t), Dir: filepath.Join(l.dir, "rebound-system"), Logs: l.dir,
		System: &manifest.System{
			APIVersion: manifest.APIVersion, Kind: "System", Metadata: manifest.Metadata{Name: "three"},
			Spec: manifest.SystemSpec{
				Entry: manifest.Entry{Workload: "app", Port: "http"},
				Workloads: []manifest.Workload{{
					Name: "app", Replicas: 3, Command: []string{"${rebound}", "_shop", "recommendations"}, Ports: []manifest.Port{{Name: "http"}},
					ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz/ready", Port: intstr.FromString("http")}}},
				}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.system = s
	// A socket's path is short, and the folder of a test is not.
	short, err := os.MkdirTemp("", "rebound-k") //nolint:usetesting // the path of a test's own folder is too long
	if err != nil {
		t.Fatal(err)
	}
	l.socket = filepath.Join(short, "s")
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", l.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	loops.Go(func() { _ = remote.Serve(ctx, ln, s, nil) })
	loops.Go(func() {
		_ = s.Watch(ctx, func(d sut.Delta) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.state = suttest.Fold(l.state, d)
			return nil
		})
	})
	t.Cleanup(func() {
		cancel()
		closing, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := errors.Join(s.Close(closing), os.RemoveAll(short)); err != nil {
			t.Error(err)
		}
		loops.Wait()
	})
	return l
}

// exits are how often each instance has ended, and incarnations who lives now.
func (l *lives) exits() (exits map[sut.ID]uint64, incarnations map[sut.ID]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	exits, incarnations = map[sut.ID]uint64{}, map[sut.ID]string{}
	for _, in := range l.state.Instances {
		exits[in.ID], incarnations[in.ID] = in.Exits, in.Incarnation
	}
	return exits, incarnations
}

// engine starts the engine's process on a journal.
func (l *lives) engine(n int) *exec.Cmd {
	l.t.Helper()
	c := exec.CommandContext(l.t.Context(), binary(l.t), "_engine", "--system", l.socket, "--policy", filepath.Join(l.dir, "policy.yaml"),
		"--journal", l.journal(n), "--control", l.control(n), "--run", fmt.Sprint("kill", n), "--seed", "1")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *lives) journal(n int) string { return filepath.Join(l.dir, fmt.Sprint("journal", n, ".db")) }

func (l *lives) control(n int) string {
	return filepath.Join(filepath.Dir(l.socket), fmt.Sprint("rebound-", n, ".sock"))
}

// records are all that is on record; of a journal that is being made: none.
func (l *lives) records(n int) (all []healers.Record) {
	for r, err := range journal.Read(l.t.Context(), l.journal(n)) {
		if err != nil {
			return nil
		}
		all = append(all, r)
	}
	return all
}

// settled tells whether the records hold the person's command, and no work that is
// open.
func settled(all []healers.Record) bool {
	asked, open := false, map[healers.WorkID]bool{}
	for _, r := range all {
		switch {
		case r.Command != nil && r.Command.Verb == healers.CommandRestart:
			asked = true
		case r.Change != nil:
			open[r.Work] = true
			if slices.Contains([]healers.WorkState{healers.WorkDone, healers.WorkFailed, healers.WorkEscalated, healers.WorkDropped}, r.Change.State) {
				delete(open, r.Work)
			}
		}
	}
	return asked && len(open) == 0
}

// TestEngineIsKilledAtFiftyMomentsOfAStaggeredRestart: while the system lives, the
// engine is killed once at a moment of a restart of all three, and is started again.
// Each instance is restarted, none twice, and every end of one was on record before.
func TestEngineIsKilledAtFiftyMomentsOfAStaggeredRestart(t *testing.T) {
	binary(t)
	const systems, moments = 5, 10
	for s := range systems {
		t.Run(fmt.Sprint("system ", s), func(t *testing.T) {
			t.Parallel()
			l := startThree(t)
			if err := os.WriteFile(filepath.Join(l.dir, "policy.yaml"), []byte(three), 0o600); err != nil {
				t.Fatal(err)
			}
			random := seed.Stream(uint64(s), "kill")
			midst := 0
			for n := range moments {
				if l.killOnce(n, time.Duration(random.Int64N(int64(1200*time.Millisecond)))) {
					midst++
				}
			}
			if t.Logf("%d of %d moments were in the midst of it", midst, moments); midst < moments/2 {
				t.Error("too few to tell anything")
			}
		})
	}
}

// killOnce kills the engine a while after it was told to restart all, and tells whether
// there was still something to do.
func (l *lives) killOnce(n int, after time.Duration) (midst bool) {
	t := l.t
	t.Helper()
	before, lived := l.exits()
	first := l.engine(n)
	var client *control.Client
	if !within(t, 20*time.Second, func() (ok bool) {
		c, err := control.Dial(t.Context(), l.control(n))
		client = c
		return err == nil && len(l.records(n)) > 0
	}) {
		t.Fatalf("moment %d: nobody answers for the engine", n)
	}
	if !within(t, 20*time.Second, func() bool { // it is refused until the engine has seen the system
		r, err := client.Command(t.Context(), healers.Command{Verb: healers.CommandRestart, Target: "app"})
		if err != nil {
			t.Fatalf("moment %d: the command: %v", n, err)
		}
		return r.Text == ""
	}) {
		t.Fatalf("moment %d: the command is refused", n)
	}
	<-time.After(after)
	_ = first.Process.Kill()
	_ = first.Wait()
	midst = !settled(l.records(n))
	again := l.engine(n)
	done := within(t, time.Minute, func() bool {
		if !settled(l.records(n)) {
			return false
		}
		_, lives := l.exits()
		for id := range lived {
			if lives[id] == lived[id] {
				return false
			}
		}
		return true
	})
	_ = again.Process.Kill()
	_ = again.Wait()
	exits, _ := l.exits()
	for id, was := range before {
		if exits[id] != was+1 {
			t.Errorf("killed %v after the command: %s ended %d times, want once", after, id, exits[id]-was)
		}
	}
	intents := map[sut.Target]bool{}
	records := l.records(n)
	for _, r := range records {
		if r.Act != nil && r.Act.Verb == "restart" {
			intents[r.Act.Target] = true
		}
	}
	for id, incarnation := range lived {
		if !intents[sut.Target{ID: id, Incarnation: incarnation}] {
			t.Errorf("killed %v after the command: that %s was ended is not on record", after, id)
		}
	}
	if !done || t.Failed() {
		for _, r := range records {
			t.Logf("%8s %3d %s", r.At.Round(time.Millisecond), r.Seq, healers.Text(r))
		}
		t.Fatalf("killed %v after the command: finished %v", after, done)
	}
	return midst
}
