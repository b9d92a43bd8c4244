package probe_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func thresholds(success, failure, delay int32) *corev1.Probe {
	return &corev1.Probe{SuccessThreshold: success, FailureThreshold: failure, InitialDelaySeconds: delay, PeriodSeconds: 1, TimeoutSeconds: 1}
}

var first = sut.Target{ID: "orders/0", Incarnation: "1"}

// Each letter is the answer of one second: S success, F failure, U the prober's
// own error. What is wanted is a letter at the second of each change.
func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		name             string
		role             probe.Role
		success, failure int32
		answers, want    string
	}{
		{"first success counts", probe.Readiness, 1, 3, "SSS", "S--"},
		{"failure needs its row", probe.Liveness, 1, 3, "SFFF", "S--F"},
		{"a success breaks the row", probe.Liveness, 1, 3, "SFFSFFF", "S-----F"},
		{"success needs its row", probe.Readiness, 3, 1, "SSFSSS", "--F--S"},
		{"failure is said once", probe.Readiness, 1, 2, "FFFFFF", "-F----"},
		{"comes back", probe.Readiness, 1, 2, "SFFSFF", "S-FS-F"},
		{"initial failure is news too", probe.Readiness, 1, 1, "F", "F"},
		{"own error breaks no row of failures", probe.Liveness, 1, 3, "SFUFUF", "S----F"},
		{"own error counts for nothing", probe.Liveness, 1, 3, "SFUUS", "S----"},
		{"blind after its own threshold", probe.Liveness, 1, 3, "SUUU", "S--U"},
		{"blind is said once", probe.Readiness, 1, 2, "UUUU", "-U--"},
		{"blind from the start", probe.Liveness, 1, 3, "UUU", "--U"},
		{"sight comes back", probe.Readiness, 1, 2, "SUUS", "S-US"},
		{"old failures are forgotten with sight", probe.Liveness, 1, 3, "SFFUUUFFF", "S----U--F"},
		{"startup", probe.Startup, 1, 2, "FFS", "-FS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := policy.Workload{}
			p := thresholds(c.success, c.failure, 0)
			switch c.role {
			case probe.Startup:
				w.Startup = p
			case probe.Liveness:
				w.Liveness = p
			case probe.Readiness:
				w.Readiness = p
			}
			tr := probe.NewTracker(&w)
			tr.Begin(first, 0)
			letters := map[byte]probe.Result{'S': probe.Success, 'F': probe.Failure, 'U': probe.Unknown}
			got := make([]byte, len(c.answers))
			for i := range c.answers {
				got[i] = '-'
				change, ok := tr.Answer(first, c.role, time.Duration(i)*time.Second, letters[c.answers[i]], "")
				if ok {
					got[i] = map[probe.Result]byte{probe.Success: 'S', probe.Failure: 'F', probe.Unknown: 'U'}[change.Result]
				}
			}
			if string(got) != c.want {
				t.Errorf("answers %s\n   want %s\n    got %s", c.answers, c.want, got)
			}
		})
	}
}

func TestChangeTellsSinceWhen(t *testing.T) {
	tr := probe.NewTracker(&policy.Workload{Liveness: thresholds(1, 3, 0)})
	tr.Begin(first, 0)
	tr.Answer(first, probe.Liveness, 1*time.Second, probe.Success, "")
	tr.Answer(first, probe.Liveness, 2*time.Second, probe.Failure, "status 500")
	tr.Answer(first, probe.Liveness, 3*time.Second, probe.Failure, "status 501")
	got, ok := tr.Answer(first, probe.Liveness, 4*time.Second, probe.Failure, "status 502")
	want := probe.Change{Target: first, Role: probe.Liveness, Result: probe.Failure, Since: 2 * time.Second, Detail: "status 502"}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
}

// Kubelet goes on counting over a restart, so that a readiness probe with a
// threshold of three can be ready on one success.
func TestIncarnationsStartAfresh(t *testing.T) {
	tr := probe.NewTracker(&policy.Workload{Readiness: thresholds(3, 1, 0)})
	tr.Begin(first, 0)
	tr.Answer(first, probe.Readiness, 0, probe.Success, "")
	tr.Answer(first, probe.Readiness, 1, probe.Success, "")
	second := sut.Target{ID: first.ID, Incarnation: "2"}
	tr.Begin(second, 2)
	if c, ok := tr.Answer(second, probe.Readiness, 3, probe.Success, ""); ok {
		t.Errorf("ready on one success: %+v", c)
	}
	if c, ok := tr.Answer(first, probe.Readiness, 4, probe.Failure, ""); ok {
		t.Errorf("an answer of the incarnation before counted: %+v", c)
	}
	tr.Answer(second, probe.Readiness, 5, probe.Success, "")
	if _, ok := tr.Answer(second, probe.Readiness, 6, probe.Success, ""); !ok {
		t.Error("not ready after three")
	}
}

func TestStartupGatesTheOthers(t *testing.T) {
	tr := probe.NewTracker(&policy.Workload{Startup: thresholds(1, 3, 0), Liveness: thresholds(1, 3, 2), Readiness: thresholds(1, 3, 0)})
	wanted := func() string {
		var s string
		for _, role := range []probe.Role{probe.Startup, probe.Liveness, probe.Readiness} {
			if from, ok := tr.Wanted(role); ok {
				s += string(role) + "@" + from.String() + " "
			}
		}
		return s
	}
	if got := wanted(); got != "" {
		t.Errorf("before it runs: %s", got)
	}
	tr.Begin(first, time.Second)
	if got := wanted(); got != "startup@1s " {
		t.Errorf("at the start: %s", got)
	}
	if _, ok := tr.Answer(first, probe.Liveness, 2*time.Second, probe.Failure, ""); ok {
		t.Error("liveness counted before the start was over")
	}
	tr.Answer(first, probe.Startup, 2*time.Second, probe.Success, "")
	if got := wanted(); got != "liveness@3s readiness@1s " {
		t.Errorf("started: %s", got)
	}
	tr.Begin(sut.Target{ID: first.ID, Incarnation: "2"}, 9*time.Second)
	if got := wanted(); got != "startup@9s " {
		t.Errorf("the next incarnation: %s", got)
	}
	tr.End()
	if got := wanted(); got != "" {
		t.Errorf("ended: %s", got)
	}
}
