package healers

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/probe"
	"github.com/rebound-chaos/rebound/healers/runbook"
)

// find compares what is seen of a target with its open findings, and records
// what began and what ended.
func (e *Engine) find(id sut.ID) {
	switch id.Kind() {
	case sut.KindInstance:
		in := e.view.instances[id]
		e.findExited(id, in)
		e.findNotLive(id, in)
		e.findNotReady(id, in)
		e.findReady(id, in)
		e.findAsked(id, in)
	case sut.KindVolume:
		e.findVolume(id)
	case sut.KindWorkload, sut.KindLink, sut.KindNode, sut.KindZone, sut.KindBudget, sut.KindTraffic:
	}
}

func (e *Engine) findExited(id sut.ID, in *Instance) {
	if in == nil || in.Phase != sut.PhaseExited {
		e.end(FindingExited, id, "")
		return
	}
	e.begin(Finding{Kind: FindingExited, Target: in.Target, Since: e.view.now, Detail: describeExit(in.LastExit)})
}

func (e *Engine) findNotLive(id sut.ID, in *Instance) {
	e.findProbe(FindingNotLive, id, in, func() Probe {
		if w, ok := e.view.Policy(id); ok && w.Liveness == nil && w.Startup == nil {
			return Probe{Result: probe.Success} // nobody asks any more
		}
		return in.Liveness
	})
}

func (e *Engine) findNotReady(id sut.ID, in *Instance) {
	e.findProbe(FindingNotReady, id, in, func() Probe {
		w, ok := e.view.Policy(id)
		switch {
		case !ok || w.Readiness != nil:
			return in.Readiness
		case in.Ready == sut.No:
			return Probe{Result: probe.Failure, Since: e.view.now, Detail: "the platform says so"}
		default:
			return Probe{Result: probe.Success} // the platform takes its word back, or says nothing
		}
	})
}

// findProbe: a failure begins a finding, a success, an exit or another
// incarnation ends it. Not knowing does neither: a prober that was restarted has
// healed nobody.
func (e *Engine) findProbe(kind FindingKind, id sut.ID, in *Instance, says func() Probe) {
	if in == nil || in.Phase != sut.PhaseRunning {
		e.end(kind, id, "")
		return
	}
	p := says()
	if f, open := e.state.Findings[keyOf(kind, id, "")]; open && f.Target.Incarnation != in.Incarnation {
		e.end(kind, id, "")
	}
	switch p.Result {
	case probe.Failure:
		e.begin(Finding{Kind: kind, Target: in.Target, Since: p.Since, Detail: p.Detail})
	case probe.Success:
		e.end(kind, id, "")
	case probe.Unknown:
	}
}

func (e *Engine) findReady(id sut.ID, in *Instance) {
	w, covered := e.view.Policy(id)
	if in == nil || !covered || !w.Rotate || in.Rotation != sut.No ||
		in.Liveness.Result == probe.Failure || e.view.Ready(id) != sut.Yes {
		e.end(FindingReady, id, "")
		return
	}
	e.begin(Finding{Kind: FindingReady, Target: in.Target, Since: e.view.now})
}

// findAsked: what a person wants of an incarnation is over with it.
func (e *Engine) findAsked(id sut.ID, in *Instance) {
	if f, open := e.state.Findings[keyOf(FindingAsked, id, "")]; open && (in == nil || in.Incarnation != f.Target.Incarnation) {
		e.end(FindingAsked, id, "")
	}
}

func (e *Engine) findVolume(id sut.ID) {
	vol, there := e.view.volumes[id]
	in := e.view.instances[id.Instance()]
	for i := range e.view.policy.Runbooks {
		rb := &e.view.policy.Runbooks[i]
		if !there || in == nil || !e.inScope(rb.Scope, in) || !e.holds(Expr(rb.Trigger), e.scope(sut.Target{ID: id}, nil)) {
			e.end(FindingVolumeFull, id, rb.Name)
			continue
		}
		// A volume outlives the incarnations of its instance, and so does its finding.
		e.begin(Finding{
			Kind: FindingVolumeFull, Target: sut.Target{ID: id}, Since: e.view.now, Runbook: rb.Name,
			Detail: strconv.Itoa(vol.UsedPercent()) + " % used",
		})
	}
}

// forgetRunbooks ends the findings of runbooks that the policy has no more.
func (e *Engine) forgetRunbooks() {
	for _, key := range slices.Sorted(maps.Keys(e.state.Findings)) {
		if f := e.state.Findings[key]; f.Kind == FindingVolumeFull && e.view.runbook(f.Runbook) == nil {
			e.end(f.Kind, f.Target.ID, f.Runbook)
		}
	}
}

// begin records a finding unless it is open for the same incarnation.
func (e *Engine) begin(f Finding) {
	if open, ok := e.state.Findings[keyOf(f.Kind, f.Target.ID, f.Runbook)]; ok {
		if open.Target == f.Target {
			return
		}
		e.end(f.Kind, f.Target.ID, f.Runbook)
	}
	f.Since = max(min(f.Since, e.view.now), 0)
	e.emit(Record{Kind: RecordFinding, Finding: &f})
	e.touched[f.Target.ID.Workload()] = struct{}{}
}

// end records that a finding is over, if it is open.
func (e *Engine) end(kind FindingKind, id sut.ID, runbook string) {
	open, ok := e.state.Findings[keyOf(kind, id, runbook)]
	if !ok {
		return
	}
	f := open.Finding
	f.Ended = true
	e.emit(Record{Kind: RecordFinding, Finding: &f, Cause: open.Seq})
	e.touched[id.Workload()] = struct{}{}
	if id == Everything {
		e.touchWorks()
	}
}

// scope is what a condition about a target may see. w adds what it has done.
func (e *Engine) scope(t sut.Target, w *Work) *runbook.Scope {
	s := &runbook.Scope{}
	id := t.ID.Instance()
	if in := e.view.instances[id]; in != nil {
		s.Instance = in.Instance
		s.Ready = e.view.Ready(id) == sut.Yes
		s.Live = in.Phase == sut.PhaseRunning && in.Liveness.Result != probe.Failure
		s.Changed = t.Incarnation != "" && t.Incarnation != in.Incarnation
	}
	s.Volume = e.view.volumes[t.ID]
	_, there := e.view.incarnation(t.ID)
	s.Gone = !there
	if w != nil {
		s.Done = w.Done
		s.Succeeded = e.succeeded(t.ID, w)
	}
	return s
}

// succeeded tells whether an instance that came after a replacement is ready: one for each
// that is open, of which the older have the first claim.
func (e *Engine) succeeded(id sut.ID, w *Work) bool {
	if w.Index >= len(w.Plan.Steps) || w.Plan.Steps[w.Index].Verb != verbReplace || len(w.Members) == 0 {
		return false
	}
	newcomers := 0
	for _, other := range e.view.Members(id.Workload()) {
		if !slices.Contains(w.Members, other) && e.view.Ready(other) == sut.Yes {
			newcomers++
		}
	}
	for _, other := range e.state.index.works[id.Workload()] {
		if other.ID < w.ID && len(other.Members) > 0 {
			newcomers--
		}
	}
	return newcomers > 0
}

func describeExit(x sut.Exit) string {
	switch {
	case x.OOM:
		return "out of memory"
	case x.Signal != 0:
		return "signal " + strconv.Itoa(x.Signal)
	default:
		return "code " + strconv.Itoa(x.Code)
	}
}
