package healers_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// The grace of a probe holds for who is restarted since it failed, and for nobody
// else, as kubelet has it.
func TestGraceIsThatOfTheProbe(t *testing.T) {
	grace := func(seconds int64) *corev1.Probe {
		return &corev1.Probe{TerminationGracePeriodSeconds: &seconds}
	}
	hangs := says(probe.Liveness, probe.Failure, order(1, out))
	never := says(probe.Startup, probe.Failure, order(1, out)) // it does not start
	for _, c := range []struct {
		name              string
		startup, liveness *corev1.Probe
		in                healers.Input
		want              string
	}{
		{"none of its own", nil, &corev1.Probe{}, hangs, `{"grace":2000000000}`},
		{"longer", nil, grace(7), hangs, `{"grace":7000000000}`},
		{"shorter", nil, grace(1), hangs, `{"grace":1000000000}`},
		{"that of the probe that failed", grace(9), grace(7), hangs, `{"grace":7000000000}`},
		{"that of the startup probe, when it failed", grace(9), grace(7), never, `{"grace":9000000000}`},
		{"which has none", &corev1.Probe{}, grace(7), never, `{"grace":2000000000}`},
		{"who has ended", nil, grace(7), delta(order(1, exited, out)), `{"grace":2000000000}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := with(func(p *policy.Policy) {
				w := &p.Workloads[0]
				w.Restart.Grace, w.Startup, w.Liveness = 2*time.Second, c.startup, c.liveness
			})
			e := healers.New(1, healers.Checkpoint{})
			all := []sut.Instance{order(0), order(1, out), order(2)}
			first := says(probe.Readiness, probe.Success, order(0), order(2))
			first.Policy, first.Trial, first.System = p, true, sut.Delta{Reset: true, Rev: 1, Instances: all, Workloads: []sut.Workload{{Name: "orders", Desired: 3}}}
			e.Step(&first)
			var acts []healers.Act
			for _, a := range e.Step(&c.in).Acts {
				if a.Verb == "restart" {
					acts = append(acts, a)
				}
			}
			if len(acts) != 1 || string(acts[0].Args) != c.want {
				t.Errorf("acts %+v, want a restart with %s", acts, c.want)
			}
		})
	}
}
