package healers

import (
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// View is what the engine sees of the system now: the last levels it was told,
// and what the probes say. It can be rebuilt from a full list at any time, since
// all that has a history is in the records. Healers read it and never keep it.
type View struct {
	now    time.Duration
	policy *policy.Policy
	seen   bool   // there was a full list
	lost   string // why we are blind

	instances map[sut.ID]*Instance
	volumes   map[sut.ID]sut.Volume
	workloads map[string]sut.Workload
	budgets   map[string]sut.Budget
	members   map[string][]sut.ID // instances by workload, sorted
	storage   map[sut.ID][]sut.ID // volumes by instance, sorted
	placed    map[sut.ID][]sut.ID // instances by node and by zone, sorted
	samples   map[sampleKey]Sample
	wall      time.Time         // zero: nobody said
	early     map[sut.ID]probes // of incarnations that the system has not told of yet

	findings map[findingKey]openFinding // the state's
}

// Instance is an instance with what its probes say of the present incarnation.
type Instance struct {
	sut.Instance
	Liveness  Probe
	Readiness Probe
}

// Probe is what a probe says, and since when. The zero value has said nothing.
type Probe struct {
	Result probe.Result
	Since  time.Duration
	Detail string
	// Startup: it was the startup probe that failed, which means what a failed liveness probe
	// does.
	Startup bool
}

type probes struct {
	incarnation         string
	liveness, readiness Probe
}

func newView() *View {
	v := &View{early: map[sut.ID]probes{}, samples: map[sampleKey]Sample{}}
	v.clear()
	return v
}

func (v *View) clear() {
	v.instances, v.volumes = map[sut.ID]*Instance{}, map[sut.ID]sut.Volume{}
	v.workloads, v.budgets = map[string]sut.Workload{}, map[string]sut.Budget{}
	v.members, v.storage, v.placed = map[string][]sut.ID{}, map[sut.ID][]sut.ID{}, map[sut.ID][]sut.ID{}
}

// Now is the engine's time.
func (v *View) Now() time.Duration { return v.now }

// Instance finds an instance.
func (v *View) Instance(id sut.ID) (Instance, bool) {
	in, ok := v.instances[id]
	if !ok {
		return Instance{}, false
	}
	return *in, true
}

// Volume finds a volume.
func (v *View) Volume(id sut.ID) (sut.Volume, bool) {
	vol, ok := v.volumes[id]
	return vol, ok
}

// Members are the instances of a workload, sorted. The slice is the view's own.
func (v *View) Members(workload string) []sut.ID { return v.members[workload] }

// owned are the members that are replicas of the workload: those that its number is about.
func (v *View) owned(workload string) []sut.ID {
	all := v.members[workload]
	foreign := func(id sut.ID) bool { return v.instances[id].Foreign }
	if !slices.ContainsFunc(all, foreign) {
		return all // as nearly always, at no cost
	}
	return slices.DeleteFunc(slices.Clone(all), foreign)
}

// Desired is how many replicas a workload should have: what the platform says, which
// may be none; of a workload that it does not tell of as many as there are.
func (v *View) Desired(workload string) int {
	if w, ok := v.workloads[workload]; ok {
		return w.Desired
	}
	return len(v.members[workload])
}

// Has tells whether a finding is open for the target.
func (v *View) Has(kind FindingKind, id sut.ID) bool {
	_, ok := v.findings[keyOf(kind, id, "")]
	return ok
}

// Policy is what the policy says of the workload of an instance; false: it does
// not cover it.
func (v *View) Policy(id sut.ID) (*policy.Workload, bool) {
	return v.policyOf(v.instances[id.Instance()])
}

func (v *View) policyOf(in *Instance) (*policy.Workload, bool) {
	if v.policy == nil || in == nil {
		return nil, false
	}
	for i := range v.policy.Workloads {
		if w := &v.policy.Workloads[i]; v.matches(w.Selector, in) {
			return w, true
		}
	}
	return nil, false
}

// runbook is the policy's of that name; nil: it has none.
func (v *View) runbook(name string) *policy.Runbook {
	for i := range v.policy.Runbooks {
		if v.policy.Runbooks[i].Name == name {
			return &v.policy.Runbooks[i]
		}
	}
	return nil
}

// Ready tells whether an instance can serve: what its readiness probe says, else
// the platform, else that it runs.
func (v *View) Ready(id sut.ID) sut.State {
	in := v.instances[id]
	if in == nil || in.Phase != sut.PhaseRunning {
		return sut.No
	}
	w, covered := v.Policy(id)
	switch {
	case covered && w.Readiness != nil:
		switch {
		case in.Readiness.Result == probe.Success:
			return sut.Yes
		case in.Readiness.Result == probe.Failure, v.Has(FindingNotReady, id):
			return sut.No
		}
		return sut.Unknown
	case in.Ready != sut.Unknown:
		return in.Ready
	default:
		return sut.Yes
	}
}

// label reads a label of an instance, else of its workload.
func (v *View) label(in *Instance, name string) string {
	if s, ok := in.Labels[name]; ok {
		return s
	}
	return v.workloads[in.Workload].Labels[name]
}

func (v *View) matches(s map[string]string, in *Instance) bool {
	for name, want := range s {
		got := in.Workload
		if name != "workload" {
			got = v.label(in, name)
		}
		if got != want {
			return false
		}
	}
	return len(s) > 0
}

// incarnation is the one that lives at an ID now, of a volume that of its
// instance; false: there is nothing.
func (v *View) incarnation(id sut.ID) (string, bool) {
	if id.Kind() == sut.KindWorkload {
		_, known := v.workloads[string(id)]
		return "", known
	}
	in := v.instances[id.Instance()]
	if in == nil {
		return "", false
	}
	if id.Kind() == sut.KindVolume {
		if _, ok := v.volumes[id]; !ok {
			return "", false
		}
	}
	return in.Incarnation, true
}
