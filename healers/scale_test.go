package healers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// scaledPolicy gives orders a replica for each ten in the queue, three to eight.
func scaledPolicy() *policy.Policy {
	p := shopPolicy()
	spec := &scaler.Spec{}
	spec.MinReplicas, spec.MaxReplicas = new(int32(3)), 8
	spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "queue"},
		Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse("10"))},
	}}}
	spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: new(int32(60))}}
	p.Workloads[0].Scaling = &policy.Scaling{Spec: spec.Defaulted(), Every: 15 * time.Second}
	p.Digest = "scaled"
	return p
}

// queue measures the queue every five seconds.
func queue(s *healerstest.Shell, m *healerstest.Model, until time.Duration, depth func(time.Duration) float64) {
	for at := time.Second; at < until; at += 5 * time.Second {
		s.At(at, func() {
			if d := depth(at); d >= 0 {
				m.Measure("orders", "queue", d)
			}
		})
	}
}

func atLeast(n int) func(*healerstest.Model) error {
	return func(m *healerstest.Model) error {
		got := len(m.Instances("orders"))
		if got < n {
			return fmt.Errorf("expected at least %d instances, got %d", n, got)
		}
		return serving("orders", got)(m)
	}
}

func sized(n int) func(*healerstest.Model) error {
	return func(m *healerstest.Model) error {
		if got := len(m.Instances("orders")); got != n {
			return fmt.Errorf("expected %d instances, got %d", n, got)
		}
		return serving("orders", n)(m)
	}
}

// scales are the acts of the scaler, with their times.
func scales(s *healerstest.Shell) (out []string) {
	for _, x := range s.Model.Executed {
		if x.Verb == "scale" {
			out = append(out, fmt.Sprintf("%s %s", x.At.Round(time.Second), x.Args))
		}
	}
	return out
}

func TestScaling(t *testing.T) {
	const until = 5 * time.Minute
	spike := func(at time.Duration) float64 {
		if at > time.Minute && at < 2*time.Minute {
			return 100
		}
		return 30
	}
	play := func(depth func(time.Duration) float64, healed func(*healerstest.Model) error) healerstest.Scenario {
		return healerstest.Scenario{
			Policy: scaledPolicy(), Model: shop, Until: until, Healed: healed,
			Break: func(s *healerstest.Shell, m *healerstest.Model) { queue(s, m, until+3*time.Minute, depth) },
		}
	}
	for _, row := range []struct {
		name string
		sc   healerstest.Scenario
		want []string
	}{
		{"a spike: up at once, to the maximum, and down after the window", play(spike, sized(3)), []string{`1m15s {"replicas":7}`, `1m45s {"replicas":8}`, `3m0s {"replicas":3}`}},
		{"an outage of the metric in a spike: nothing is scaled down", play(func(at time.Duration) float64 {
			if at > 90*time.Second {
				return -1
			}
			return spike(at)
		}, atLeast(7)), []string{`1m15s {"replicas":7}`, `1m45s {"replicas":8}`}},
		{"nothing to do", play(func(time.Duration) float64 { return 30 }, sized(3)), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := row.sc.Play(1, nil)
			if got := scales(s); !slices.Equal(got, row.want) {
				t.Errorf("expected %v, got %v\n%s", row.want, got, healerstest.Tell(s))
			}
			if row.want != nil { // what does nothing has nothing to prove
				healerstest.Prove(t, row.sc)
			}
		})
	}
}

// A scale-down is charged to the disruption budget, and says so.
func TestScalingIsHeldByTheGuard(t *testing.T) {
	for _, row := range []struct {
		name  string
		set   func(p *policy.Policy)
		depth float64
		want  healers.Rule
	}{
		{"outside the scope", func(p *policy.Policy) { p.Guard.Never = []policy.Selector{{"workload": "orders"}} }, 100, healers.RuleScope},
		{"a person must say so", func(p *policy.Policy) { p.Guard.Approval = []string{"scale"} }, 100, healers.RuleTrust},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := scaledPolicy()
			row.set(p)
			m := shop()
			s := healerstest.NewShell(1, p, m)
			queue(s, m, time.Minute, func(time.Duration) float64 { return row.depth })
			s.Run(time.Minute)
			var rules []healers.Rule
			for _, r := range s.Journal.Records {
				if r.Decision != nil && r.Decision.Verb == "scale" {
					rules = append(rules, r.Decision.Rule)
				}
			}
			if !slices.Contains(rules, row.want) || len(scales(s)) > 0 {
				t.Errorf("expected %s to hold it, got %v and %v\n%s", row.want, rules, scales(s), healerstest.Tell(s))
			}
			if text := healerstest.Tell(s); !strings.Contains(text, "orders is to be scaled (up from 3 to 7: external metric queue above target; scaleUp: 10 were wanted") {
				t.Errorf("the record does not say why:\n%s", text)
			}
		})
	}
}

// Why answers for the decisions too, also for those that changed nothing.
func TestWhyOfSizes(t *testing.T) {
	m := shop()
	s := healerstest.NewShell(1, scaledPolicy(), m)
	queue(s, m, 2*time.Minute, func(at time.Duration) float64 { return map[bool]float64{true: 100, false: 30}[at > time.Minute] })
	s.Run(2 * time.Minute)
	e := healers.Explain("orders", slices.Values(s.Journal.Records))
	text := e.Text()
	for _, want := range []string{
		"Replicas:", "orders: 3 stay: DesiredWithinRange (queue proposes 3 at 1 times its target), 4 times since 15s",
		"orders: up from 3 to 7: external metric queue above target; scaleUp: 10 were wanted, and the policy of 4 pods in 15 s allows 7 (queue proposes 10 at 3.33 times its target)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
	if e := healers.Explain("store", slices.Values(s.Journal.Records)); len(e.Sizes) > 0 {
		t.Errorf("the store is not scaled: %v", e.Sizes)
	}
}

// What is stale is missing, and not what it was.
func TestAStaleSampleIsMissing(t *testing.T) {
	m := shop()
	s := healerstest.NewShell(1, scaledPolicy(), m)
	s.At(time.Second, func() { m.Measure("orders", "queue", 30) })
	s.Run(2 * time.Minute)
	var failed, good int
	for _, r := range s.Journal.Records {
		if r.Scale == nil {
			continue
		}
		if r.Scale.Bound == scaler.BoundMetric {
			failed++
		} else {
			good++
		}
	}
	if good < 2 || good > 4 || failed < 3 {
		t.Errorf("expected it to count for three decisions, got %d with it and %d without\n%s", good, failed, healerstest.Tell(s))
	}
}

// What an engine decided before it died is decided anew, and not carried out by the next.
func TestAnOldDecisionIsNotCarriedOut(t *testing.T) {
	m := shop()
	s := healerstest.NewShell(1, scaledPolicy(), m)
	m.Answer = func(a healers.Act) healers.Result { return map[bool]healers.Result{true: "lost"}[a.Verb == "scale"] }
	queue(s, m, 3*time.Minute, func(time.Duration) float64 { return 100 })
	s.At(20*time.Second, s.Kill) // the act of 15 s is under way
	s.At(21*time.Second, func() { m.Answer = nil })
	s.Run(22 * time.Second)
	if got := scales(s); len(got) > 0 {
		t.Errorf("expected nothing before the next decision, got %v\n%s", got, healerstest.Tell(s))
	}
	s.Run(3 * time.Minute)
	if err := sized(8)(m); err != nil {
		t.Errorf("%v\n%s", err, healerstest.Tell(s))
	}
	healerstest.Consistent(t, s)
	healerstest.Replay(t, s)
}

// An act that outlives its deadline holds the workload until it is seen to be done, and then
// counts for the rates.
func TestAnUnknownScalingIsSettledBySight(t *testing.T) {
	m := shop()
	m.Takes = func(a healers.Act) time.Duration {
		return map[bool]time.Duration{true: 20 * time.Second}[a.Verb == "scale"]
	}
	s := healerstest.NewShell(1, scaledPolicy(), m)
	queue(s, m, 2*time.Minute, func(time.Duration) float64 { return 100 })
	s.Run(2 * time.Minute)
	if got := scales(s); !slices.Equal(got, []string{`35s {"replicas":7}`, `1m20s {"replicas":8}`}) {
		t.Errorf("got %v\n%s", got, healerstest.Tell(s))
	}
	if text := healerstest.Tell(s); !strings.Contains(text, "as observed") || strings.Contains(text, "page:") {
		t.Errorf("expected it to be settled by what is seen, without a page\n%s", text)
	}
	healerstest.Consistent(t, s)
}

// Whom a scale-down takes is the platform's choice: nobody whom it has taken out of
// rotation is put back meanwhile, and everybody afterwards.
func TestNobodyIsBroughtInWhileSomeGo(t *testing.T) {
	p := scaledPolicy()
	p.Workloads[0].Scaling.Spec.MinReplicas = new(int32(2))
	p.Workloads[0].Scaling.Spec.Behavior.ScaleDown.StabilizationWindowSeconds = new(int32(0))
	tp := newTape()
	tp.step(healers.Input{Policy: p, Trial: true})
	measured := healers.Input{Metrics: []healers.Sample{{Target: sut.Target{ID: "orders"}, Metric: "queue", Value: 5, At: 14 * time.Second}}}
	tp.step(at(14*time.Second, measured))
	expectActs(t, tp.step(at(15*time.Second, healers.Input{})), "1 scale orders")
	expectActs(t, tp.step(at(16*time.Second, delta(order(2, out)))))
	gone := done(healers.ResultOK, 1)
	gone.System = sut.Delta{Rev: 3, Gone: []sut.ID{"orders/2"}, Workloads: []sut.Workload{{Name: "orders", Desired: 2}}}
	expectActs(t, tp.step(at(17*time.Second, gone)))
	expectActs(t, tp.step(at(18*time.Second, delta(order(1, out)))), "2 rotateIn orders/1")
}
