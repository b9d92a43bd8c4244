package scaler

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// groups are the pods of a workload by what their samples are worth (upstream's
// groupPods), and the sums over them.
type groups struct {
	ready, unready, missing measured
	// filled are the missing ones where they are taken to use what they ask for.
	filled  measured
	ignored int
	pods    int
	unsaid  string // the first pod, and its container, that do not say what they ask for
}

// reading is how the pods are asked for one metric.
type reading struct {
	sample func(*Pod) (Sample, bool)
	// request: nil where the target is no share of what is asked for.
	request func(*Pod) (int64, string, bool)
	// cpu: only of CPU it matters whether a pod was ready. Who was started after young is
	// in its cpu initialization period.
	cpu   bool
	young time.Time
	fill  int64 // percent of the request that a missing pod is taken to use
}

// group sorts the pods. The order of the questions is upstream's, and matters.
func (s *Scaler) group(o *Observation, r reading) groups {
	var g groups
	for i := range o.Pods {
		p := &o.Pods[i]
		if s.skips(p) {
			g.ignored++
			continue
		}
		g.pods++
		var one measured
		one.pods = 1
		if r.request != nil {
			// Upstream asks all, also those that it then ignores.
			request, where, ok := r.request(p)
			if !ok && g.unsaid == "" {
				g.unsaid = p.Name + "/" + where
			}
			one.request = request
		}
		switch {
		case p.Deleting || p.Phase == corev1.PodFailed:
			g.ignored++
			continue
		case p.Phase == corev1.PodPending:
			g.unready.take(one, s.arithmetic)
			continue
		}
		sample, found := r.sample(p)
		switch {
		case !found:
			g.missing.take(one, s.arithmetic)
			one.usage = s.arithmetic.mul(one.request, r.fill) / 100
			g.filled.take(one, s.arithmetic)
		case r.cpu && s.warming(r.young, p, sample):
			g.unready.take(one, s.arithmetic)
		default:
			one.usage = sample.Milli
			g.ready.take(one, s.arithmetic)
		}
	}
	return g
}

// warming: what the pod used of the CPU is that of its start.
func (s *Scaler) warming(young time.Time, p *Pod, sample Sample) bool {
	if p.Ready == "" || p.Start.IsZero() {
		return true
	}
	if p.Start.After(young) {
		return p.Ready == corev1.ConditionFalse || sample.At.Before(p.ReadyTransition.Add(sample.Window))
	}
	return p.Ready == corev1.ConditionFalse && p.Start.Add(s.options.ReadinessDelay).After(p.ReadyTransition)
}

// skips: the pod is no part of the workload (H5). A surge that crashes, or pods that the
// selector finds by chance, would be multiplied by the ratio.
func (s *Scaler) skips(p *Pod) bool { return p.Foreign && s.does(OwnedPods) }

// serving is how many are running and ready, of how many there are.
func (s *Scaler) serving(o *Observation) (n int64, pods int) {
	for i := range o.Pods {
		p := &o.Pods[i]
		if s.skips(p) {
			continue
		}
		pods++
		if p.Phase == corev1.PodRunning && p.Ready == corev1.ConditionTrue {
			n++
		}
	}
	return n, pods
}
