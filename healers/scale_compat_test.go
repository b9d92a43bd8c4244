package healers_test

import (
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/rebound-chaos/rebound/healers/healerstest"
)

// Upstream writes a change over one that is older than the periods of its own direction,
// although the way down reads further back. In compat mode the engine does so too.
func TestChangesAreRememberedAsUpstreamDoes(t *testing.T) {
	for _, row := range []struct {
		name   string
		compat bool
		plain  bool // without a behavior, of which upstream remembers nothing
		want   int32
	}{
		{"both changes count on the way down", false, false, 2}, // 12 - (7 + 2) - 1
		{"compat: the second alone", true, false, 9},            // 12 - 2 - 1
		{"compat without a behavior", true, true, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := scaledPolicy()
			scaling := p.Workloads[0].Scaling
			scaling.Compat = row.compat
			scaling.Spec.MinReplicas, scaling.Spec.MaxReplicas = new(int32(2)), 12
			pods := func(n, seconds int32) *autoscalingv2.HPAScalingRules {
				return &autoscalingv2.HPAScalingRules{
					StabilizationWindowSeconds: new(int32(0)), SelectPolicy: new(autoscalingv2.MaxChangePolicySelect),
					Policies: []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PodsScalingPolicy, Value: n, PeriodSeconds: seconds}},
				}
			}
			scaling.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: pods(20, 15), ScaleDown: pods(1, 600)}
			if row.plain {
				scaling.Spec.Behavior = nil
			}
			const until = 14 * time.Minute
			m := shop()
			s := healerstest.NewShell(1, p, m)
			queue(s, m, until, func(at time.Duration) float64 {
				switch {
				case at < time.Minute:
					return 30
				case at < 2*time.Minute:
					return 100
				case at < 6*time.Minute:
					return 120
				}
				return 20
			})
			s.At(3*time.Minute, s.Kill)
			s.Run(until)
			var down []int32
			for _, r := range s.Journal.Records {
				if d := r.Scale; d != nil && d.Desired < d.Current {
					down = append(down, d.Current, d.Desired)
				}
			}
			if len(down) < 2 || down[0] != 12 || down[1] != row.want {
				t.Errorf("expected it to go down from 12 to %d first, got %v\n%s", row.want, down, healerstest.Tell(s))
			}
			healerstest.Consistent(t, s)
			healerstest.Replay(t, s)
		})
	}
}
