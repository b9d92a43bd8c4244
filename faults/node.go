package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// nodeRef says which node is meant before the system runs and has nodes. As a
// target it is written behind an @, which no node's name begins with:
//
//	node:@orders/1                              the node that orders/1 runs on
//	node:@zone=a/0                              one of the zone's nodes, the first that is drawn
//	node:@workload=orders,spare=gateway+store/0 one that runs orders and neither of the others
//
// The Injector finds the node when it is time to inject, and its events carry the
// node's own ID.
type nodeRef struct {
	instance       sut.ID // else the n-th node that is drawn from those that match
	workload, zone string
	spare          []string
	n              int
}

func (r nodeRef) id() sut.ID {
	if r.instance != "" {
		return sut.NodeID("@" + string(r.instance))
	}
	return sut.NodeID("@" + r.query() + "/" + strconv.Itoa(r.n))
}

func (r nodeRef) query() string {
	var parts []string
	for _, p := range []struct{ key, value string }{
		{"workload", r.workload}, {"zone", r.zone}, {"spare", strings.Join(r.spare, "+")},
	} {
		if p.value != "" {
			parts = append(parts, p.key+"="+p.value)
		}
	}
	return strings.Join(parts, ",")
}

// parseNodeRef reads what id writes; ok is false for every other target.
func parseNodeRef(id sut.ID) (r nodeRef, ok bool) {
	text, ok := strings.CutPrefix(string(id), string(sut.NodeID("@")))
	if !ok {
		return nodeRef{}, false
	}
	if !strings.Contains(text, "=") {
		return nodeRef{instance: sut.ID(text)}, true
	}
	query, n, _ := strings.Cut(text, "/")
	for part := range strings.SplitSeq(query, ",") {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "workload":
			r.workload = value
		case "zone":
			r.zone = value
		case "spare":
			r.spare = strings.Split(value, "+")
		}
	}
	var err error
	r.n, err = strconv.Atoi(n)
	return r, err == nil
}

// nodes plans a fault of nodes. How many there are is not known before the system
// runs, so that it is one unless Count says otherwise.
func (p *planner) nodes(i int, s Spec) []sut.ID {
	t := s.Target
	if t.Node != "" {
		return []sut.ID{sut.NodeID(t.Node)}
	}
	if len(t.Instances) == 0 && (t.Workload == "" || len(t.Spare) > 0) {
		return p.drawn(i, t)
	}
	var out []sut.ID
	for _, id := range p.bounded(i, s) {
		out = append(out, nodeRef{instance: id}.id())
	}
	return out
}

// drawn are nodes that are drawn when the system runs.
func (p *planner) drawn(i int, t Selector) []sut.ID {
	for _, w := range append([]string{t.Workload}, t.Spare...) {
		if w != "" && !p.hasWorkload(w) {
			field := "target.workload"
			if w != t.Workload {
				field = "target.spare"
			}
			p.refuse(i, field, "%w: the system has no workload %q", ErrNoTarget, w)
			return nil
		}
	}
	r := nodeRef{workload: t.Workload, zone: t.Zone, spare: slices.Compact(slices.Sorted(slices.Values(t.Spare)))}
	var out []sut.ID
	for r.n = range max(t.Count, 1) {
		out = append(out, r.id())
	}
	return out
}

// formOfNode checks what can be said of the selector of a fault of nodes.
func (p *planner) formOfNode(i int, def Definition, t Selector) {
	rest := t
	rest.Node = ""
	switch {
	case t.Node != "" && !rest.empty():
		p.refuse(i, "target.node", "a node that is named is hit outright: give nothing beside it")
	case t.Node != "" && strings.ContainsAny(t.Node, "@:/>"):
		p.refuse(i, "target.node", "%q is no name of a node", t.Node)
	case t.Node == "" && t.Workload == "" && len(t.Instances) == 0 && t.Zone == "":
		p.refuse(i, "target.workload", "%s breaks nodes: name a workload that runs on them, a zone, or a node", def.Name)
	case t.Percent != 0:
		p.refuse(i, "target.percent", "how many nodes there are is not known before: give a count")
	case len(t.Spare) > 0 && len(t.Instances) > 0:
		p.refuse(i, "target.spare", "instances that are named decide on the node: give workload and spare, or instances")
	case slices.Contains(t.Spare, t.Workload) && t.Workload != "":
		p.refuse(i, "target.spare", "%s is what the node must run, and must not", t.Workload)
	}
}

func (t Selector) empty() bool {
	return t.Workload == "" && len(t.Instances) == 0 && t.Zone == "" && t.Count == 0 && t.Percent == 0 &&
		t.To == "" && t.Volume == "" && t.Node == "" && len(t.Spare) == 0
}

// locate finds what an item is aimed at now. Its error wraps ErrNoTarget and may
// pass with time.
func locate(s sut.System, v *view, it Item, def Definition, runSeed uint64) (sut.ID, error) {
	r, ok := parseNodeRef(it.Target)
	if !ok {
		return it.Target, nil
	}
	if r.instance != "" {
		in, ok := v.instance(r.instance)
		switch {
		case !ok:
			return "", fmt.Errorf("%w: %s is not there", ErrNoTarget, r.instance)
		case in.Node == "":
			return "", fmt.Errorf("%w: %s is on no node that the system tells of", ErrNoTarget, r.instance)
		}
		return sut.NodeID(in.Node), nil
	}
	// What the platform does not offer, as to stop the node of its control plane, is never drawn.
	nodes := slices.DeleteFunc(v.matching(r), func(id sut.ID) bool {
		_, err := s.Offer(def.Needs, sut.Target{ID: id})
		return err != nil
	})
	if r.n >= len(nodes) {
		return "", fmt.Errorf("%w: %d nodes match %s and can be hit, number %d is asked for", ErrNoTarget, len(nodes), r.query(), r.n+1)
	}
	order := seed.Stream(runSeed, "faults", "node", r.query()).Perm(len(nodes))
	return nodes[order[r.n]], nil
}

// matching are the nodes that a reference describes, sorted.
func (v *view) matching(r nodeRef) []sut.ID {
	v.mu.Lock()
	defer v.mu.Unlock()
	runs := map[string]map[string]bool{} // by node, the workloads
	for _, in := range v.instances {
		if runs[in.Node] == nil {
			runs[in.Node] = map[string]bool{}
		}
		runs[in.Node][in.Workload] = true
	}
	var out []sut.ID
	for id, n := range v.nodes {
		on := runs[id.Part()]
		spared := slices.ContainsFunc(r.spare, func(w string) bool { return on[w] })
		if !spared && (r.zone == "" || n.Zone == r.zone) && (r.workload == "" || on[r.workload]) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Lacking asks a system for every verb that a schedule needs, before anything is
// broken. What it lacks is a *[sut.Missing].
func Lacking(ctx context.Context, s sut.System, plan Schedule) error {
	seen := errors.New("seen")
	v := newView()
	if err := s.Watch(ctx, func(d sut.Delta) error { return errors.Join(v.apply(d), seen) }); !errors.Is(err, seen) {
		return fmt.Errorf("look for what the faults need: %w", err)
	}
	for _, it := range plan.Items {
		def, ok := Lookup(it.Fault)
		if !ok || def.Needs == "" {
			continue
		}
		// A node that cannot be found yet is asked for as it was planned: where there
		// are no nodes at all, the answer is why.
		id, err := locate(s, v, it, def, plan.Seed)
		if err != nil {
			id = it.Target
		}
		if _, err := s.Offer(def.Needs, sut.Target{ID: id}); err != nil {
			return err
		}
	}
	return nil
}
