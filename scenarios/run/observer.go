package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// lookEvery is how often the observer asks each instance whether it is ready. It
// is the resolution of capacityRestored.
const lookEvery = 250 * time.Millisecond

// observer is the harness's own look at the instances, the same in every arm. It
// asks by the probes of the System file, and knows nothing of healing.
type observer struct {
	sys    sut.System
	system *manifest.System
	rec    *record

	probes sync.WaitGroup
	mu     sync.Mutex
	seen   map[sut.ID]*seen // guarded by mu, as is all below
	asked  map[string]int   // replicas, by workload
	lost   string           // why the platform is blind; empty: it sees
}

// seen is what was last known of an instance.
type seen struct {
	workload    string
	incarnation string
	exits       uint64
	running     bool
	ready       bool
	rotation    sut.State
	stop        context.CancelFunc // ends the probe of this incarnation
}

func instanceOf(id string) string {
	if in := sut.ID(id).Instance(); in != "" {
		return string(in)
	}
	return id
}

// Run watches until ctx ends, which is no error.
func (o *observer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer o.probes.Wait()
	defer cancel()
	err := o.sys.Watch(ctx, func(d sut.Delta) error { o.apply(ctx, d); return nil })
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("watch the system: %w", err)
}

// full tells whether as many instances are ready as the system declares.
func (o *observer) full() bool { return o.notReady() == "" }

// notReady says which workloads have fewer instances ready than they declare.
func (o *observer) notReady() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	up := map[string]int{}
	for _, s := range o.seen {
		if s.ready {
			up[s.workload]++
		}
	}
	var short []string
	for _, w := range o.system.Spec.Workloads {
		if want := max(w.Replicas, 1); up[w.Name] < want {
			short = append(short, fmt.Sprintf("%s %d/%d", w.Name, up[w.Name], want))
		}
	}
	return strings.Join(short, ", ")
}

// serving are the running instances whose workload has a port of that name, sorted.
func (o *observer) serving(port string) []sut.Target {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []sut.Target
	for _, id := range slices.Sorted(maps.Keys(o.seen)) {
		s := o.seen[id]
		w, _ := o.system.WorkloadNamed(s.workload)
		if s.running && slices.ContainsFunc(w.Ports, func(p manifest.Port) bool { return p.Name == port }) {
			all = append(all, sut.Target{ID: id, Incarnation: s.incarnation})
		}
	}
	return all
}

func (o *observer) apply(ctx context.Context, d sut.Delta) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.Lost != o.lost {
		o.lost = d.Lost
		if d.Lost != "" {
			o.rec.note("the platform lost sight of the system: " + d.Lost)
		} else {
			o.rec.note("the platform sees the system again")
		}
	}
	for _, w := range d.Workloads {
		o.desired(w)
	}
	there := map[sut.ID]bool{}
	for _, in := range d.Instances {
		there[in.ID] = true
		o.instance(ctx, in)
	}
	for _, id := range d.Gone {
		o.gone(id)
	}
	if d.Reset {
		for id := range o.seen {
			if !there[id] {
				o.gone(id)
			}
		}
	}
}

// desired is called with mu held, as are instance, rotated, gone and tell.
func (o *observer) desired(w sut.Workload) {
	if n, known := o.asked[w.Name]; known && n == w.Desired {
		return
	}
	if o.asked == nil {
		o.asked = map[string]int{}
	}
	o.asked[w.Name] = w.Desired
	o.rec.Append(timeline.Event{
		Kind: timeline.KindReplicas, Actor: timeline.ActorObserver, Target: w.Name, Cause: o.rec.causeOf(w.Name),
		Replicas: &timeline.Replicas{Workload: w.Name, Desired: w.Desired},
	})
}

func (o *observer) instance(ctx context.Context, in sut.Instance) {
	s := o.seen[in.ID]
	if s == nil {
		s = &seen{workload: in.Workload, exits: in.Exits, stop: func() {}}
		o.seen[in.ID] = s
	}
	// Levels, not edges: an exit and the start after it may come as one change.
	over := in.Exits > s.exits || in.Phase == sut.PhaseExited || (s.running && in.Incarnation != s.incarnation)
	if s.running && over {
		s.stop()
		s.running, s.ready = false, false
		o.tell(in.ID, s, timeline.Instance{State: timeline.InstanceExited, Code: in.LastExit.Code, Signal: in.LastExit.Signal})
	}
	s.exits = in.Exits
	if in.Rotation == sut.No {
		// With the exit in one change it counts as after it: that users were sent elsewhere
		// before is not known, and must not be said.
		o.rotated(in, s)
	}
	if in.Phase == sut.PhaseRunning && !s.running {
		s.running, s.incarnation = true, in.Incarnation
		o.tell(in.ID, s, timeline.Instance{State: timeline.InstanceStarted})
		o.probe(ctx, in, s)
	}
	o.rotated(in, s)
}

func (o *observer) rotated(in sut.Instance, s *seen) {
	if in.Rotation == s.rotation {
		return
	}
	s.rotation = in.Rotation
	switch in.Rotation {
	case sut.Yes:
		o.tell(in.ID, s, timeline.Instance{State: timeline.InstanceIn})
	case sut.No:
		o.tell(in.ID, s, timeline.Instance{State: timeline.InstanceOut})
	case sut.Unknown:
	}
}

func (o *observer) gone(id sut.ID) {
	s := o.seen[id]
	if s == nil {
		return // a volume, or never seen
	}
	s.stop()
	delete(o.seen, id)
	o.tell(id, s, timeline.Instance{State: timeline.InstanceGone})
}

func (o *observer) tell(id sut.ID, s *seen, i timeline.Instance) {
	i.Workload, i.Incarnation = s.workload, s.incarnation
	var cause uint64
	switch i.State {
	case timeline.InstanceReady:
		// That a program comes up is its own doing.
	case timeline.InstanceStarted, timeline.InstanceExited, timeline.InstanceUnready,
		timeline.InstanceIn, timeline.InstanceOut, timeline.InstanceGone:
		cause = o.rec.causeOf(string(id))
	}
	o.rec.Append(timeline.Event{
		Kind: timeline.KindInstance, Actor: timeline.ActorObserver, Target: string(id), Cause: cause, Instance: &i,
	})
}

// probe asks one incarnation until it is over.
func (o *observer) probe(ctx context.Context, in sut.Instance, s *seen) {
	ctx, s.stop = context.WithCancel(ctx)
	w, _ := o.system.WorkloadNamed(in.Workload)
	if w.ReadinessProbe == nil {
		s.ready = true
		o.tell(in.ID, s, timeline.Instance{State: timeline.InstanceReady})
		return
	}
	o.probes.Go(func() {
		p := platform.NewAsker(w.ReadinessProbe, platform.DialTarget(o.sys, in.Target))
		defer p.Close()
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		good, bad := 0, 0
		for {
			err := p.Ask(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				good, bad = good+1, 0
			} else {
				good, bad = 0, bad+1
			}
			if good >= p.Successes() || bad >= p.Failures() {
				o.answered(in.Target, good > 0, err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

func (o *observer) answered(t sut.Target, ready bool, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.seen[t.ID]
	if s == nil || s.incarnation != t.Incarnation || !s.running || s.ready == ready {
		return
	}
	s.ready = ready
	i := timeline.Instance{State: timeline.InstanceReady}
	if !ready {
		i = timeline.Instance{State: timeline.InstanceUnready, Detail: why.Error()}
	}
	o.tell(t.ID, s, i)
}
