package healers

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
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
	Workload string       `json:"workload"`
	Current  int32        `json:"current"`
	Wanted   int32        `json:"wanted"` // by the metrics, before any limit
	Desired  int32        `json:"desired"`
	Reason   string       `json:"reason,omitempty"`
	Bound    scaler.Bound `json:"bound,omitempty"`
	Have     int64        `json:"have,omitempty"`
	Limit    int64        `json:"limit,omitempty"`
	// Says is what bound, in words with its numbers.
	Says    string        `json:"says,omitempty"`
	Metrics []ScaleMetric `json:"metrics,omitempty"`
	// Asked: Wanted is a recommendation, which counts for Keep.
	Asked bool          `json:"asked,omitempty"`
	Keep  time.Duration `json:"keep,omitempty"`
	// KeepChanges is for how long changes count, up and down.
	KeepChanges [2]time.Duration `json:"keepChanges,omitzero"`
	Failures    []scaler.Failure `json:"failures,omitempty"`
	Spent       scaler.Spent     `json:"spent,omitzero"`
}

// ScaleMetric is what one metric said.
type ScaleMetric struct {
	Name     string  `json:"name"`
	Proposal *int32  `json:"proposal,omitempty"` // nil: it failed
	Ratio    float64 `json:"ratio,omitempty"`    // of usage to target; 0 also where that is no number
	Error    string  `json:"error,omitempty"`
}

// scaled is what the engine remembers of how a workload was scaled.
type scaled struct {
	At      time.Duration    `json:"at"`            // of the last decision
	Keep    [2]time.Duration `json:"keep,omitzero"` // of changes, up and down
	History scaler.History   `json:"history"`
}

// sampleKey is what a sample is of.
type sampleKey struct {
	target sut.ID
	metric string
}

// failedMetric is before the name of a metric in a sample that says why there is none.
const failedMetric = "failed "

// staleAfter is how much older than the time between two decisions a sample may be: it is
// missing then, and not what it was.
const staleAfter = 3

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
		Asked: len(d.Metrics) > 0 && d.Bound != scaler.BoundMetric, Keep: keep, KeepChanges: [2]time.Duration{up, down}, Failures: h.Failures, Spent: h.Spent,
	}
	for i := range d.Metrics {
		m := ScaleMetric{Name: d.Metrics[i].Name, Proposal: d.Metrics[i].Proposal, Error: d.Metrics[i].Error}
		if x := d.Metrics[i].Ratio; !math.IsNaN(x) && !math.IsInf(x, 0) {
			m.Ratio = x
		}
		r.Metrics = append(r.Metrics, m)
	}
	e.emit(Record{Kind: RecordScale, Scale: r})
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
	text := textReplicas(s.Current, s.Desired) + ": " + s.Reason
	if s.Says != "" {
		text += "; " + s.Says
	}
	return text
}

// observation is what the view shows of a workload, as a scaler takes it.
func (e *Engine) observation(name string, p *policy.Scaling) *scaler.Observation {
	current := int32(min(e.view.Desired(name), math.MaxInt32))
	members := e.view.Members(name)
	o := &scaler.Observation{Now: at(e.view.now), Wall: e.view.wall, SpecReplicas: current, StatusReplicas: int32(len(members))}
	fresh := e.view.now - staleAfter*p.Every
	for _, id := range members {
		o.Pods = append(o.Pods, e.pod(e.view.instances[id], p, fresh))
	}
	for i := range p.Spec.Metrics {
		m := &p.Spec.Metrics[i]
		e.failing(o, sut.ID(name), m, fresh)
		switch {
		case m.Object != nil:
			if v, ok := e.sample(sut.ID(name), m.Object.Metric.Name, fresh); ok {
				o.Objects = append(o.Objects, scaler.ObjectValue{
					Metric: m.Object.Metric.Name, Kind: m.Object.DescribedObject.Kind, Name: m.Object.DescribedObject.Name, Milli: v.Milli,
				})
			}
		case m.External != nil:
			if v, ok := e.sample(sut.ID(name), m.External.Metric.Name, fresh); ok {
				o.External = append(o.External, scaler.ExternalValues{Metric: m.External.Metric.Name, Milli: []int64{v.Milli}})
			}
		}
	}
	return o
}

// failing says why a metric cannot be had, of one of which nothing is known.
func (e *Engine) failing(o *scaler.Observation, workload sut.ID, m *autoscalingv2.MetricSpec, fresh time.Duration) {
	name := ""
	switch {
	case m.Resource != nil:
		name = string(m.Resource.Name)
	case m.ContainerResource != nil:
		name = string(m.ContainerResource.Name)
	case m.Pods != nil:
		name = m.Pods.Metric.Name
	case m.Object != nil:
		name = m.Object.Metric.Name
	case m.External != nil:
		name = m.External.Metric.Name
	}
	s, told := e.view.samples[sampleKey{workload, failedMetric + name}]
	if !told || s.At < fresh {
		return
	}
	known := func(id sut.ID) bool { _, ok := e.sample(id, name, fresh); return ok }
	if known(workload) || slices.ContainsFunc(e.view.Members(string(workload)), known) {
		return
	}
	if o.Errors == nil {
		o.Errors = map[string]string{}
	}
	o.Errors[name] = s.Failed
}

func (e *Engine) pod(in *Instance, p *policy.Scaling, fresh time.Duration) scaler.Pod {
	out := scaler.Pod{Name: string(in.ID), Phase: corev1.PodRunning, Start: at(0), Ready: corev1.ConditionFalse}
	if in.Phase != sut.PhaseRunning {
		out.Phase = corev1.PodPending // one that has ended is started again, and serves nobody until then
	}
	if e.view.Ready(in.ID) == sut.Yes {
		out.Ready = corev1.ConditionTrue
	}
	if !in.Since.IsZero() && !e.view.wall.IsZero() {
		out.Start = at(max(e.view.now-e.view.wall.Sub(in.Since), 0))
	}
	out.ReadyTransition = out.Start
	if in.Readiness.Result == probe.Success || in.Readiness.Result == probe.Failure {
		out.ReadyTransition = at(in.Readiness.Since)
	}
	c := scaler.Container{Name: in.Workload}
	if r := in.Requests; r.CPU > 0 {
		c.Requests = append(c.Requests, scaler.Amount{Resource: corev1.ResourceCPU, Milli: thousandths(r.CPU)})
	}
	if r := in.Requests; r.Memory > 0 {
		c.Requests = append(c.Requests, scaler.Amount{Resource: corev1.ResourceMemory, Milli: thousandths(float64(r.Memory))})
	}
	for i := range p.Spec.Metrics {
		switch m := &p.Spec.Metrics[i]; {
		case m.Resource != nil:
			c.Usage = e.samples(c.Usage, in.ID, string(m.Resource.Name), fresh)
		case m.ContainerResource != nil:
			c.Name = m.ContainerResource.Container
			c.Usage = e.samples(c.Usage, in.ID, string(m.ContainerResource.Name), fresh)
		case m.Pods != nil:
			out.Custom = e.samples(out.Custom, in.ID, m.Pods.Metric.Name, fresh)
		}
	}
	out.Containers = []scaler.Container{c}
	return out
}

func (e *Engine) samples(into []scaler.Sample, of sut.ID, metric string, fresh time.Duration) []scaler.Sample {
	if s, ok := e.sample(of, metric, fresh); ok && !slices.ContainsFunc(into, func(o scaler.Sample) bool { return o.Metric == metric }) {
		return append(into, s)
	}
	return into
}

// sample is the newest of a target, unless it is stale, or of another incarnation.
func (e *Engine) sample(of sut.ID, metric string, fresh time.Duration) (scaler.Sample, bool) {
	s, ok := e.view.samples[sampleKey{of, metric}]
	if !ok || s.At > e.view.now || s.Until == 0 && s.At < fresh || s.Until > 0 && s.Until < e.view.now {
		return scaler.Sample{}, false
	}
	if in := e.view.instances[of]; in != nil && s.Target.Incarnation != in.Incarnation {
		return scaler.Sample{}, false
	}
	return scaler.Sample{Metric: metric, Milli: thousandths(s.Value), At: at(s.At), Window: s.Window}, true
}

// thousandths is a value as upstream reckons, rounded up as its quantities are, and as near
// as an int64 comes to it.
func thousandths(v float64) int64 {
	m := math.Ceil(v * 1000)
	switch {
	case m >= math.MaxInt64:
		return math.MaxInt64
	case m <= math.MinInt64:
		return math.MinInt64
	}
	return int64(m)
}

// sampled keeps the newest sample of each target and metric. What is no number is none, and
// of an instance that is not there there is nothing to keep.
func (v *View) sampled(samples []Sample) {
	for _, s := range samples {
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Target.ID.Kind() == sut.KindInstance && v.instances[s.Target.ID] == nil {
			continue
		}
		key := sampleKey{s.Target.ID, s.Metric}
		if old, ok := v.samples[key]; !ok || cmp.Compare(old.At, s.At) <= 0 {
			v.samples[key] = s
		}
	}
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

// foldScale takes a decision in.
func (s *state) foldScale(r *Record) {
	d := r.Scale
	was := s.Scaled[d.Workload]
	if was == nil {
		was = &scaled{}
		s.Scaled[d.Workload] = was
	}
	was.At, was.Keep = r.At, d.KeepChanges
	was.History.Seed(at(r.At), d.Current)
	if d.Asked {
		was.History.Remember(at(r.At), d.Wanted, d.Keep)
	}
	was.History.Failures, was.History.Spent = d.Failures, d.Spent
}

// foldScaled takes in that a workload was scaled.
func (s *state) foldScaled(a *openAct, now time.Duration) {
	to, scales := a.scaledTo()
	was := s.Scaled[string(a.Target.ID)]
	if !scales || was == nil {
		return
	}
	was.History.Change(at(now), a.From, int32(min(to, math.MaxInt32)), was.Keep[0], was.Keep[1])
}
