package healers

import (
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
	for _, w := range d.Workloads {
		v.touchAll(v.members[w.Name], touch)
	}
	if len(d.Budgets) > 0 {
		v.all(touch)
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
	v.instances[in.ID] = next
}

func (v *View) remove(id sut.ID, touch func(sut.ID)) {
	touch(id)
	if in := v.instances[id]; in != nil {
		for _, vol := range slices.Clone(v.storage[id]) {
			v.remove(vol, touch)
		}
		v.members[in.Workload] = without(v.members[in.Workload], id)
		delete(v.instances, id)
		delete(v.storage, id)
		delete(v.early, id)
	}
	if _, ok := v.volumes[id]; ok {
		v.storage[id.Instance()] = without(v.storage[id.Instance()], id)
		delete(v.volumes, id)
	}
	if _, ok := v.workloads[string(id)]; ok {
		delete(v.workloads, string(id))
		v.touchAll(v.members[string(id)], touch)
	}
	if _, ok := v.budgets[string(id)]; ok {
		delete(v.budgets, string(id))
		v.all(touch) // it holds for nobody any more
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

func without(ids []sut.ID, id sut.ID) []sut.ID {
	return slices.DeleteFunc(ids, func(x sut.ID) bool { return x == id })
}
