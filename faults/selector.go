package faults

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Selector picks the targets of a fault. Which of the matching instances are hit
// is drawn from the seed. A fault of nodes hits the nodes that they run on when it
// is injected. A fault of a workload, or of its traffic, names that and nothing else.
type Selector struct {
	Workload string `json:"workload,omitempty"`
	// Instances names the targets outright: orders/1. Nothing is drawn then.
	Instances []sut.ID `json:"instances,omitempty"`
	// Zone keeps the instances of one zone. Alone it is enough for a fault of nodes:
	// then Count nodes of the zone are drawn.
	Zone string `json:"zone,omitempty"`
	// Count is how many instances are hit; 0 without Percent: one.
	Count int `json:"count,omitempty"`
	// Percent of the matching instances, rounded down but at least one.
	Percent manifest.Percent `json:"percent,omitempty"`
	// To is the workload at the other end, of a fault of links: the links of each
	// instance that is hit to every instance of To.
	To string `json:"to,omitempty"`
	// Volume is the volume's name, of a fault of volumes. Empty: the only one.
	Volume string `json:"volume,omitempty"`
	// Node names the node, of a fault of nodes. Nothing is drawn then.
	Node string `json:"node,omitempty"`
	// Spare lists workloads, of a fault of nodes: a node that runs an instance of
	// one of them is not hit.
	Spare []string `json:"spare,omitempty"`
}

// choose returns the IDs of the instances that match and of those that are hit,
// both sorted.
func (p *planner) choose(i int, s Spec) (matching, hit []sut.ID) {
	t := s.Target
	if t.Workload != "" && !p.hasWorkload(t.Workload) {
		p.refuse(i, "target.workload", "%w: the system has no workload %q", ErrNoTarget, t.Workload)
		return nil, nil
	}
	before := len(p.problems)
	named := map[string]bool{t.Workload: true}
	for n, id := range t.Instances {
		in, ok := p.instance(id)
		switch {
		case !ok:
			p.refuse(i, fmt.Sprintf("target.instances[%d]", n), "%w: the system has no instance %q", ErrNoTarget, id)
		case t.Workload != "" && in.Workload != t.Workload:
			p.refuse(i, fmt.Sprintf("target.instances[%d]", n), "%s is no instance of %s", id, t.Workload)
		case t.Zone != "" && in.Zone != t.Zone:
			p.refuse(i, fmt.Sprintf("target.instances[%d]", n), "%s is not in zone %s", id, t.Zone)
		}
		named[in.Workload] = true
	}
	if len(p.problems) > before {
		return nil, nil
	}
	for _, in := range p.snapshot.Instances {
		if named[in.Workload] && in.Workload != "" && (t.Zone == "" || in.Zone == t.Zone) {
			matching = append(matching, in.ID)
		}
	}
	slices.Sort(matching)
	if len(matching) == 0 {
		p.refuse(i, "target", "%w: no instance of %s is in zone %q", ErrNoTarget, t.Workload, t.Zone)
		return nil, nil
	}
	if len(t.Instances) > 0 {
		hit = slices.Compact(slices.Sorted(slices.Values(t.Instances)))
		return matching, hit
	}
	want := cmp.Or(t.Count, 1)
	if t.Percent > 0 {
		// The small addend keeps 29 % of 100 at 29, which binary fractions put below.
		want = max(int(float64(len(matching))*float64(t.Percent)+1e-9), 1)
	}
	if want > len(matching) {
		p.refuse(i, "target.count", "%w: %d asked for, %d match", ErrNoTarget, want, len(matching))
		return nil, nil
	}
	r := seed.Stream(p.seed, "faults", strconv.Itoa(i))
	for _, n := range r.Perm(len(matching))[:want] {
		hit = append(hit, matching[n])
	}
	slices.Sort(hit)
	return matching, hit
}

// targets are what of the chosen instances is broken, sorted.
func (p *planner) targets(i int, def Definition, t Selector, hit []sut.ID) []sut.ID {
	var out []sut.ID
	switch def.Of {
	case sut.KindInstance:
		out = hit
	case sut.KindLink:
		for _, from := range hit {
			for _, in := range p.snapshot.Instances {
				if in.Workload == t.To && in.ID != from {
					out = append(out, sut.LinkID(from, in.ID))
				}
			}
		}
		if len(out) == 0 {
			p.refuse(i, "target.to", "%w: the system has no instance of %q to be linked to", ErrNoTarget, t.To)
		}
	case sut.KindVolume:
		for _, in := range hit {
			id, err := p.volume(in, t.Volume)
			if err != nil {
				p.refuse(i, "target.volume", "%w", err)
				return nil
			}
			out = append(out, id)
		}
	case sut.KindWorkload, sut.KindTraffic, sut.KindNode, sut.KindZone, sut.KindBudget:
		p.refuse(i, "fault", "%s breaks a %s, which no selector picks", def.Name, def.Of)
	}
	slices.Sort(out)
	return out
}

// whole is the one target of a fault of a workload or of its traffic.
func (p *planner) whole(i int, of sut.Kind, name string) []sut.ID {
	switch {
	case !p.hasWorkload(name):
		p.refuse(i, "target.workload", "%w: the system has no workload %q", ErrNoTarget, name)
		return nil
	case of == sut.KindTraffic:
		return []sut.ID{sut.TrafficID(name)}
	default:
		return []sut.ID{sut.ID(name)}
	}
}

func (p *planner) volume(in sut.ID, name string) (sut.ID, error) {
	var has []sut.ID
	for _, v := range p.snapshot.Volumes {
		if v.ID.Instance() == in && (name == "" || v.ID.Part() == name) {
			has = append(has, v.ID)
		}
	}
	switch {
	case len(has) == 1:
		return has[0], nil
	case len(has) > 1:
		return "", fmt.Errorf("%s has %d volumes: name one", in, len(has))
	case name == "":
		return "", fmt.Errorf("%w: %s has no volume", ErrNoTarget, in)
	default:
		return "", fmt.Errorf("%w: %s has no volume %q", ErrNoTarget, in, name)
	}
}

func (p *planner) hasWorkload(name string) bool {
	return slices.ContainsFunc(p.snapshot.Workloads, func(w sut.Workload) bool { return w.Name == name }) ||
		slices.ContainsFunc(p.snapshot.Instances, func(in sut.Instance) bool { return in.Workload == name })
}

func (p *planner) instance(id sut.ID) (sut.Instance, bool) {
	for _, in := range p.snapshot.Instances {
		if in.ID == id {
			return in, true
		}
	}
	return sut.Instance{}, false
}
