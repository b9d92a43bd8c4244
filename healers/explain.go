package healers

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Explain folds records, in order and from the first one, into what they say of a
// target. It knows no rule: what the guard answered is in its decisions.
func Explain(target sut.ID, records iter.Seq[Record]) Explanation {
	x := explainer{
		target: target, state: newState(), works: map[WorkID]*Progress{}, acts: map[ActID]*Deed{}, others: map[sut.ID]struct{}{},
		held: map[question]*Answer{}, awaited: map[question]*Answer{},
	}
	for r := range records {
		x.take(&r)
	}
	return x.explanation()
}

// explainer is the fold. What is open it has from the engine's own.
type explainer struct {
	target   sut.ID
	state    *state
	over     []Condition
	works    map[WorkID]*Progress // open, about the target
	ended    []Progress
	acts     map[ActID]*Deed
	done     []*Deed
	messages []*Deed
	held     map[question]*Answer
	awaited  map[question]*Answer
	orders   []Order
	sizes    []Sizing
	others   map[sut.ID]struct{}
	omitted  int
}

// question is what makes two answers of the guard the same one.
type question struct {
	verb   Verb
	target sut.ID
	rule   Rule
	effect Effect
}

func (x *explainer) take(r *Record) {
	if r.Seq <= x.state.Seq {
		return // the fold passes over it too
	}
	if f := r.Finding; r.Kind == RecordFinding && f != nil && f.Ended && x.about(f.Target.ID) {
		if open, ok := x.state.Findings[keyOf(f.Kind, f.Target.ID, f.Runbook)]; ok {
			x.over = newest(x, x.over, Condition{Seq: r.Seq, Finding: open.Finding, Until: r.At})
		}
	}
	x.state.fold(r)
	switch {
	case r.Kind == RecordFinding && r.Finding != nil:
		x.about(r.Finding.Target.ID)
	case r.Kind == RecordDecision && r.Decision != nil:
		x.decision(r, r.Decision)
	case r.Kind == RecordWork && r.Change != nil:
		x.change(r, r.Change)
	case r.Kind == RecordIntent && r.Act != nil:
		x.intent(r, r.Act)
	case r.Kind == RecordOutcome && r.Done != nil:
		x.outcome(r.At, r.Done)
	case r.Kind == RecordState:
		var note stateNote
		if json.Unmarshal(r.State, &note) == nil && note.Settled != nil {
			x.outcome(r.At, note.Settled)
		}
	case r.Kind == RecordScale && r.Scale != nil:
		x.size(r, r.Scale)
	case r.Kind == RecordCommand && r.Command != nil:
		x.orders = newest(x, x.orders, Order{Seq: r.Seq, At: r.At, Command: *r.Command, Refused: r.Text})
	}
}

// about tells whether what is on record of id is about the target, and remembers
// id where it is not.
func (x *explainer) about(id sut.ID) bool {
	about := concerns(x.target, id)
	if !about && id != "" {
		x.others[id] = struct{}{}
	}
	return about
}

// concerns tells whether what is on record of id is asked for with target. Of an
// instance that is also what is about its volumes and links, and about its workload
// as a whole.
func concerns(target, id sut.ID) bool {
	if id == target || id == Everything {
		return true
	}
	switch target.Kind() {
	case sut.KindWorkload:
		return id.Workload() == string(target) || id.Kind() == sut.KindNode && id.Part() == string(target)
	case sut.KindInstance:
		return id.Instance() == target || id == sut.ID(target.Workload())
	case sut.KindLink, sut.KindVolume, sut.KindNode, sut.KindZone, sut.KindBudget, sut.KindTraffic:
	}
	return false
}

func (x *explainer) decision(r *Record, d *Decision) {
	w, about := x.works[r.Work], x.about(d.Target.ID)
	switch {
	case w != nil:
		w.Answer = count(x.held, r, d)
	case about:
		count(x.held, r, d)
	case d.By != "" && concerns(x.target, d.By):
		count(x.awaited, r, d)
	}
}

// count takes in one more answer of the guard. What it allows needs no list: the act
// follows.
func count(answers map[question]*Answer, r *Record, d *Decision) *Answer {
	q := question{d.Verb, d.Target.ID, d.Rule, d.Effect}
	a := answers[q]
	if a == nil {
		a = &Answer{First: r.At}
		if d.Effect != Allow {
			answers[q] = a
		}
	}
	a.Seq, a.At, a.Decision, a.Word = r.Seq, r.At, *d, d.Effect.String()
	a.Times++
	return a
}

func (x *explainer) change(r *Record, c *WorkChange) {
	if p := c.Plan; p != nil {
		about := false
		for _, t := range p.Targets {
			about = x.about(t.ID) || about
		}
		if about {
			x.works[r.Work] = &Progress{
				Seq: r.Seq, Work: r.Work, At: r.At,
				Healer: p.Healer, Runbook: p.Runbook, Finding: p.Finding, Target: p.target(),
			}
		}
	}
	if w := x.works[r.Work]; w != nil && c.State.ended() {
		w.State, w.Reason, w.Until, w.Answer = c.State, c.Reason, r.At, nil
		x.ended = newest(x, x.ended, *w)
		delete(x.works, r.Work)
	}
}

func (x *explainer) intent(r *Record, a *Act) {
	_, mine := x.works[r.Work]
	if about := x.about(a.Target.ID); !mine && !about {
		return
	}
	d := &Deed{Seq: r.Seq, At: r.At, Act: *a}
	x.acts[a.ID] = d
	if a.Verb.tells() {
		x.messages = newest(x, x.messages, d)
	} else {
		x.done = newest(x, x.done, d)
	}
}

// size takes in a decision; the same one again only counts.
func (x *explainer) size(r *Record, s *Scale) {
	if !x.about(sut.ID(s.Workload)) {
		return
	}
	if known := x.state.Scaled[s.Workload]; known != nil {
		s = cmp.Or(s.Whole(known.Last), s)
	}
	if n := len(x.sizes); n > 0 {
		if old := &x.sizes[n-1]; old.Workload == s.Workload && old.Current == s.Current && old.Desired == s.Desired && old.Reason == s.Reason && old.Bound == s.Bound {
			old.Seq, old.At, old.Scale = r.Seq, r.At, *s
			old.Times++
			return
		}
	}
	x.sizes = newest(x, x.sizes, Sizing{Seq: r.Seq, At: r.At, Scale: *s, Times: 1, First: r.At})
}

func (x *explainer) outcome(at time.Duration, done *Done) {
	if d := x.acts[done.ID]; d != nil {
		d.Result, d.Detail, d.Until = done.Result, done.Detail, at
	}
}

// newest adds to a bounded list.
func newest[T any](x *explainer, list []T, v T) []T {
	if len(list) == explainMost {
		x.omitted++
		list = slices.Delete(list, 0, 1)
	}
	return append(list, v)
}

// last cuts a list down to its newest.
func last[T any](x *explainer, list []T) []T {
	if n := len(list) - explainMost; n > 0 {
		x.omitted += n
		list = list[n:]
	}
	return append(make([]T, 0, len(list)), list...)
}

func (x *explainer) explanation() Explanation {
	e := Explanation{
		Target: x.target, Seq: x.state.Seq, At: x.state.At,
		Findings: x.findings(), Works: x.open(), Over: last(x, x.over), Ended: last(x, x.ended), Orders: last(x, x.orders),
		Acts: last(x, plain(x.done)), Messages: last(x, plain(x.messages)),
		Held: x.answers(x.held), Awaited: x.answers(x.awaited), Sizes: last(x, x.sizes),
	}
	if e.silent() {
		e.Others = slices.Sorted(maps.Keys(x.others))
	}
	if n := len(e.Others) - explainMost; n > 0 {
		x.omitted += n
		e.Others = e.Others[:explainMost]
	}
	e.Others = append([]sut.ID{}, e.Others...)
	e.Omitted = x.omitted
	return e
}

// silent: nothing is on record of the target itself.
func (e *Explanation) silent() bool {
	return len(e.Findings)+len(e.Works)+len(e.Acts)+len(e.Over)+len(e.Ended)+len(e.Held)+len(e.Messages)+len(e.Sizes) == 0
}

func (x *explainer) findings() []Condition {
	var open []Condition
	for _, f := range x.state.Findings { // sorted below
		if concerns(x.target, f.Target.ID) {
			open = append(open, Condition{Seq: f.Seq, Finding: f.Finding})
		}
	}
	slices.SortFunc(open, func(a, b Condition) int { return cmp.Compare(a.Seq, b.Seq) })
	return last(x, open)
}

// open are the works under way, as the engine's fold has them.
func (x *explainer) open() []Progress {
	var open []Progress
	for id, p := range x.works { // sorted below
		w := x.state.Works[id]
		if w == nil {
			continue
		}
		p.State, p.Reason, p.Deadline = w.State, w.Reason, w.Deadline
		if w.Index >= 0 && w.Index < len(w.Plan.Steps) {
			p.Verb = w.Plan.Steps[w.Index].Verb
		}
		if w.Decision == nil { // of a step before
			p.Answer = nil
		}
		open = append(open, *p)
	}
	slices.SortFunc(open, func(a, b Progress) int { return cmp.Compare(a.Seq, b.Seq) })
	return last(x, open)
}

func (x *explainer) answers(from map[question]*Answer) []Answer {
	var all []Answer
	for _, a := range from { // sorted below
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b Answer) int { return cmp.Compare(a.Seq, b.Seq) })
	return last(x, all)
}

func plain(deeds []*Deed) []Deed {
	out := make([]Deed, 0, len(deeds))
	for _, d := range deeds {
		out = append(out, *d)
	}
	return out
}
