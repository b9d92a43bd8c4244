package healers_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// witness knows what every bystander does: what the system and people said, and what
// is on record. By that alone it holds the engine to its promises.
type witness struct {
	policy    *policy.Policy
	named     string // the policy that the engine has on record
	instances map[sut.ID]sut.Instance
	volumes   map[sut.ID]struct{}
	workloads map[string]sut.Workload
	lost      string
	seen      bool // there was a full list

	killed, paused bool
	woke           bool // the engine is new, and what it finds open it may do again
	seq            uint64
	open           map[healers.ActID]healers.Act // of which nobody knows how they ended
	runbooks       map[healers.WorkID]string     // of the works of runbooks
	last           healers.ActID
}

func newWitness() *witness {
	w := &witness{open: map[healers.ActID]healers.Act{}, runbooks: map[healers.WorkID]string{}}
	w.reborn()
	return w
}

// reborn: another engine goes on, and has seen nothing yet.
func (w *witness) reborn() {
	w.forget()
	w.policy, w.lost, w.seen, w.woke = nil, "", false, true
}

func (w *witness) forget() {
	w.instances, w.volumes, w.workloads = map[sut.ID]sut.Instance{}, map[sut.ID]struct{}{}, map[string]sut.Workload{}
}

// hear takes in what the engine was told.
func (w *witness) hear(in *healers.Input) {
	if p := in.Policy; p != nil {
		named := p.Name + " " + p.Digest
		if in.Trial {
			named += " (on trial)"
		}
		w.killed = w.killed || named != w.named && !in.Trial
		w.policy, w.named = p, named
	}
	for _, c := range in.Commands {
		switch c.Verb {
		case healers.CommandKill:
			w.killed = true
		case healers.CommandPause:
			w.paused = true
		case healers.CommandResume:
			w.paused = w.paused && w.killed // refused
		case healers.CommandRevive:
			w.killed, w.paused = false, false
		}
	}
	d := &in.System
	if d.Rev == 0 {
		return // there were no news
	}
	w.lost = d.Lost
	if d.Reset {
		w.forget()
		w.seen = true
	}
	for _, x := range d.Workloads {
		w.workloads[x.Name] = x
	}
	for _, x := range d.Instances {
		if x.ID.Kind() == sut.KindInstance {
			w.instances[x.ID] = x
		}
	}
	for _, v := range d.Volumes {
		if v.ID.Kind() == sut.KindVolume {
			w.volumes[v.ID] = struct{}{}
		}
	}
	for _, id := range d.Gone {
		if _, ok := w.instances[id]; ok {
			delete(w.instances, id)
			maps.DeleteFunc(w.volumes, func(v sut.ID, _ struct{}) bool { return v.Instance() == id })
		}
		delete(w.volumes, id)
		delete(w.workloads, string(id))
	}
}

// check holds what the engine has just said against what it was told.
func (w *witness) check(o *healers.Output, e *healers.Engine) error {
	now, before := e.View().Now(), maps.Clone(w.open)
	if len(o.Records) > 250 {
		return fmt.Errorf("%d records in one step", len(o.Records))
	}
	asked := map[healers.ActID]bool{}
	for _, r := range o.Records {
		if w.seq++; r.Seq != w.seq || r.At != now {
			return fmt.Errorf("record %d of %v comes as number %d at %v", r.Seq, r.At, w.seq, now)
		}
		if err := w.record(&r); err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
		if r.Act != nil {
			asked[r.Act.ID] = true
		}
	}
	for i, a := range o.Acts {
		if !o.Grant(i).Allows(a) || (healers.Grant{}).Allows(a) {
			return fmt.Errorf("the grant of %s is wrong", a.Verb)
		}
		_, again := before[a.ID]
		again = again && w.woke
		if asked[a.ID] == again {
			return fmt.Errorf("act %d has no record, or was not to be done again", a.ID)
		}
		if err := w.allowed(&a, again); err != nil {
			return fmt.Errorf("%s %s: %w", a.Verb, a.Target, err)
		}
		delete(asked, a.ID)
	}
	if len(asked) > 0 {
		return fmt.Errorf("acts %v are on record and were not done", slices.Collect(maps.Keys(asked)))
	}
	w.woke = w.woke && (w.policy == nil || !w.seen)
	return w.kept(o, e)
}

// record takes in a record.
func (w *witness) record(r *healers.Record) error {
	if healers.Text(*r) == "" {
		return fmt.Errorf("no text for %+v", *r)
	}
	switch {
	case r.Decision != nil:
		return explains(r)
	case r.Change != nil && r.Change.Plan != nil && r.Change.Plan.Finding == healers.FindingVolumeFull:
		w.runbooks[r.Work] = r.Change.Plan.Runbook
	case r.Act != nil:
		a := *r.Act
		if a.ID <= w.last {
			return fmt.Errorf("there was an act %d", a.ID)
		}
		for _, other := range w.open {
			if !tells(a.Verb) && other.Verb == a.Verb && other.Target.ID == a.Target.ID {
				return fmt.Errorf("%s %s: act %d, the same, is open", a.Verb, a.Target, other.ID)
			}
		}
		w.last, w.open[a.ID] = a.ID, a
	case r.Done != nil:
		a, ok := w.open[r.Done.ID]
		if !ok {
			return fmt.Errorf("act %d has ended, or never was", r.Done.ID)
		}
		if r.Done.Result != healers.ResultUnknown || tells(a.Verb) || a.Target.ID.Kind() != sut.KindInstance {
			delete(w.open, a.ID)
		}
	case r.Kind == healers.RecordState:
		var note struct{ Settled *healers.Done }
		if json.Unmarshal(r.State, &note) == nil && note.Settled != nil {
			delete(w.open, note.Settled.ID)
		}
	}
	return nil
}

// allowed tells why an act should not be. again: it was granted before the engine died.
func (w *witness) allowed(a *healers.Act, again bool) error {
	switch {
	case w.policy == nil || !w.seen:
		return errors.New("by nothing, or on nothing")
	case w.killed:
		return errors.New("the engine is stopped")
	case tells(a.Verb):
		return nil
	case w.paused:
		return errors.New("the engine is paused")
	case w.lost != "":
		return errors.New("nobody sees the system")
	}
	in, ok := w.instances[a.Target.ID.Instance()]
	known := in.Incarnation == a.Target.Incarnation
	if a.Target.ID.Kind() == sut.KindVolume {
		_, there := w.volumes[a.Target.ID]
		known = known && there || again // the platform refuses it
	}
	if !ok || !known {
		return errors.New("it is not there")
	}
	return w.covered(a, in)
}

// covered tells why an act on what is there is none of the policy's.
func (w *witness) covered(a *healers.Act, in sut.Instance) error {
	label := func(name string) string {
		if own, ok := in.Labels[name]; ok {
			return own
		}
		return w.workloads[in.Workload].Labels[name]
	}
	matches := func(s policy.Selector) bool {
		for name, want := range s {
			if name == "workload" && want != in.Workload || name != "workload" && want != label(name) {
				return false
			}
		}
		return len(s) > 0
	}
	if slices.ContainsFunc(w.policy.Guard.Never, matches) {
		return errors.New("the policy forbids it")
	}
	if slices.Contains(w.policy.Guard.Approval, string(a.Verb)) {
		return errors.New("nobody has approved of it")
	}
	var selectors []policy.Selector
	for _, x := range w.policy.Workloads {
		selectors = append(selectors, x.Selector)
	}
	if name, ok := w.runbooks[a.Work]; ok {
		i := slices.IndexFunc(w.policy.Runbooks, func(rb policy.Runbook) bool { return rb.Name == name })
		if i < 0 {
			return errors.New("the policy has no such runbook")
		}
		if scope := w.policy.Runbooks[i].Scope; len(scope) > 0 {
			selectors = scope
		}
	}
	i := slices.IndexFunc(selectors, matches)
	if i < 0 {
		return errors.New("it is out of scope")
	}
	env := label("env")
	if cmp.Or(in.Role, w.workloads[in.Workload].Role) == "database" &&
		(env == "" || strings.HasPrefix(env, "prod") || selectors[i]["workload"] != in.Workload) {
		return errors.New("it is a database")
	}
	return nil
}
