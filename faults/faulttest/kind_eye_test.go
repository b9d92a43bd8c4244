package faulttest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

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
	s.own = func(ctx context.Context) (begins, ends bool, err error) {
		return hearsFrom(ctx, s.pid, "127.0.0.1:"+port)
	}
	return s.look(ctx, fault)
}

// jobs are the pods of the Deployment, by uid.
func (p *podded) jobs(ctx context.Context) (map[types.UID]*corev1.Pod, error) {
	list, err := p.api.CoreV1().Pods(p.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=jobs"})
	if err != nil {
		return nil, err
	}
	out := map[types.UID]*corev1.Pod{}
	for i := range list.Items {
		out[list.Items[i].UID] = &list.Items[i]
	}
	return out, nil
}

// settled: no rollout of jobs is under way, not even one of a harness that was killed.
func (p *podded) settled(ctx context.Context) error {
	d, err := p.api.AppsV1().Deployments(p.namespace).Get(ctx, "jobs", metav1.GetOptions{})
	if err != nil {
		return err
	}
	pods, err := p.jobs(ctx)
	st := d.Status
	if want := *d.Spec.Replicas; err == nil && (st.ObservedGeneration < d.Generation || st.UpdatedReplicas != want || st.ReadyReplicas != want || len(pods) != int(want)) {
		err = fmt.Errorf("jobs is being rolled out: %d pods, %+v", len(pods), st)
	}
	return err
}

// eye is look, and knows which pods jobs had before.
func (p *podded) eye(jobs map[types.UID]*corev1.Pod) func(context.Context, string, sut.Target) (bool, string, error) {
	return func(ctx context.Context, fault string, t sut.Target) (bool, string, error) {
		if fault == "rollout" {
			return p.rolledOut(ctx, jobs)
		}
		return p.look(ctx, fault, t)
	}
}

// rolledOut: a pod of jobs runs that was not there before.
func (p *podded) rolledOut(ctx context.Context, before map[types.UID]*corev1.Pod) (bool, string, error) {
	now, err := p.jobs(ctx)
	var fresh []string
	for uid, pod := range now {
		if before[uid] == nil && pod.Status.Phase == corev1.PodRunning {
			fresh = append(fresh, pod.Name)
		}
	}
	return len(fresh) > 0, fmt.Sprintf("new pods of jobs: %v", fresh), err
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
		if n.Spec.Unschedulable && strings.HasPrefix(n.Labels["rebound.dev/run"], runPrefix()) { // no cordon of others
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
