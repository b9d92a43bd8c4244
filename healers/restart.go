package healers

import (
	"encoding/json"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/backoff"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// restarted is what a restart is for: another incarnation, and it serves.
const restarted Expr = "changed && instance.ready"

const restartName = "restart"

var restartHealer = Definition{
	Name:      restartName,
	Summary:   "starts an instance again that has ended, whose liveness probe fails, or that a person wants restarted",
	Of:        []FindingKind{FindingExited, FindingNotLive, FindingAsked},
	Order:     2,
	Retry:     backoff.Config{Initial: time.Second, Max: time.Minute}, // kubelet's is on top
	PageAfter: 3,
	Healer:    proposal(proposeRestart),
}

func proposeRestart(v *View, f Finding) []Plan {
	p := Plan{
		Healer: restartName, Targets: []sut.Target{f.Target},
		Steps: []PlanStep{{Verb: verbRestart, Target: f.Target, Verify: restarted, Within: 30 * time.Second}},
	}
	w, ok := v.Policy(f.Target.ID)
	if !ok {
		return []Plan{p}
	}
	p.Steps[0].Within += startsWithin(w)
	p.Backoff = backoff.Config{Initial: w.Restart.Initial, Max: w.Restart.Max, Reset: w.Restart.Reset}
	p.Steps[0].Args = grace(w.Restart.Grace)
	in, there := v.Instance(f.Target.ID)
	if own := w.ProbeGrace(in.Liveness.Startup); own > 0 && f.Kind == FindingNotLive {
		p.Steps[0].Args = grace(own)
	}
	if f.Kind != FindingExited || !there {
		return []Plan{p}
	}
	rule, ok := w.Restart.On(in.LastExit)
	switch {
	case ok && rule.Do == policy.DoNever:
		return nil
	case ok && rule.Do == policy.DoPage:
		why := "; it is not started again, by the policy's rule for " + policy.CauseOf(in.LastExit)
		return []Plan{telling(restartName, VerbPage, f, textFinding(&f)+why)}
	case ok && rule.Initial > 0:
		p.Backoff = backoff.Config{Initial: rule.Initial, Max: rule.Max, Reset: rule.Reset}
	}
	return []Plan{p}
}

// startsWithin is how long the probes of a workload let it take to start.
func startsWithin(w *policy.Workload) time.Duration {
	var within time.Duration
	for _, p := range []*corev1.Probe{w.Startup, w.Readiness} {
		if p != nil {
			within += time.Duration(p.InitialDelaySeconds+p.FailureThreshold*p.PeriodSeconds) * time.Second
		}
	}
	return within
}

// grace writes the argument of restart and replace.
func grace(d time.Duration) json.RawMessage {
	if d <= 0 {
		return nil
	}
	return json.RawMessage(`{"grace":` + strconv.FormatInt(int64(d), 10) + `}`)
}
