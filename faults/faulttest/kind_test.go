package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
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
	// Only while nodes are taken away must others wait.
	t.Run("pods", func(t *testing.T) { conformKind(t, false) })
	t.Run("nodes", func(t *testing.T) {
		if os.Getenv("REBOUND_TEST_KUBECONFIG") != "" && os.Getenv("REBOUND_TEST_NODES") == "" {
			t.Skip("others use this cluster too: REBOUND_TEST_NODES=1 takes a node from them")
		}
		conformKind(t, true)
	})
}

// conformKind is ConformAll for the faults of nodes, or for all others.
func conformKind(t *testing.T, nodes bool) {
	t.Helper()
	p := startKind(t, nodes)
	for _, c := range faulttest.Cases() {
		def, ok := faults.Lookup(c.Fault)
		if !ok {
			t.Errorf("no fault %s", c.Fault)
		}
		if (def.Of == sut.KindNode) != nodes {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			faulttest.Conform(t, def, json.RawMessage(c.Args), faulttest.Platform{
				Name: "kind", Lacks: []sut.Capability{harm.CanSurge}, Undo: run.Undo, Start: p.rig, Crash: p.crash, Within: 30 * time.Second,
			})
		})
	}
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
	for i := range s.Spec.Workloads {
		switch w := &s.Spec.Workloads[i]; w.Name {
		case "orders":
			w.Volumes = []manifest.Volume{{Name: "scratch", Size: 8 << 20, Medium: manifest.MediumMemory}}
		case "store":
			w.Volumes[0].Size = 16 << 20
		}
	}
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
}

func startKind(t *testing.T, exclusive bool) *podded {
	t.Helper()
	rootAlone(t, "kind")
	id := runID(t)
	p := &podded{run: id, namespace: "rebound-" + id}
	o := p.cluster(t)
	o.Exclusive = exclusive
	// Whoever uses the cluster now may do so for minutes.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	s, err := cluster.Start(ctx, platform.Config{
		System: inCluster(), Run: id, Binary: os.Args[0], Lease: guarded(t, id), Progress: func(text string) { t.Log(text) },
	}, o)
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
// the one that is up. Where there is none it is made if kind is required, and left to
// whoever required it.
func (p *podded) cluster(t *testing.T) cluster.Options {
	t.Helper()
	if p.kubeconfig, p.context = os.Getenv("REBOUND_TEST_KUBECONFIG"), os.Getenv("REBOUND_TEST_CONTEXT"); p.kubeconfig != "" {
		return cluster.Options{Kubeconfig: p.kubeconfig, Context: p.context, KubeSystem: true}
	}
	state, err := run.StateDir("")
	if err != nil {
		t.Fatal(err)
	}
	now, err := cluster.Look(t.Context(), state)
	skipWithout(t, err)
	if !now.Up {
		if !platform.Required("kind") {
			faulttest.Skip(t, "kind", &sut.Missing{
				Capability: "cluster", Target: "kind", Reason: strings.TrimSpace("no cluster is up " + now.Problem),
				WayOut: "rebound cluster up, or REBOUND_REQUIRE=kind to have one made",
			})
		}
		now, err = cluster.Up(t.Context(), state, func(text string) { t.Log(text) })
		skipWithout(t, err)
	}
	p.kubeconfig, p.context = now.Kubeconfig, "kind-"+now.Name
	return cluster.Options{State: state}
}

func (p *podded) rig(t *testing.T) faulttest.Rig {
	t.Helper()
	var on string
	if err := eventually(t.Context(), 2*time.Minute, func(ctx context.Context) (err error) { on, err = p.renew(ctx); return err }); err != nil {
		t.Fatal(err)
	}
	before, err := p.jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := faulttest.Rig{System: p.system, Targets: map[sut.Kind]sut.ID{sut.KindNode: sut.NodeID(on)}, Look: p.eye(before), Residue: p.residue}
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
	if err := p.settled(ctx); err != nil {
		return "", err
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
		if def.Of == sut.KindWorkload || def.Of == sut.KindInstance && fault != "hang" && fault != "stall" {
			return left // who was ended stays so, and a controller goes on by itself
		}
		there, seen, err := p.look(ctx, fault, target)
		if there || err != nil {
			left = append(left, fmt.Sprintf("the effect: %s %v", seen, err))
		}
		return left
	})
}
