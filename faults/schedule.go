package faults

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Spec is a fault as it is asked for.
type Spec struct {
	Fault string        `json:"fault"`
	At    time.Duration `json:"at"` // after the schedule starts
	// For is how long it is held once it is confirmed; 0: as long as the run observes.
	For    time.Duration   `json:"for,omitempty"`
	Target Selector        `json:"target"`
	Args   json.RawMessage `json:"args,omitempty"`
	// MaxPercent is the largest share of the matching instances that may be hit,
	// rounded down but at least one. 0 means 50; 100 allows all.
	MaxPercent int `json:"maxPercent,omitempty"`
}

// Schedule is what will be injected, and when: pure data, equal for equal specs,
// seed and snapshot.
type Schedule struct {
	Seed  uint64 `json:"seed"`
	Items []Item `json:"items"`
}

// ConfirmWithin is how long the slowest evidence of the schedule may take, and
// RevertWithin how long the slowest undoing; least is what any fault is given.
func (s Schedule) ConfirmWithin(least time.Duration) time.Duration {
	for _, it := range s.Items {
		def, _ := Lookup(it.Fault)
		least = max(least, def.ConfirmWithin)
	}
	return least
}

// RevertWithin is as ConfirmWithin.
func (s Schedule) RevertWithin(least time.Duration) time.Duration {
	for _, it := range s.Items {
		def, _ := Lookup(it.Fault)
		least = max(least, def.RevertWithin)
	}
	return least
}

// Item is one fault on one target.
type Item struct {
	ID    string `json:"id"` // "1", "2": by At, then by spec, then by target
	Fault string `json:"fault"`
	// Target of a fault of a node may be a reference, node:@orders/1, since no node
	// is known before the system runs; the fault's events carry the node's own ID.
	Target sut.ID          `json:"target"`
	At     time.Duration   `json:"at"`
	For    time.Duration   `json:"for,omitempty"`
	Args   json.RawMessage `json:"args,omitempty"`
}

// What Plan refuses besides mistakes of form.
var (
	ErrNoTarget = errors.New("no target")         // nothing matches
	ErrTooWide  = errors.New("scope is too wide") // more than MaxPercent would be hit
)

// SpecError is one problem of one spec.
type SpecError struct {
	Spec  int    // index
	Field string // "target.workload", relative to the spec
	Err   error
}

func (e *SpecError) Error() string {
	return "faults[" + strconv.Itoa(e.Spec) + "]." + e.Field + ": " + e.Err.Error()
}

func (e *SpecError) Unwrap() error { return e.Err }

// Plan expands specs into a Schedule. It is pure: snapshot is what the system
// consists of, and every choice comes from the seed and the spec's index, so that
// a spec that is added at the end reshuffles no other. The error joins every
// problem of every spec, each a [*SpecError]; some wrap [ErrNoTarget] or [ErrTooWide].
func Plan(specs []Spec, s uint64, snapshot sut.Delta) (Schedule, error) {
	p := planner{seed: s, snapshot: snapshot}
	for i, spec := range specs {
		p.spec(i, spec)
	}
	if err := errors.Join(p.problems...); err != nil {
		return Schedule{}, err
	}
	slices.SortStableFunc(p.items, func(a, b Item) int { return cmp.Compare(a.At, b.At) })
	for i := range p.items {
		p.items[i].ID = strconv.Itoa(i + 1)
	}
	return Schedule{Seed: s, Items: p.items}, nil
}

type planner struct {
	seed     uint64
	snapshot sut.Delta
	items    []Item
	problems []error
}

func (p *planner) refuse(i int, field, format string, args ...any) {
	p.problems = append(p.problems, &SpecError{Spec: i, Field: field, Err: fmt.Errorf(format, args...)})
}

func (p *planner) spec(i int, s Spec) {
	before := len(p.problems)
	def, ok := Lookup(s.Fault)
	if !ok {
		p.refuse(i, "fault", "no fault is named %q; see rebound list faults", s.Fault)
	} else if _, err := def.New(s.Args); err != nil {
		p.refuse(i, "args", "%w", err)
	}
	if s.At < 0 {
		p.refuse(i, "at", "%s is before the start", s.At)
	}
	if s.For < 0 {
		p.refuse(i, "for", "%s is negative", s.For)
	}
	if s.MaxPercent < 0 || s.MaxPercent > 100 {
		p.refuse(i, "maxPercent", "%d is not between 1 and 100 (0 means 50)", s.MaxPercent)
	}
	p.form(i, def, s.Target)
	if len(p.problems) > before {
		return
	}
	var targets []sut.ID
	if def.Of == sut.KindNode {
		targets = p.nodes(i, s)
	} else if ofWhole(def) {
		targets = p.whole(i, def.Of, s.Target.Workload)
	} else if hit := p.bounded(i, s); len(hit) > 0 {
		targets = p.targets(i, def, s.Target, hit)
	}
	for _, id := range targets {
		p.items = append(p.items, Item{Fault: s.Fault, Target: id, At: s.At, For: s.For, Args: s.Args})
	}
}

// bounded are the instances that are hit, none when that is refused.
func (p *planner) bounded(i int, s Spec) []sut.ID {
	matching, hit := p.choose(i, s)
	limit := max(len(matching)*cmp.Or(s.MaxPercent, 50)/100, 1)
	if len(hit) > limit {
		p.refuse(i, "target", "%w: %d of %d matching instances, at most %d %% (%d) may be hit; maxPercent: 100 allows all",
			ErrTooWide, len(hit), len(matching), cmp.Or(s.MaxPercent, 50), limit)
		return nil
	}
	return hit
}

// ofWhole tells whether a fault is of a whole workload, or of all of its traffic.
func ofWhole(def Definition) bool { return def.Of == sut.KindWorkload || def.Of == sut.KindTraffic }

func (p *planner) formOfWhole(i int, def Definition, t Selector) {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"count", t.Count > 0}, {"percent", t.Percent > 0}, {"instances", len(t.Instances) > 0}, {"zone", t.Zone != ""},
	} {
		if f.given {
			p.refuse(i, "target."+f.name, "%s is of the whole %s: name the workload alone", def.Name, def.Of)
		}
	}
}

// form checks what can be said of a selector without a system.
func (p *planner) form(i int, def Definition, t Selector) {
	if def.Of == sut.KindNode {
		p.formOfNode(i, def, t)
	} else if t.Workload == "" && len(t.Instances) == 0 {
		p.refuse(i, "target.workload", "name a workload, or instances")
	}
	if ofWhole(def) {
		p.formOfWhole(i, def, t)
	}
	if t.Count < 0 {
		p.refuse(i, "target.count", "%d is negative", t.Count)
	}
	if t.Percent < 0 || t.Percent > 1 {
		p.refuse(i, "target.percent", "%g%% is not between 0%% and 100%%", float64(t.Percent)*100)
	}
	if t.Count != 0 && t.Percent != 0 {
		p.refuse(i, "target.percent", "give count or percent, not both")
	}
	if len(t.Instances) > 0 && (t.Count != 0 || t.Percent != 0) {
		p.refuse(i, "target.instances", "instances are all hit: give no count and no percent")
	}
	if def.Name == "" {
		return // unknown fault: said already
	}
	if def.Of == sut.KindLink && t.To == "" {
		p.refuse(i, "target.to", "%s breaks links: name the workload at the other end", def.Name)
	}
	if def.Of != sut.KindLink && t.To != "" {
		p.refuse(i, "target.to", "%s does not break links", def.Name)
	}
	if def.Of != sut.KindVolume && t.Volume != "" {
		p.refuse(i, "target.volume", "%s does not break volumes", def.Name)
	}
	if def.Of != sut.KindNode && t.Node != "" {
		p.refuse(i, "target.node", "%s does not break nodes", def.Name)
	}
	if def.Of != sut.KindNode && len(t.Spare) > 0 {
		p.refuse(i, "target.spare", "%s does not break nodes", def.Name)
	}
}
