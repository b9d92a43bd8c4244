package render

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// replicas is what became of the replicas of one workload.
type replicas struct {
	id       string // of the workload
	name     string // as people read it
	min, max int    // between what its policy scales it; both 0: it has none
	// desired begins with what was asked for at the start.
	desired []desired
	ready   []readiness
	// most were ready at once, first at mostAt.
	most   int
	mostAt time.Duration

	up      map[string]bool
	decided *timeline.Scale // the last decision that changes something
	acts    []scaleAct      // whose effect was not seen yet
}

// desired is a change of how many replicas the platform is asked for.
type desired struct {
	at       time.Duration
	from, to int
	says     string // "2 → 6 replicas" and why
	act      string // the engine's act that brought it about; empty: it was none
}

// readiness is how many instances are ready from a moment on.
type readiness struct {
	at time.Duration
	n  int
}

type scaleAct struct {
	id, says string
	to       int    // 0: it is not known
	seq      uint64 // of its event
}

const (
	verbScale   = "scale"
	findingSize = "size"
)

// scaling folds how workloads are scaled. A change is told once: as the act that brought
// it about, or by itself where no act of the engine did.
type scaling struct {
	of    map[string]*replicas
	order []*replicas
	says  map[string]string // by act
	phase timeline.PhaseName
}

// observe folds an event in and returns, of an act that scales and of a change that no
// act explains, what is worth a line; empty: nothing.
func (s *scaling) observe(e timeline.Event) (told string) {
	switch {
	case e.Header != nil:
		for _, w := range e.Header.Workloads {
			r := s.workload(w.Name)
			r.min, r.max = w.Min, w.Max
			r.desired = []desired{{at: e.At, to: w.Replicas}}
		}
	case e.Phase != nil:
		s.phase = e.Phase.Name
	case s.phase == timeline.PhaseTeardown && (e.Replicas != nil || e.Instance != nil):
		// The system ends: what it has from here on is nobody's choice.
	case e.Replicas != nil:
		return s.workload(e.Replicas.Workload).ask(e, s)
	case e.Scale != nil && e.Scale.Desired != e.Scale.Current:
		s.workload(e.Scale.Workload).decided = e.Scale
	case e.Instance != nil:
		s.workload(e.Instance.Workload).instance(e)
	case e.Healing != nil && e.Healing.State == timeline.HealingAct && e.Healing.Verb == verbScale:
		return s.act(e)
	}
	return ""
}

// workloadName is the ID of a workload as people read it.
func workloadName(id string) string { return cut(oneLine(id), maxPoolName) }

func (s *scaling) workload(id string) *replicas {
	r := s.of[id]
	if r == nil {
		if s.of == nil {
			s.of = map[string]*replicas{}
		}
		r = &replicas{id: id, name: workloadName(id), up: map[string]bool{}}
		s.of[id] = r
		s.order = append(s.order, r)
	}
	return r
}

func (s *scaling) act(e timeline.Event) (told string) {
	r := s.workload(e.Target)
	a := scaleAct{id: e.Healing.Act, seq: e.Seq}
	if d := r.decided; d != nil {
		a.to, a.says = d.Desired, change(d.Current, d.Desired, d)
		s.tell(a.id, a.says)
		told = r.name + ": " + a.says
	}
	r.acts = append(r.acts, a)
	return told
}

// tells tells whether the line of an act that scales says this already: that the workload
// is to be scaled, or that the act went well.
func (s *scaling) tells(e timeline.Event) bool {
	h := e.Healing
	switch h.State {
	case timeline.HealingFinding:
		return h.Finding == findingSize && s.of[e.Target] != nil && s.of[e.Target].decided != nil
	case timeline.HealingOutcome:
		return s.says[h.Act] != "" && (h.Outcome == "ok" || h.Outcome == "already")
	case timeline.HealingDecision, timeline.HealingAct, timeline.HealingWork, timeline.HealingNotified:
	}
	return false
}

func (s *scaling) tell(act, says string) {
	if s.says == nil {
		s.says = map[string]string{}
	}
	s.says[act] = says
}

// ask notes how many replicas are asked for from now on.
func (r *replicas) ask(e timeline.Event, s *scaling) (told string) {
	at, n, last := e.At, e.Replicas.Desired, len(r.desired)-1
	if last < 0 || s.phase == "" || s.phase == timeline.PhaseSetup {
		r.desired = []desired{{at: at, to: n}} // that is how it begins
		return ""
	}
	if r.desired[last].to == n {
		return ""
	}
	d := desired{at: at, from: r.desired[last].to, to: n}
	d.says = change(d.from, n, nil)
	if r.decided != nil && r.decided.Desired == n {
		d.says, r.decided = change(d.from, n, r.decided), nil
	}
	told = r.name + ": " + d.says
	if i := r.actOf(e.Cause, n); i >= 0 {
		a := r.acts[i]
		if a.says == "" {
			s.tell(a.id, d.says) // why is not known, but what is
		} else {
			d.says = a.says
		}
		d.act, told, r.acts = a.id, "", slices.Delete(r.acts, 0, i+1)
	}
	r.desired = append(r.desired, d)
	return told
}

// actOf is the act that had n asked for: the cause, or the last that is not known to have
// asked for another number, for an act may be overtaken by the next before anybody looks.
func (r *replicas) actOf(cause uint64, n int) int {
	last := -1
	for i, a := range r.acts {
		if cause != 0 && a.seq == cause {
			return i
		}
		if a.to == 0 || a.to == n {
			last = i
		}
	}
	return last
}

func (r *replicas) instance(e timeline.Event) {
	switch e.Instance.State {
	case timeline.InstanceReady:
		r.up[e.Target] = true
	case timeline.InstanceUnready, timeline.InstanceExited, timeline.InstanceGone:
		delete(r.up, e.Target)
	case timeline.InstanceStarted, timeline.InstanceIn, timeline.InstanceOut:
		return
	default:
		return
	}
	r.ready = append(r.ready, readiness{at: e.At, n: len(r.up)})
	if len(r.up) > r.most {
		r.most, r.mostAt = len(r.up), e.At
	}
}

// now is how many replicas are asked for.
func (r *replicas) now() int {
	if n := len(r.desired); n > 0 {
		return r.desired[n-1].to
	}
	return 0
}

// scaled tells whether it was, or could have been.
func (r *replicas) scaled() bool { return len(r.desired) > 1 || r.min > 0 || r.max > 0 }

// peaks are how many were asked for at first, at each turn of the direction and at last.
func (r *replicas) peaks() []int {
	var all []int
	for _, d := range r.desired {
		if n := len(all); n > 1 && cmp.Compare(all[n-1], all[n-2]) == cmp.Compare(d.to, all[n-1]) {
			all[n-1] = d.to
		} else {
			all = append(all, d.to)
		}
	}
	return all
}

// turns are how often the direction changed: up and then down is one.
func (r *replicas) turns() int { return max(len(r.peaks())-2, 0) }

// all are the workloads that were scaled, the one that changed most first.
func (s *scaling) all() []*replicas {
	all := slices.DeleteFunc(slices.Clone(s.order), func(r *replicas) bool { return !r.scaled() })
	slices.SortStableFunc(all, func(a, b *replicas) int { return cmp.Compare(len(b.desired), len(a.desired)) })
	return all
}

// change is a change of how many replicas are asked for in words, with what the decision
// says, if there was one.
func change(from, to int, d *timeline.Scale) string {
	words := count(from) + " → " + plural(to, "replica", "replicas")
	if d == nil {
		return words
	}
	if why := oneLine(d.Says); why != "" {
		return words + ", " + why
	}
	var most timeline.ScaleMetric
	for _, m := range d.Metrics {
		if m.Error == "" && m.Ratio > most.Ratio {
			most = m
		}
	}
	if most.Ratio > 0 {
		words += fmt.Sprintf(", %s asks for %s (usage is %.1f times its target)", oneLine(most.Name), count(d.Wanted), most.Ratio)
	}
	return words
}
