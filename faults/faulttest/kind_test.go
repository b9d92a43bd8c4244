package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

func TestKind(t *testing.T) {
	if os.Getenv("REBOUND_NIGHTLY") == "" {
		t.Skip("uses a cluster, for four minutes: REBOUND_NIGHTLY=1")
	}
	p := startKind(t)
	of := faulttest.Platform{Name: "kind", Undo: run.Undo, Start: p.rig, Crash: p.crash, Within: 30 * time.Second}
	if os.Getenv("REBOUND_TEST_KUBECONFIG") != "" && os.Getenv("REBOUND_TEST_NODES") == "" {
		t.Log("others use this cluster too: REBOUND_TEST_NODES=1 takes a node from them")
		p.others = true
		of.Lacks = []sut.Capability{harm.CanStopNode, harm.CanFreezeNode, harm.CanDrain}
	}
	faulttest.ConformAll(t, of)
}

// inCluster is pair as testdata/kind.yaml has it.
func inCluster() *manifest.System {
	s := pair()
	s.Files = os.DirFS("testdata")
	s.Spec.Kubernetes = &manifest.Kubernetes{Manifests: []string{"kind.yaml"}}
	for i := range s.Spec.Workloads {
		w := &s.Spec.Workloads[i]
		w.Ports[0].Number, _ = strconv.Atoi(port)
		w.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http")}}}
	}
	s.Spec.Workloads[0].Volumes = []manifest.Volume{{Name: "scratch", Size: 8 << 20, Medium: manifest.MediumMemory}}
	s.Spec.Workloads[1].Volumes[0].Size = 16 << 20
	return s
}

// inNamespace is the same where it runs already.
func inNamespace(name string) *manifest.System {
	s := inCluster()
	s.Spec.Kubernetes = &manifest.Kubernetes{Namespace: name}
	return s
}

// podded is a system of pods that all checks share: whom one of them ended has a
// successor for the next.
type podded struct {
	system         sut.System
	engine         *client.Client
	api            kubernetes.Interface
	run, namespace string
	// kubeconfig and context are the way to the cluster for those that hold no lock of it.
	kubeconfig, context string
	others              bool // use the cluster too
}

func startKind(t *testing.T) *podded {
	t.Helper()
	rootAlone(t, "kind")
	id := runID(t)
	p := &podded{run: id, namespace: "rebound-" + id}
	o := p.cluster(t)
	s, err := cluster.Start(t.Context(), platform.Config{System: inCluster(), Run: id, Binary: os.Args[0], Lease: guarded(t, id), Progress: func(text string) { t.Log(text) }}, o)
	skipWithout(t, err)
	closed(t, s)
	p.system = s
	if p.engine, err = client.New(client.FromEnv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.engine.Close() }) // it holds idle connections and nothing else
	rest, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: p.kubeconfig}, &clientcmd.ConfigOverrides{CurrentContext: p.context}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	rest.QPS, rest.Burst = 200, 400 // it polls
	if p.api, err = kubernetes.NewForConfig(rest); err != nil {
		t.Fatal(err)
	}
	return p
}

// skipWithout skips where the platform is missing, and fails on any other error.
func skipWithout(t *testing.T, err error) {
	t.Helper()
	if missing, ok := errors.AsType[*sut.Missing](err); ok {
		faulttest.Skip(t, "kind", missing)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cluster is the one that REBOUND_TEST_KUBECONFIG and REBOUND_TEST_CONTEXT name, else
// the one that is up, for this test alone, since it takes nodes away. Where there is
// none it is made if kind is required, and left to whoever required it.
func (p *podded) cluster(t *testing.T) cluster.Options {
	t.Helper()
	if p.kubeconfig, p.context = os.Getenv("REBOUND_TEST_KUBECONFIG"), os.Getenv("REBOUND_TEST_CONTEXT"); p.kubeconfig != "" {
		return cluster.Options{Kubeconfig: p.kubeconfig, Context: p.context}
	}
	state, err := run.StateDir("")
	if err != nil {
		t.Fatal(err)
	}
	now, err := cluster.Look(t.Context(), state)
	skipWithout(t, err)
	if !now.Up {
		if !slices.Contains(strings.Split(os.Getenv("REBOUND_REQUIRE"), ","), "kind") {
			faulttest.Skip(t, "kind", &sut.Missing{
				Capability: "cluster", Target: "kind", Reason: strings.TrimSpace("no cluster is up " + now.Problem),
				WayOut: "rebound cluster up, or REBOUND_REQUIRE=kind to have one made",
			})
		}
		now, err = cluster.Up(t.Context(), state, func(text string) { t.Log(text) })
		skipWithout(t, err)
	}
	p.kubeconfig, p.context = now.Kubeconfig, "kind-"+now.Name
	return cluster.Options{State: state, Exclusive: true}
}

func (p *podded) rig(t *testing.T) faulttest.Rig {
	t.Helper()
	var on string
	if err := eventually(t.Context(), 2*time.Minute, func(ctx context.Context) (err error) { on, err = p.renew(ctx); return err }); err != nil {
		t.Fatal(err)
	}
	r := faulttest.Rig{System: p.system, Targets: map[sut.Kind]sut.ID{sut.KindNode: sut.NodeID(on)}, Look: p.look, Residue: p.residue}
	if p.others {
		delete(r.Targets, sut.KindNode)
	}
	maps.Copy(r.Targets, targets)
	return r
}

// renew sees to it that all pods run and are in their first life, and tells the node of
// orders. Its error says what is not so yet.
func (p *podded) renew(ctx context.Context) (on string, err error) {
	all, err := snapshot(ctx, p.system)
	if err != nil {
		return "", err
	}
	for _, w := range []string{"store", "orders"} {
		id := sut.InstanceID(w, 0)
		i := slices.IndexFunc(all.Instances, func(in sut.Instance) bool { return in.ID == id })
		if i < 0 {
			return "", fmt.Errorf("the system does not tell of %s", id)
		}
		in := all.Instances[i]
		pod, err := p.pod(ctx, id)
		if err != nil {
			return "", err
		}
		if pod == nil || pod.DeletionTimestamp != nil || len(pod.Status.ContainerStatuses) == 0 {
			return "", fmt.Errorf("%s has no pod that starts", id)
		}
		// Kubelet waits longer each time before it starts a container again, and so the
		// pod of one that has ended is made anew.
		if st := pod.Status.ContainerStatuses[0]; st.RestartCount > 0 || p.isLife(pod, in.Incarnation) && in.Phase == sut.PhaseExited {
			if err := p.api.CoreV1().Pods(p.namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
				GracePeriodSeconds: new(int64), Preconditions: &metav1.Preconditions{UID: &pod.UID},
			}); err != nil {
				return "", err
			}
			return "", fmt.Errorf("the pod of %s is made anew", id)
		}
		if !p.isLife(pod, in.Incarnation) || in.Phase != sut.PhaseRunning || in.Ready != sut.Yes {
			return "", fmt.Errorf("the system tells that %s is %s, and ready: %s", in.Target, in.Phase, in.Ready)
		}
		on = pod.Spec.NodeName
	}
	node, err := p.api.CoreV1().Nodes().Get(ctx, on, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return on, nil
		}
	}
	return "", fmt.Errorf("node %s is not ready", on)
}

// pod is the one of an instance; nil: there is none.
func (p *podded) pod(ctx context.Context, id sut.ID) (*corev1.Pod, error) {
	pod, err := p.api.CoreV1().Pods(p.namespace).Get(ctx, strings.ReplaceAll(string(id.Instance()), "/", "-"), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return pod, err
}

// isLife tells whether an incarnation is of the container that the pod has.
func (p *podded) isLife(pod *corev1.Pod, incarnation string) bool {
	uid, container, _ := strings.Cut(incarnation, "/")
	_, now, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	return pod.UID == types.UID(uid) && container != "" && strings.HasPrefix(now, container)
}

// processesIn are the processes of a container on this machine, wherever it runs on it.
func processesIn(container string) []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		groups, _ := os.ReadFile(filepath.Join(d, "cgroup"))
		state, _ := stat(filepath.Base(d))
		if container != "" && state != "" && strings.Contains(string(groups), container) {
			out = append(out, filepath.Base(d))
		}
	}
	return out
}

// look sees pods' containers as the kernel does, the pods and the schedule of nodes as
// the API server does, and nodes as the engine that they are containers of.
func (p *podded) look(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
	switch fault {
	case "pod-kill":
		uid, _, _ := strings.Cut(t.Incarnation, "/")
		pod, err := p.pod(ctx, t.ID)
		if err != nil || pod == nil {
			return err == nil, "it has no pod", err
		}
		return pod.UID != types.UID(uid), "its pod is " + string(pod.UID), nil
	case "drain":
		return p.drained(ctx, t.ID.Part())
	case "node-stop", "node-freeze":
		return p.lost(ctx, fault, t.ID.Part())
	}
	_, container, _ := strings.Cut(t.Incarnation, "/")
	s := scene{volume: "/volumes/" + t.ID.Part()}
	if pids := processesIn(container); len(pids) > 0 {
		s.pid = pids[0]
	}
	s.ask = func(ctx context.Context) (bool, error) {
		store, err := p.pod(ctx, "store/0")
		if err != nil || store == nil {
			return false, errors.Join(errors.New("store has no pod"), err)
		}
		return asksFrom(ctx, s.pid, store.Status.PodIP+":"+port)
	}
	return s.look(ctx, fault)
}

// drained: no new pod may come to the node, and none of ours is left.
func (p *podded) drained(ctx context.Context, name string) (bool, string, error) {
	node, err := p.api.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, "", err
	}
	pods, err := p.api.CoreV1().Pods(p.namespace).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return false, "", err
	}
	return node.Spec.Unschedulable && len(pods.Items) == 0,
		fmt.Sprintf("node %s is unschedulable: %t, and has %d of our pods", name, node.Spec.Unschedulable, len(pods.Items)), nil
}

// lost: the container that the node is does not run, or the kernel has frozen it.
func (p *podded) lost(ctx context.Context, fault, name string) (bool, string, error) {
	now, err := p.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return false, "", err
	}
	st := now.Container.State
	if fault == "node-stop" || !st.Running {
		return fault == "node-stop" && !st.Running, fmt.Sprintf("node %s is %s", name, st.Status), nil
	}
	frozen, err := isFrozen(strconv.Itoa(st.Pid))
	return frozen, fmt.Sprintf("the processes of node %s are frozen: %t", name, frozen), err
}

// isFrozen reads the state of the freezer that a process is in, of either version.
func isFrozen(pid string) (bool, error) {
	groups, err := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	if err != nil {
		return false, err
	}
	var file, want string
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case slices.Contains(strings.Split(parts[1], ","), "freezer"):
			file, want = filepath.Join("/sys/fs/cgroup/freezer", parts[2], "freezer.state"), "FROZEN"
		case parts[0] == "0" && file == "":
			file, want = filepath.Join("/sys/fs/cgroup", parts[2], "cgroup.events"), "frozen 1"
		}
	}
	state, err := os.ReadFile(file)
	return strings.Contains(string(state), want), err
}

// residue is what faults left in pods, on the volumes of both and on the nodes.
func (p *podded) residue() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var pids, out []string
	for _, id := range []sut.ID{"orders/0", "store/0"} {
		pod, err := p.pod(ctx, id)
		if err != nil {
			return []string{err.Error()}
		}
		if pod == nil || len(pod.Status.ContainerStatuses) == 0 {
			continue
		}
		if _, container, ok := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://"); ok {
			pids = append(pids, processesIn(container)...)
		}
	}
	nodes, err := p.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	for _, n := range nodes.Items {
		if n.Spec.Unschedulable && n.Labels["rebound.dev/run"] != "" {
			out = append(out, fmt.Sprintf("node %s is cordoned", n.Name))
		}
		now, err := p.engine.ContainerInspect(ctx, n.Name, client.ContainerInspectOptions{})
		if err != nil {
			return append(out, err.Error())
		}
		if st := now.Container.State; !st.Running || st.Paused {
			out = append(out, fmt.Sprintf("node %s is %s", n.Name, st.Status))
		}
	}
	return append(out, scraps(p.run, pids...)...)
}

// crash has a harness that is killed break the system that runs already, so that what it
// broke can still be looked at when it is gone. What a run leaves that is killed while
// it makes its system, the tests of the platform look at.
func (p *podded) crash(t *testing.T, fault string, args json.RawMessage, n int) (left []string, ended bool) {
	t.Helper()
	def, _ := faults.Lookup(fault)
	if n > 0 && def.Of == sut.KindNode {
		// A node takes many seconds to return, and its entries are the two of any hold.
		return nil, true
	}
	r := p.rig(t)
	d := doomed{
		Platform: "kind", Fault: fault, Args: args, Target: r.Targets[def.Of], Entry: n,
		Namespace: p.namespace, Kubeconfig: p.kubeconfig, Context: p.context,
	}
	if def.Of == sut.KindVolume {
		// Only who made a disk may fill it: this one is memory.
		d.Target = "orders/0:scratch"
	}
	target := sut.Target{ID: d.Target}
	all, err := snapshot(t.Context(), p.system)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range all.Instances {
		if in.ID == d.Target.Instance() {
			target.Incarnation = in.Incarnation
		}
	}
	return d.play(t, func(ctx context.Context) []string {
		left := append(p.residue(), host.Residue(d.Run)...)
		if def.Of == sut.KindInstance && fault != "hang" {
			return left // who was ended stays so
		}
		there, seen, err := p.look(ctx, fault, target)
		if there || err != nil {
			left = append(left, fmt.Sprintf("the effect: %s %v", seen, err))
		}
		return left
	})
}
