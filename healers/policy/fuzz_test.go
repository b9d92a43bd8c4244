package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/runbook"
)

// FuzzLoad: whatever a file holds, it is refused with its problems, or compiled into a
// policy that is complete: the engine checks nothing of it again.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../scenarios/policies/*.yaml", "../../scenarios/runbooks/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	head := "apiVersion: rebound.dev/v1\nkind: HealingPolicy\nmetadata: {name: a}\nspec: "
	for _, spec := range []string{
		"{workloads: [{selector: {labels: {a: b}}, disruptionBudget: {maxUnavailable: 0x10}}]}",
		"{workloads: [{selector: {workload: a}, livenessProbe: {exec: {command: [a]}, periodSeconds: 2147483647, failureThreshold: 2147483647}}]}",
		"{workloads: [{selector: {workload: a}, restart: {backoff: {max: 1ns}, rules: [{codes: [0], do: restart, backoff: {initial: 2540400h}}]}}]}",
		"{workloads: [{selector: {workload: a}}], guardrails: {storm: {threshold: 100%, cooldown: 1ns}, recurrence: {count: 1, within: 1h}}}",
		"{workloads: [{selector: {workload: a}}], breakers: [{dependency: b, probe: false, rate: 50%, minCalls: 2, lastTime: 10s, trialsPerSecond: 0.25, ramp: 1s, spread: 1ns, mode: forceOpen}]}",
	} {
		f.Add([]byte(head + spec + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Load("f.yaml", data)
		if err != nil {
			var problems manifest.Problems
			if !errors.As(err, &problems) || len(problems) == 0 || p != nil {
				t.Fatalf("%+v: %v", p, err)
			}
			return
		}
		complete(t, p)
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back policy.Policy
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
		if again, err := policy.Load("f.yaml", data); err != nil || again.Digest != p.Digest {
			t.Fatalf("it is another the second time: %v", err)
		}
	})
}

// complete finds what the engine could not live with.
func complete(t *testing.T, p *policy.Policy) {
	t.Helper()
	g := p.Guard
	if p.Name == "" || len(p.Digest) != 64 || len(p.Workloads) == 0 ||
		min(g.MaxActionsPerHour, g.MaxPerTargetPerHour, g.MaxPerRunbookPerHour, g.Shared.Percent, g.Storm.Percent, g.Recurrence.Count) < 1 ||
		max(g.Shared.Percent, g.Storm.Percent) > 100 || min(g.Shared.HoldFor, g.Storm.Cooldown, g.Recurrence.Within) <= 0 {
		t.Errorf("%s: %+v", p.Name, g)
	}
	for _, w := range p.Workloads {
		r := w.Restart
		if len(w.Selector) == 0 || (w.MinAvailable == "") == (w.MaxUnavailable == "") || r.AtOnce == "" || min(w.ReplaceAfter, r.Soak, r.Grace) < 0 ||
			r.Initial <= 0 || r.Initial > r.Max || r.Reset <= 0 || (w.Rotate || w.ReplaceAfter > 0) && w.Readiness == nil {
			t.Errorf("workload %v: %+v", w.Selector, w)
		}
		for _, rule := range r.Rules {
			if rule.Do == policy.DoRestart && min(rule.Initial, rule.Max, rule.Reset) < 0 || rule.Initial > rule.Max {
				t.Errorf("workload %v: %+v", w.Selector, rule)
			}
		}
		for _, x := range []*corev1.Probe{w.Liveness, w.Readiness, w.Startup} {
			if x != nil && (min(x.PeriodSeconds, x.TimeoutSeconds, x.SuccessThreshold, x.FailureThreshold) < 1 || x.InitialDelaySeconds < 0) {
				t.Errorf("workload %v: %+v", w.Selector, x)
			}
		}
	}
	for _, b := range p.Breakers {
		config := b.Settings.Config()
		if config.Spread > 0 {
			config.Identity = "any"
		}
		if err := errors.Join(config.Validate(), b.Budget.Validate()); err != nil || b.Dependency == "" || b.Settings != b.Settings.Complete() ||
			min(b.Budget.Trials, b.Budget.Passes) < 1 || min(b.Budget.Per, b.Budget.RampOver, b.Budget.HoldFor) <= 0 {
			t.Errorf("breaker of %q: %v: %+v", b.Dependency, err, b)
		}
	}
	for _, s := range g.Never {
		if len(s) == 0 {
			t.Error("never nothing")
		}
	}
	for _, rb := range p.Runbooks {
		if _, err := runbook.Compile(rb.Trigger); err != nil || rb.Trigger == "" || len(rb.Steps) == 0 {
			t.Errorf("runbook %s: %v", rb.Name, err)
		}
		for _, s := range rb.Steps {
			if s.Verb == "" || s.Within < 0 || (s.Within == 0) != (s.Until == "") {
				t.Errorf("runbook %s: %+v", rb.Name, s)
			}
		}
	}
}
