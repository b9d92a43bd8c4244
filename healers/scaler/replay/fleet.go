package replay

import (
	"slices"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

const (
	sampleWindow = 15 * time.Second // over which usage is measured, as metrics-server does
	longAgo      = 24 * time.Hour   // before the recording those of the beginning started
)

// fleet are the replicas, the oldest first. All take equally long to become ready, so
// that the ready ones come before the others.
type fleet struct {
	pods       []scaler.Pod
	made       int
	ready      int // as [fleet.age] has found it
	readyAfter time.Duration

	containers []string
	resources  []share // each of which one container uses, and the others none of it
	custom     []share
}

// share is what the ready replicas share of a column.
type share struct {
	metric string
	column int
	bearer int   // the container that uses the resource
	asked  int64 // what it asks for; 0: it does not say
}

// newFleet is the workload that the metrics need: the containers that they name.
func newFleet(of []gauge, readyAfter time.Duration) *fleet {
	f := &fleet{readyAfter: readyAfter}
	for i := range of {
		if c := of[i].container; c != "" && !slices.Contains(f.containers, c) {
			f.containers = append(f.containers, c)
		}
	}
	if len(f.containers) == 0 {
		f.containers = []string{"main"}
	}
	for i := range of {
		g := &of[i]
		s := share{metric: g.Name, column: g.column, asked: g.asked, bearer: max(slices.Index(f.containers, g.container), 0)}
		same := func(o share) bool { return o.metric == g.Name }
		switch g.Type {
		case autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType:
			if j := slices.IndexFunc(f.resources, same); j < 0 {
				f.resources = append(f.resources, s)
			} else if g.container != "" {
				f.resources[j].bearer = s.bearer
			}
		case autoscalingv2.PodsMetricSourceType:
			if !slices.ContainsFunc(f.custom, same) {
				f.custom = append(f.custom, s)
			}
		case autoscalingv2.ObjectMetricSourceType, autoscalingv2.ExternalMetricSourceType:
			// One value for all: no replica has a part of it.
		}
	}
	return f
}

// add starts a replica that is ready at a time.
func (f *fleet) add(start, ready time.Time) {
	f.made++
	p := scaler.Pod{
		Name: "replica-" + strconv.Itoa(f.made), Phase: corev1.PodPending,
		Ready: corev1.ConditionFalse, ReadyTransition: ready, Start: start,
		Containers: make([]scaler.Container, len(f.containers)),
		Custom:     make([]scaler.Sample, len(f.custom)),
	}
	for i, name := range f.containers {
		c := scaler.Container{Name: name, Usage: make([]scaler.Sample, len(f.resources))}
		for j, s := range f.resources {
			c.Usage[j] = scaler.Sample{Metric: s.metric, Window: sampleWindow}
			if s.asked == 0 {
				continue
			}
			a := scaler.Amount{Resource: corev1.ResourceName(s.metric)}
			if s.bearer == i {
				a.Milli = s.asked
			}
			c.Requests = append(c.Requests, a)
		}
		p.Containers[i] = c
	}
	for i, s := range f.custom {
		p.Custom[i] = scaler.Sample{Metric: s.metric, Window: sampleWindow}
	}
	f.pods = append(f.pods, p)
}

// scale makes n of them: the youngest go first.
func (f *fleet) scale(now time.Time, n int) {
	if n < len(f.pods) {
		f.pods = f.pods[:n]
	}
	for len(f.pods) < n {
		f.add(now, now.Add(f.readyAfter))
	}
	f.age(now)
}

// age makes ready those whose time it is.
func (f *fleet) age(now time.Time) {
	f.ready = min(f.ready, len(f.pods))
	for f.ready < len(f.pods) && !f.pods[f.ready].ReadyTransition.After(now) {
		p := &f.pods[f.ready]
		p.Phase, p.Ready = corev1.PodRunning, corev1.ConditionTrue
		f.ready++
	}
}

// bear spreads what there is to do now, in thousandths by column, evenly over the ready
// ones. What cannot be divided goes to the oldest.
func (f *fleet) bear(now time.Time, todo []int64) {
	part := func(s share, i int) int64 {
		n := int64(f.ready)
		all := todo[s.column]
		if int64(i) < all%n {
			return all/n + 1
		}
		return all / n
	}
	for i := range f.pods[:f.ready] {
		p := &f.pods[i]
		for j, s := range f.resources {
			for c := range p.Containers {
				u := &p.Containers[c].Usage[j]
				u.At, u.Milli = now, 0
				if c == s.bearer {
					u.Milli = part(s, i)
				}
			}
		}
		for j, s := range f.custom {
			p.Custom[j].At, p.Custom[j].Milli = now, part(s, i)
		}
	}
}
