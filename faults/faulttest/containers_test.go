package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/containers"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

func TestContainers(t *testing.T) {
	if os.Getenv("REBOUND_NIGHTLY") == "" {
		t.Skip("starts containers, for two minutes: REBOUND_NIGHTLY=1")
	}
	b := startContainers(t)
	faulttest.ConformAll(t, faulttest.Platform{
		Name: "containers", Undo: run.Undo, Start: b.rig, Crash: b.crash,
		Lacks: []sut.Capability{harm.CanDelete, harm.CanStopNode, harm.CanFreezeNode, harm.CanDrain, harm.CanSurge},
	})
}

// inContainers is pair where each instance has an address of its own, and a disk.
func inContainers() *manifest.System {
	s := pair()
	for i := range s.Spec.Workloads {
		w := &s.Spec.Workloads[i]
		w.Ports[0].Number, _ = strconv.Atoi(port)
		w.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}}}
		for j := range w.Volumes {
			w.Volumes[j].Size = 16 << 20
		}
	}
	return s
}

// boxed is a system of containers that all checks share: what one of them ended is
// started again for the next.
type boxed struct {
	system sut.System
	engine *client.Client
	run    string
}

func startContainers(t *testing.T) *boxed {
	t.Helper()
	rootAlone(t, "containers")
	b := &boxed{run: runID(t)}
	s, err := containers.Start(t.Context(), platform.Config{System: inContainers(), Run: b.run, Binary: os.Args[0], Lease: guarded(t, b.run)})
	if missing, ok := errors.AsType[*sut.Missing](err); ok {
		faulttest.Skip(t, "containers", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	b.system = s
	if b.engine, err = client.New(client.FromEnv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.engine.Close() }) // it holds idle connections and nothing else
	return b
}

func (b *boxed) rig(t *testing.T) faulttest.Rig {
	t.Helper()
	if err := eventually(t.Context(), 20*time.Second, b.renew); err != nil {
		t.Fatal(err)
	}
	before, err := b.jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	look := func(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
		if fault != "rollout" {
			return b.look(ctx, fault, t)
		}
		now, err := b.jobs(ctx)
		now = slices.DeleteFunc(now, func(id string) bool { return slices.Contains(before, id) })
		return len(now) > 0, fmt.Sprintf("new containers of jobs: %v", now), err
	}
	return faulttest.Rig{System: b.system, Targets: targets, Look: look, Residue: func() []string {
		return scraps(b.run, processesOf(b.run)...)
	}}
}

// jobs are the containers of jobs that run, as the engine tells.
func (b *boxed) jobs(ctx context.Context) ([]string, error) {
	list, err := b.engine.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range list.Items {
		if slices.ContainsFunc(c.Names, func(n string) bool { return strings.HasPrefix(n, "/rebound-"+b.run+"-jobs-") }) {
			out = append(out, c.ID)
		}
	}
	return out, nil
}

// renew starts the containers that have ended. Its error says what does not serve yet.
func (b *boxed) renew(ctx context.Context) error {
	all, err := snapshot(ctx, b.system)
	if err != nil {
		return err
	}
	for _, w := range inContainers().Spec.Workloads {
		if w.Name == "jobs" {
			continue // they are replaced, and nobody ends them
		}
		id := sut.InstanceID(w.Name, 0)
		name := "rebound-" + b.run + "-" + w.Name + "-0"
		if _, err := b.engine.ContainerStart(ctx, name, client.ContainerStartOptions{}); err != nil { // of one that runs it changes nothing
			return fmt.Errorf("start %s: %w", name, err)
		}
		i := slices.IndexFunc(all.Instances, func(in sut.Instance) bool { return in.ID == id && in.Phase == sut.PhaseRunning })
		if i < 0 {
			return fmt.Errorf("the system does not tell that %s runs", id)
		}
		pid, err := b.process(ctx, all.Instances[i].Incarnation)
		if err != nil || pid == "" {
			return errors.Join(fmt.Errorf("the present life of %s is not the one that the system tells of", id), err)
		}
		if ok, err := asksFrom(ctx, pid, "127.0.0.1:"+port); !ok {
			return errors.Join(fmt.Errorf("%s does not serve", id), err)
		}
	}
	return nil
}

// process is process 1 of a container in one life, as the engine tells; "": it is over.
func (b *boxed) process(ctx context.Context, incarnation string) (string, error) {
	id, started, ok := strings.Cut(incarnation, "+")
	if !ok {
		return "", fmt.Errorf("incarnation %q", incarnation)
	}
	now, err := b.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	pid := strconv.Itoa(now.Container.State.Pid)
	if _, began := stat(pid); began == "" || now.Container.State.StartedAt != started {
		return "", nil
	}
	return pid, nil
}

func (b *boxed) look(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
	pid, err := b.process(ctx, t.Incarnation)
	if err != nil {
		return false, "", err
	}
	_, address, _ := strings.Cut(environ(pid, "REBOUND_LINK_STORE"), "=")
	return scene{
		pid: pid, volume: environ(pid, "REBOUND_VOLUME_DATA"),
		ask: func(ctx context.Context) (bool, error) { return asksFrom(ctx, pid, address) },
		own: func(ctx context.Context) (begins, ends bool, err error) {
			return hearsFrom(ctx, pid, "127.0.0.1:"+port)
		},
	}.look(ctx, fault)
}

// crash waits until nothing is left of the containers of the harness, nor of what it
// made on this machine.
func (b *boxed) crash(t *testing.T, fault string, args json.RawMessage, n int) (left []string, ended bool) {
	t.Helper()
	d := doomed{Platform: "containers", Fault: fault, Args: args, Entry: n}
	return d.play(t, func(ctx context.Context) []string {
		left, err := containers.Residue(ctx, d.Run)
		if err != nil {
			left = append(left, err.Error())
		}
		return append(left, host.Residue(d.Run)...)
	})
}
