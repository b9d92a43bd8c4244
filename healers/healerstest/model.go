package healerstest

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// How long things take in the model.
const (
	actTakes    = 5 * time.Millisecond
	startTakes  = 20 * time.Millisecond
	readyTakes  = 300 * time.Millisecond
	replaceTake = 100 * time.Millisecond
	probeGood   = 200 * time.Millisecond // until a success is seen
	probeDead   = 3 * time.Second        // until a liveness failure is
	probeBad    = 2 * time.Second        // until a readiness failure is
)

// Executed is an act that reached the system and was carried out.
type Executed struct {
	healers.Act
	At time.Duration
}

// Model is a scripted system.
type Model struct {
	Workloads []sut.Workload
	Executed  []Executed
	// Answer, where it is set, may answer an act in the system's place: the act then
	// changes nothing. Empty: the model carries it out. "lost": no outcome ever comes.
	Answer func(a healers.Act) healers.Result
	// Takes, where it is set, may say how long an act takes; 0: as usual.
	Takes func(a healers.Act) time.Duration

	shell     *Shell
	instances map[sut.ID]*instance
	volumes   map[sut.ID]*Volume
	changed   map[sut.ID]bool
	gone      []sut.ID
	probes    []probe.Change
	resized   bool // the number of replicas of some workload changed
	samples   []healers.Sample
	rev       uint64
	made      int
	doomed    map[string]bool // workloads whose newcomers are never ready
}

type instance struct {
	sut.Instance
	hung, wedged, starved, unready, spoiled, up bool
	said                                        map[probe.Role]probe.Change
	truth                                       map[probe.Role]probe.Result
}

// Volume is a volume with what it is full of.
type Volume struct {
	sut.Volume
	Temp, Logs int64 // parts of Used that can be cleaned
}

// NewModel makes a system in which everything runs and is in rotation.
func NewModel(w ...sut.Workload) *Model {
	m := &Model{Workloads: w, instances: map[sut.ID]*instance{}, volumes: map[sut.ID]*Volume{}, changed: map[sut.ID]bool{}}
	for _, w := range w {
		for i := range w.Desired {
			in := m.add(w, sut.InstanceID(w.Name, i))
			in.Rotation, in.up = sut.Yes, true
		}
	}
	return m
}

// NotRotated tells that the platform does not rotate a workload.
func (m *Model) NotRotated(workload string) {
	m.each(workload, func(in *instance) { in.Rotation = sut.Unknown })
}

// AddVolume gives an instance a volume.
func (m *Model) AddVolume(v Volume) { m.volumes[v.ID] = &v }

func (m *Model) add(w sut.Workload, id sut.ID) *instance {
	in := &instance{Instance: sut.Instance{
		Workload: w.Name, Role: w.Role, Labels: w.Labels, Phase: sut.PhaseRunning, Rotation: sut.No,
	}}
	in.ID, in.unready = id, m.doomed[w.Name]
	m.instances[id] = in
	m.begin(in)
	return in
}

// begin gives an instance a new incarnation.
func (m *Model) begin(in *instance) {
	m.made++
	in.Incarnation = strconv.Itoa(1000+m.made) + "+0"
	in.Phase, in.hung, in.wedged, in.up = sut.PhaseRunning, false, false, false
	in.said, in.truth = map[probe.Role]probe.Change{}, map[probe.Role]probe.Result{}
}

func (m *Model) each(workload string, f func(*instance)) {
	for _, id := range slices.Sorted(maps.Keys(m.instances)) {
		if in := m.instances[id]; in.Workload == workload {
			f(in)
		}
	}
}

// Measure gives the engine a value of a metric: of a workload, or of an instance that there
// is.
func (m *Model) Measure(id sut.ID, metric string, value float64) {
	s := healers.Sample{Target: sut.Target{ID: id}, Metric: metric, Value: value, At: m.shell.now, Window: time.Second}
	if id.Kind() == sut.KindInstance {
		in := m.instances[id]
		if in == nil {
			return
		}
		s.Target = in.Target
	}
	m.samples = append(m.samples, s)
}

// Instances are those of a workload, sorted.
func (m *Model) Instances(workload string) (ids []sut.ID) {
	m.each(workload, func(in *instance) { ids = append(ids, in.ID) })
	return ids
}

// Crash ends an incarnation.
func (m *Model) Crash(id sut.ID) {
	if in := m.instances[id]; in != nil && in.Phase == sut.PhaseRunning {
		in.Phase, in.up = sut.PhaseExited, false
		in.Exits++
		in.LastExit = sut.Exit{Signal: 9}
		m.touch(in)
	}
}

// Hang stops an incarnation without ending it.
func (m *Model) Hang(id sut.ID) { m.with(id, func(in *instance) { in.hung = true }) }

// Wedge makes an instance fail its liveness probe while it still serves.
func (m *Model) Wedge(id sut.ID) { m.with(id, func(in *instance) { in.wedged = true }) }

// Starve makes an instance fail its liveness probe, whatever incarnation, until Feed:
// what the probe asks about is elsewhere.
func (m *Model) Starve(id sut.ID) { m.with(id, func(in *instance) { in.starved = true }) }

// Feed ends a Starve.
func (m *Model) Feed(id sut.ID) { m.with(id, func(in *instance) { in.starved = false }) }

// Spoil makes the next incarnations of an instance never be ready.
func (m *Model) Spoil(id sut.ID) { m.with(id, func(in *instance) { in.spoiled = true }) }

// Doom makes the instances of a workload that are made from now on never be ready.
func (m *Model) Doom(workload string) {
	if m.doomed == nil {
		m.doomed = map[string]bool{}
	}
	m.doomed[workload] = true
}

// Place says where an instance is, and for how long it has run.
func (m *Model) Place(id sut.ID, zone string, since time.Time) {
	m.with(id, func(in *instance) { in.Zone, in.Since = zone, since })
}

// Cut makes an instance unready, whatever incarnation, until Mend.
func (m *Model) Cut(id sut.ID) { m.with(id, func(in *instance) { in.unready = true }) }

// Mend ends a Cut.
func (m *Model) Mend(id sut.ID) { m.with(id, func(in *instance) { in.unready = false }) }

// Fill changes what a volume is full of, in bytes.
func (m *Model) Fill(id sut.ID, temp, logs, rest int64) {
	v := m.volumes[id]
	v.Temp, v.Logs, v.Used = temp, logs, temp+logs+rest
	m.changed[id] = true
}

// Volume is the present state of a volume.
func (m *Model) Volume(id sut.ID) Volume { return *m.volumes[id] }

// Serving are the instances of a workload that serve users now, sorted.
func (m *Model) Serving(workload string) []sut.ID {
	var out []sut.ID
	m.each(workload, func(in *instance) {
		if in.up && !in.hung && !in.unready && in.Rotation != sut.No {
			out = append(out, in.ID)
		}
	})
	return out
}

// Count is how many instances a workload has, in whatever state.
func (m *Model) Count(workload string) (n int) {
	m.each(workload, func(*instance) { n++ })
	return n
}

func (m *Model) with(id sut.ID, f func(*instance)) {
	if in := m.instances[id]; in != nil {
		f(in)
		m.touch(in)
	}
}

// touch tells of a change, and lets the prober find out in its own time.
func (m *Model) touch(in *instance) {
	m.changed[in.ID] = true
	m.probe(in)
}

func (m *Model) probe(in *instance) {
	live, ready := probe.Unknown, probe.Unknown
	if in.Phase == sut.PhaseRunning {
		live = result(!in.hung && !in.wedged && !in.starved)
		if in.up || in.unready || in.hung {
			ready = result(in.up && !in.unready && !in.hung)
		}
	}
	m.answer(in, probe.Liveness, live, probeDead)
	m.answer(in, probe.Readiness, ready, probeBad)
}

func (m *Model) answer(in *instance, role probe.Role, truth probe.Result, bad time.Duration) {
	if in.truth[role] == truth {
		return
	}
	in.truth[role] = truth
	takes, since, lives := probeGood, m.shell.now, in.Incarnation
	if truth == probe.Failure {
		takes = bad
	}
	if truth == probe.Unknown {
		return
	}
	m.shell.After(takes, func() {
		if in.Incarnation == lives && in.truth[role] == truth && in.said[role].Result != truth && m.instances[in.ID] == in {
			in.said[role] = probe.Change{Target: in.Target, Role: role, Result: truth, Since: since}
			m.probes = append(m.probes, in.said[role])
		}
	})
}

func result(good bool) probe.Result {
	if good {
		return probe.Success
	}
	return probe.Failure
}

// news is what happened since the last call: all there is with reset, all that
// the probes say with again.
func (m *Model) news(reset, again bool) (sut.Delta, []probe.Change) {
	m.rev++
	if m.rev == 1 {
		for _, id := range slices.Sorted(maps.Keys(m.instances)) {
			m.probe(m.instances[id])
		}
	}
	d := sut.Delta{Reset: reset, Rev: m.rev, Gone: m.gone}
	probes := m.probes
	if again {
		probes = nil
	}
	for _, id := range slices.Sorted(maps.Keys(m.instances)) {
		in := m.instances[id]
		if reset || m.changed[id] {
			d.Instances = append(d.Instances, in.Instance)
		}
		for _, role := range []probe.Role{probe.Liveness, probe.Readiness} {
			if said, ok := in.said[role]; ok && again {
				said.Since = m.shell.now // a new prober has only just looked
				probes = append(probes, said)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.volumes)) {
		if reset || m.changed[id] {
			d.Volumes = append(d.Volumes, m.volumes[id].Volume)
		}
	}
	if reset || m.resized {
		d.Workloads = slices.Clone(m.Workloads)
	}
	if reset {
		d.Gone = nil
	}
	m.changed, m.gone, m.probes, m.resized = map[sut.ID]bool{}, nil, nil, false
	return d, probes
}
