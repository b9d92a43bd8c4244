package healers

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

const scaleName = "scale"

var scaleHealer = Definition{
	Name:    scaleName,
	Summary: "gives a workload as many instances as its HorizontalPodAutoscaler asks for",
	Of:      []FindingKind{FindingSize},
	Order:   5, // what is broken is mended first
	Retry:   backoff.Config{Initial: 5 * time.Second, Max: time.Minute},
	Healer:  proposal(proposeScale),
}

func proposeScale(_ *View, f Finding) []Plan {
	args, err := json.Marshal(map[string]int32{"replicas": f.Replicas})
	if err != nil {
		return nil // not possible: plain data
	}
	return []Plan{{Healer: scaleName, Targets: []sut.Target{f.Target}, Steps: []PlanStep{{Verb: verbScale, Target: f.Target, Args: args}}}}
}

// Scale is one decision about how many instances a workload is to have, and what must be
// remembered of it: the history of a scaler is the fold of these.
type Scale struct {
	Workload string `json:"workload"`
	// Same: what is not a number, and Keep, KeepChanges and Compat, are as in the last record of
	// the workload that has them, and left out; of its metrics only the Ratios are said.
	Same    bool         `json:"same,omitempty"`
	Ratios  []float64    `json:"ratios,omitempty"`
	Current int32        `json:"current"`
	Wanted  int32        `json:"wanted"` // by the metrics, before any limit
	Desired int32        `json:"desired"`
	Reason  string       `json:"reason,omitempty"`
	Bound   scaler.Bound `json:"bound,omitempty"`
	Have    int64        `json:"have,omitempty"`
	Limit   int64        `json:"limit,omitempty"`
	// Says is what bound, in words with its numbers.
	Says    string        `json:"says,omitempty"`
	Metrics []ScaleMetric `json:"metrics,omitempty"`
	// Asked: Wanted is a recommendation, which counts for Keep.
	Asked bool          `json:"asked,omitempty"`
	Keep  time.Duration `json:"keep,omitempty"`
	// KeepChanges is for how long changes count, up and down.
	KeepChanges [2]time.Duration `json:"keepChanges,omitzero"`
	// Compat: changes are remembered as upstream does.
	Compat   bool             `json:"compat,omitempty"`
	Failures []scaler.Failure `json:"failures,omitempty"`
	Spent    scaler.Spent     `json:"spent,omitzero"`
}

// ScaleMetric is what one metric said.
type ScaleMetric struct {
	Name     string  `json:"name"`
	Proposal *int32  `json:"proposal,omitempty"` // nil: it failed
	Ratio    float64 `json:"ratio,omitempty"`    // of usage to target; 0 also where that is no number
	Error    string  `json:"error,omitempty"`
}

// at is the engine's time as a scaler takes it.
func at(t time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(t) }

// scale decides for each workload whose time has come.
func (e *Engine) scale() {
	for i := range e.view.policy.Workloads {
		w := &e.view.policy.Workloads[i]
		if w.Scaling == nil || e.scaleDue(w) > e.view.now {
			continue
		}
		name := w.Selector[policyWorkload]
		if _, known := e.view.workloads[name]; known && e.view.lost == "" {
			e.scaleOne(name, w.Scaling)
		}
	}
}

// policyWorkload is the selector's key for the workload's name.
const policyWorkload = "workload"

// scaleDue is when a workload is decided on next. An engine that has just begun gives its
// sources the time between two decisions to be read.
func (e *Engine) scaleDue(w *policy.Workload) time.Duration {
	due := e.born
	if s := e.state.Scaled[w.Selector[policyWorkload]]; s != nil {
		due = max(due, s.At)
	}
	return due + w.Scaling.Every
}

// nextScale is when the next decision is due; 0: none is.
func (e *Engine) nextScale() (next time.Duration) {
	for i := range e.view.policy.Workloads {
		w := &e.view.policy.Workloads[i]
		if _, known := e.view.workloads[w.Selector[policyWorkload]]; w.Scaling == nil || !known || e.view.lost != "" {
			continue // news of it wakes the engine
		}
		if due := e.scaleDue(w); next == 0 || due < next {
			next = due
		}
	}
	return next
}

func (e *Engine) scaleOne(name string, p *policy.Scaling) {
	s := e.scalers[p]
	if s == nil {
		s = scaler.New(p.Spec, scaler.Options{Compat: p.Compat})
		e.scalers[p] = s
	}
	h := &scaler.History{}
	if was := e.state.Scaled[name]; was != nil {
		h = was.History.Clone()
	}
	o := e.observation(name, p)
	h.Seed(o.Now, o.SpecReplicas)
	d := s.Decide(o, h)
	keep, up, down := s.Keeps()
	says := d.Explain()
	r := &Scale{
		Workload: name, Current: d.Current, Wanted: d.Wanted, Desired: d.Desired, Reason: says.Reason,
		Bound: d.Bound, Have: d.Have, Limit: d.Limit, Says: says.Bound,
		Asked: len(d.Metrics) > 0 && d.Bound != scaler.BoundMetric, Keep: keep, KeepChanges: [2]time.Duration{up, down}, Compat: p.Compat, Failures: h.Failures, Spent: h.Spent,
	}
	if d.Bound == "" {
		r.Says = "" // what holds a metric's own number is in its ratio, and would be another text each time
	}
	for i := range d.Metrics {
		m := ScaleMetric{Name: d.Metrics[i].Name, Proposal: d.Metrics[i].Proposal, Error: d.Metrics[i].Error}
		if x := d.Metrics[i].Ratio; !math.IsNaN(x) && !math.IsInf(x, 0) {
			m.Ratio = x
		}
		r.Metrics = append(r.Metrics, m)
	}
	said := r
	if was := e.state.Scaled[name]; was != nil {
		said = cmp.Or(r.brief(was.Last), r)
	}
	e.emit(Record{Kind: RecordScale, Scale: said})
	id := sut.ID(name)
	if f, open := e.state.Findings[keyOf(FindingSize, id, "")]; open && (d.Desired == d.Current || f.Replicas != d.Desired) {
		e.end(FindingSize, id, "")
	}
	if d.Desired != d.Current {
		e.begin(Finding{Kind: FindingSize, Target: sut.Target{ID: id}, Since: e.view.now, Replicas: d.Desired, Detail: r.detail()})
	}
	e.touch(id)
}

// detail is a decision in words.
func (s *Scale) detail() string {
	if s.Same {
		return textReplicas(s.Current, s.Desired) + ", as before"
	}
	text := textReplicas(s.Current, s.Desired) + ": " + s.Reason
	if s.Says != "" {
		text += "; " + s.Says
	}
	return text
}

// sized: a workload has the number that was decided on, until the next decision finds
// another.
func (e *Engine) sized(a *Act, r Result) {
	if a.Verb == verbScale && (r == ResultOK || r == ResultAlready) {
		e.end(FindingSize, a.Target.ID, "")
	}
}

// forgetScaling ends what was decided by an engine or a policy before: it may be wrong by
// now, and is decided anew.
func (e *Engine) forgetScaling() {
	for _, key := range slices.Sorted(maps.Keys(e.state.Findings)) {
		if f := e.state.Findings[key]; f.Kind == FindingSize {
			e.end(f.Kind, f.Target.ID, "")
		}
	}
}
