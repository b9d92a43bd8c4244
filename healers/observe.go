package healers

import (
	"maps"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// apply takes a delta in and calls touch with what may have changed.
func (v *View) apply(d *sut.Delta, touch func(sut.ID)) {
	if !d.Reset && d.Rev == 0 && d.Lost == "" && len(d.Instances)+len(d.Nodes)+len(d.Workloads)+len(d.Volumes)+len(d.Budgets)+len(d.Gone) == 0 {
		return // no news, not the news that there is nothing
	}
	if v.lost != d.Lost {
		v.lost = d.Lost
		v.all(touch)
	}
	old := v.instances
	if d.Reset {
		v.all(touch)
		v.seen = true
		v.clear()
	}
	for _, w := range d.Workloads {
		v.workloads[w.Name] = w
	}
	for _, b := range d.Budgets {
		v.budgets[b.Name] = b
	}
	v.budgeted(d, touch)
	for i := range d.Instances {
		if d.Instances[i].ID.Kind() != sut.KindInstance {
			continue // whatever it is, it could not be looked at
		}
		v.put(&d.Instances[i], old[d.Instances[i].ID])
		touch(d.Instances[i].ID)
	}
	for _, vol := range d.Volumes {
		if vol.ID.Kind() != sut.KindVolume {
			continue
		}
		if _, ok := v.volumes[vol.ID]; !ok {
			v.storage[vol.ID.Instance()] = insert(v.storage[vol.ID.Instance()], vol.ID)
		}
		v.volumes[vol.ID] = vol
		touch(vol.ID)
	}
	for _, id := range d.Gone {
		v.remove(id, touch)
	}
	if d.Reset || len(d.Gone) > 0 {
		maps.DeleteFunc(v.samples, func(k sampleKey, _ Sample) bool {
			return k.target.Kind() == sut.KindInstance && v.instances[k.target] == nil
		})
	}
	for _, w := range d.Workloads {
		v.touchAll(v.members[w.Name], touch)
	}
}

// budgeted touches the instances that the budgets of a delta hold for. Those that it
// tells of itself are touched anyway.
func (v *View) budgeted(d *sut.Delta, touch func(sut.ID)) {
	var names []string
	for _, b := range d.Budgets {
		names = append(names, b.Name)
	}
	for _, id := range d.Gone {
		if id.Kind() == sut.KindBudget {
			names = append(names, id.Part())
		}
	}
	if len(names) == 0 {
		return
	}
	for id, in := range v.instances { // into a set: the order does not matter
		if slices.ContainsFunc(in.Budgets, func(b string) bool { return slices.Contains(names, b) }) {
			touch(id)
		}
	}
}

func (v *View) put(in *sut.Instance, old *Instance) {
	next := &Instance{Instance: *in}
	switch {
	case old != nil && old.Incarnation == in.Incarnation:
		next.Liveness, next.Readiness = old.Liveness, old.Readiness
	case v.early[in.ID].incarnation == in.Incarnation:
		next.Liveness, next.Readiness = v.early[in.ID].liveness, v.early[in.ID].readiness
		delete(v.early, in.ID)
	}
	if was := v.instances[in.ID]; was == nil || was.Workload != in.Workload {
		if was != nil {
			v.members[was.Workload] = without(v.members[was.Workload], in.ID)
		}
		v.members[in.Workload] = insert(v.members[in.Workload], in.ID)
	}
	if was := v.instances[in.ID]; was == nil || was.Node != in.Node || was.Zone != in.Zone {
		v.displace(was)
		for _, at := range places(in) {
			v.placed[at] = insert(v.placed[at], in.ID)
		}
	}
	v.instances[in.ID] = next
}

// displace forgets where an instance was; nil: it was nowhere.
func (v *View) displace(in *Instance) {
	if in == nil {
		return
	}
	for _, at := range places(&in.Instance) {
		if v.placed[at] = without(v.placed[at], in.ID); len(v.placed[at]) == 0 {
			delete(v.placed, at)
		}
	}
}

// places are the node and the zone of an instance, as far as they are known.
func places(in *sut.Instance) []sut.ID {
	var at []sut.ID
	if in.Node != "" {
		at = append(at, sut.NodeID(in.Node))
	}
	if in.Zone != "" {
		at = append(at, sut.ZoneID(in.Zone))
	}
	return at
}

func (v *View) remove(id sut.ID, touch func(sut.ID)) {
	touch(id)
	if in := v.instances[id]; in != nil {
		for _, vol := range slices.Clone(v.storage[id]) {
			v.remove(vol, touch)
		}
		v.members[in.Workload] = without(v.members[in.Workload], id)
		v.displace(in)
		delete(v.instances, id)
		delete(v.storage, id)
		delete(v.early, id)
	}
	if _, ok := v.volumes[id]; ok {
		v.storage[id.Instance()] = without(v.storage[id.Instance()], id)
		delete(v.volumes, id)
	}
	if id.Kind() == sut.KindBudget {
		delete(v.budgets, id.Part())
	}
	if _, ok := v.workloads[string(id)]; ok {
		v.touchAll(v.members[string(id)], touch)
		delete(v.workloads, string(id))
	}
}

// probe takes one transition in. That of an incarnation that is over is dropped;
// the prober may know one before the system tells of it.
func (v *View) probe(c *probe.Change, touch func(sut.ID)) {
	p := Probe{Result: c.Result, Since: min(c.Since, v.now), Detail: strings.ToValidUTF8(c.Detail, "?")} // it goes on record
	in := v.instances[c.Target.ID]
	if in == nil || in.Incarnation != c.Target.Incarnation {
		e := v.early[c.Target.ID]
		if e.incarnation != c.Target.Incarnation {
			e = probes{incarnation: c.Target.Incarnation}
		}
		set(c.Role, p, &e.liveness, &e.readiness)
		v.early[c.Target.ID] = e
		return
	}
	set(c.Role, p, &in.Liveness, &in.Readiness)
	touch(in.ID)
}

// set files a probe's answer. The startup probe gates the others, which is the
// prober's part; one that fails means what a failed liveness probe does.
func set(role probe.Role, p Probe, liveness, readiness *Probe) {
	switch role {
	case probe.Liveness:
		*liveness = p
	case probe.Readiness:
		*readiness = p
	case probe.Startup:
		if p.Result == probe.Failure {
			p.Startup = true
			*liveness = p
		}
	}
}

func (v *View) all(touch func(sut.ID)) {
	for id := range v.instances { // into a set: the order does not matter
		touch(id)
	}
	for id := range v.volumes {
		touch(id)
	}
}

func (v *View) touchAll(ids []sut.ID, touch func(sut.ID)) {
	for _, id := range ids {
		touch(id)
	}
}

func insert(ids []sut.ID, id sut.ID) []sut.ID {
	i, found := slices.BinarySearch(ids, id)
	if found {
		return ids
	}
	return slices.Insert(ids, i, id)
}

// without takes an ID out of a sorted list.
func without(ids []sut.ID, id sut.ID) []sut.ID {
	i, found := slices.BinarySearch(ids, id)
	if !found {
		return ids
	}
	return slices.Delete(ids, i, i+1)
}
