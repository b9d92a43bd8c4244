package scaler_test

import (
	"fmt"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// cpu are pods with usage in millicores; -1: not measured.
func cpu(request int64, usage ...int64) []scaler.Pod {
	var pods []scaler.Pod
	for i, u := range usage {
		c := scaler.Container{Name: "app", Requests: []scaler.Amount{{Resource: "cpu", Milli: request}}}
		if u >= 0 {
			c.Usage = []scaler.Sample{{Metric: "cpu", Milli: u, At: ago(10 * time.Second), Window: 30 * time.Second}}
		}
		pods = append(pods, scaler.Pod{
			Name: fmt.Sprint("p", i), Phase: corev1.PodRunning, Ready: corev1.ConditionTrue,
			ReadyTransition: ago(time.Hour), Start: ago(time.Hour), Containers: []scaler.Container{c},
		})
	}
	return pods
}

// unready are those pods that have never been ready.
func unready(pods []scaler.Pod, which ...int) []scaler.Pod {
	for _, i := range which {
		pods[i].Ready, pods[i].ReadyTransition = corev1.ConditionFalse, pods[i].Start
	}
	return pods
}

func requests(pods []scaler.Pod, milli ...int64) []scaler.Pod {
	for i, m := range milli {
		pods[i].Containers[0].Requests[0].Milli = m
	}
	return pods
}

func utilization(percent int32) *scaler.Spec {
	return bounded(autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: "cpu", Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
	}})
}

func bounded(metrics ...autoscalingv2.MetricSpec) *scaler.Spec {
	return &scaler.Spec{HorizontalPodAutoscalerSpec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 2000, Metrics: metrics}}
}

func tolerant(s *scaler.Spec, up, down string) *scaler.Spec {
	s.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp:   &autoscalingv2.HPAScalingRules{Tolerance: new(resource.MustParse(up))},
		ScaleDown: &autoscalingv2.HPAScalingRules{Tolerance: new(resource.MustParse(down))},
	}
	return s
}

// The ready-made numbers of upstream's own tables (replica_calculator_test.go).
func TestUtilization(t *testing.T) {
	for _, row := range []struct {
		name    string
		spec    *scaler.Spec
		current int32
		pods    []scaler.Pod
		util    int32
		want    int32 // upstream's
		exact   int32 // ours; 0: the same
	}{
		{"all are ready", utilization(30), 3, cpu(1000, 300, 500, 700), 50, 5, 0},
		{"one is not ready", utilization(30), 3, unready(cpu(1000, 300, 500, 700), 0), 60, 4, 0},
		{"two are not ready", utilization(30), 3, unready(cpu(1000, 400, 500, 700), 1, 2), 40, 3, 0},
		{"two are missing, scaling down", utilization(100), 4, cpu(1000, 400, 95, -1, -1), 24, 3, 0},
		{"unready and missing, scaling up", utilization(50), 3, unready(cpu(1000, 100, 2000, -1), 0), 200, 4, 0},
		{"unready and missing, scaling down", utilization(300), 4, unready(requests(cpu(1000, 200, 100, 100, -1), 1000, 1000, 2000, 2000), 0), 6, 2, 0},
		{"a missing one turns the direction", utilization(100), 2, cpu(1000, 1900, -1), 190, 2, 0},
		{"a request that all exceed", utilization(100), 4, cpu(1000, 4000, 9500, 3000, 7000), 587, 24, 0},
		{"down", utilization(50), 5, cpu(1000, 100, 300, 500, 250, 250), 28, 3, 0},
		{"a third that is not measured", utilization(50), 2, cpu(1000, 100, 100, -1), 10, 2, 0},
		{"within the tolerance", utilization(100), 3, cpu(1000, 1020, 1020, 1020), 102, 3, 0},
		{"no tolerance", tolerant(utilization(100), "0", "0"), 3, cpu(1000, 1010, 1010, 1010), 101, 4, 0},
		{"above the tolerance up", tolerant(utilization(100), "0.08", "0.1"), 3, cpu(1000, 1090, 1090, 1090), 109, 4, 0},
		{"within the tolerance down", tolerant(utilization(100), "0.1", "0.36"), 3, cpu(1000, 650, 650, 650), 65, 3, 0},
		{"below the tolerance down", tolerant(utilization(100), "0.1", "0.34"), 3, cpu(1000, 650, 650, 650), 65, 2, 0},
		// 5.9 % of a target of 5 % are 5 % to upstream, within the tolerance.
		{"a low target", utilization(5), 10, cpu(1000, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59), 5, 10, 12},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.exact == 0 {
				row.exact = row.want
			}
			for compat, want := range map[bool]int32{true: row.want, false: row.exact} {
				d := decide(row.spec, compat, &scaler.Observation{SpecReplicas: row.current, Pods: row.pods}, nil)
				if p := d.Metrics[0].Proposal; p == nil || *p != want || d.Metrics[0].Utilization != row.util {
					t.Errorf("compat %v: expected %d at %d %%, got %v at %d %% (%s)", compat, want, row.util, value(p), d.Metrics[0].Utilization, d.Metrics[0].Error)
				}
			}
		})
	}
}

func value(n *int32) any {
	if n == nil {
		return nil
	}
	return *n
}

func decide(s *scaler.Spec, compat bool, o *scaler.Observation, h *scaler.History) scaler.Decision {
	if h == nil {
		h = &scaler.History{}
	}
	if o.Now.IsZero() {
		o.Now = noon
	}
	if o.StatusReplicas == 0 {
		o.StatusReplicas = o.SpecReplicas
	}
	return scaler.New(s, scaler.Options{Compat: compat}).Decide(o, h)
}

func target(value string) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: new(resource.MustParse(value))}
}

func average(value string) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse(value))}
}

func external(t autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "jobs"}, Target: t,
	}}
}

// wanting is an observation whose metric, a target of 1 for each replica, asks for n.
func wanting(current, n int32) (*scaler.Spec, *scaler.Observation) {
	return bounded(external(average("1"))), &scaler.Observation{
		SpecReplicas: current, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{int64(n) * 1000}}},
	}
}

func TestPlain(t *testing.T) {
	custom := func(values ...int64) []scaler.Pod {
		pods := cpu(0, make([]int64, len(values))...)
		for i, v := range values {
			pods[i].Custom = []scaler.Sample{{Metric: "qps", Milli: v, At: noon}}
		}
		return pods
	}
	pods := bounded(autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "qps"}, Target: average("15"),
	}})
	object := bounded(autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
		DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Ingress", Name: "web"},
		Metric:          autoscalingv2.MetricIdentifier{Name: "qps"}, Target: average("5"),
	}})
	for _, row := range []struct {
		name string
		spec *scaler.Spec
		o    scaler.Observation
		want int32
	}{
		{"pods", pods, scaler.Observation{SpecReplicas: 3, Pods: custom(20_000, 10_000, 30_000)}, 4},
		{"object per pod", object, scaler.Observation{SpecReplicas: 3, Objects: []scaler.ObjectValue{{Metric: "qps", Kind: "Ingress", Name: "web", Milli: 20_000}}}, 4},
		{"external per pod, beyond all bounds", bounded(external(average("1m"))), scaler.Observation{SpecReplicas: 3, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{1<<63 - 1}}}}, 1<<31 - 1},
		{"external per pod, beyond all bounds in sum", bounded(external(average("1m"))), scaler.Observation{SpecReplicas: 3, External: []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{1<<63 - 1, 5}}}}, 1<<31 - 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, compat := range []bool{true, false} {
				o := row.o
				d := decide(row.spec, compat, &o, nil)
				if p := d.Metrics[0].Proposal; p == nil || *p != row.want {
					t.Errorf("compat %v: expected %d, got %v (%s)", compat, row.want, value(p), d.Metrics[0].Error)
				}
			}
		})
	}
}

func changes(every time.Duration, by ...int32) (out []scaler.Change) {
	for i, n := range by {
		out = append(out, scaler.Change{At: ago(every * time.Duration(len(by)-i)), Change: n})
	}
	return out
}

type policies []autoscalingv2.HPAScalingPolicy

func pods(n, period int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: n, PeriodSeconds: period}
}

func percent(n, period int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: n, PeriodSeconds: period}
}

// The rates of upstream's tables (horizontal_test.go). The history has no recommendations.
func TestRates(t *testing.T) {
	for _, row := range []struct {
		current, wanted int32
		up, down        policies
		selects         autoscalingv2.ScalingPolicySelect
		ups, downs      []scaler.Change
		want            int32
	}{
		{current: 3, wanted: 1000, up: policies{percent(1, 60)}, want: 4},
		{current: 1000, wanted: 3, down: policies{pods(20, 60)}, want: 980},
		{current: 10, wanted: 50, want: 20},
		{current: 10, wanted: 500, up: policies{pods(100, 60), percent(100, 60)}, want: 110},
		{current: 10, wanted: 500, up: policies{pods(2, 60), percent(100, 60)}, want: 20},
		{current: 10, wanted: 500, up: policies{percent(200, 60)}, want: 30},
		{current: 100, wanted: 2, down: policies{pods(20, 60), percent(1, 60)}, want: 80},
		{current: 100, wanted: 2, down: policies{pods(2, 60), percent(1, 60)}, want: 98},
		{current: 100, wanted: 2, down: policies{percent(50, 120)}, downs: changes(20*time.Second, 2, 4, 6), want: 56},
		{current: 100, wanted: 1000, up: policies{pods(150, 120)}, ups: changes(20*time.Second, 1, 5, 9), want: 235},
		{current: 100, wanted: 1000, up: policies{pods(5, 120)}, ups: changes(20*time.Second, 1, 5, 9), want: 100},
		{current: 6, wanted: 24, up: policies{percent(300, 300)}, ups: changes(time.Minute, 4), downs: changes(time.Minute, 2), want: 16},
		{current: 10, wanted: 1, down: policies{percent(50, 180)}, ups: changes(time.Minute, 2), downs: changes(time.Minute, 4), want: 6},
		{current: 100, wanted: 2, down: policies{percent(10, 120)}, downs: changes(20*time.Second, 10, 10, 10), want: 100},
		{current: 1, wanted: 50, up: policies{pods(2, 60), percent(50, 60)}, selects: "Min", want: 2},
		{current: 5, wanted: 1, down: policies{pods(2, 60), percent(50, 60)}, selects: "Min", want: 3},
		{current: 5, wanted: 50, up: policies{pods(2, 60)}, selects: "Disabled", want: 5},
		{current: 5, wanted: 1, down: policies{pods(2, 60)}, selects: "Disabled", want: 5},
	} {
		t.Run(fmt.Sprintf("%d to %d by %v %v %s", row.current, row.wanted, row.up, row.down, row.selects), func(t *testing.T) {
			for _, compat := range []bool{true, false} {
				spec, o := wanting(row.current, row.wanted)
				if row.up != nil || row.down != nil {
					rules := func(p policies) *autoscalingv2.HPAScalingRules {
						r := &autoscalingv2.HPAScalingRules{Policies: p, StabilizationWindowSeconds: new(int32(0))}
						if row.selects != "" {
							r.SelectPolicy = &row.selects
						}
						return r
					}
					spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(row.up), ScaleDown: rules(row.down)}
				}
				if d := decide(spec, compat, o, &scaler.History{ScaleUps: row.ups, ScaleDowns: row.downs}); d.Desired != row.want {
					e := d.Explain()
					t.Errorf("compat %v: expected %d, got %d\n%s", compat, row.want, d.Desired, e.Text())
				}
			}
		})
	}
}

func TestStabilization(t *testing.T) {
	for _, row := range []struct {
		name            string
		current, wanted int32
		was             []scaler.Recommendation
		upWindow        int32
		want            int32
	}{
		{"the highest of five minutes", 5, 3, []scaler.Recommendation{{ago(2 * time.Minute), 4}, {ago(time.Minute), 5}}, 0, 5},
		{"lower ones do not matter", 3, 3, []scaler.Recommendation{{ago(2 * time.Minute), 1}, {ago(time.Minute), 2}}, 0, 3},
		{"old ones do not matter", 10, 3, []scaler.Recommendation{{ago(10 * time.Minute), 10}, {ago(9 * time.Minute), 9}}, 0, 3},
		{"the lowest of the window up", 1, 7, []scaler.Recommendation{{ago(2 * time.Minute), 4}, {ago(time.Minute), 5}}, 300, 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, compat := range []bool{true, false} {
				spec, o := wanting(row.current, row.wanted)
				if row.upWindow > 0 {
					spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &row.upWindow}}
				}
				h := (&scaler.History{Recommendations: row.was}).Clone()
				if d := decide(spec, compat, o, h); d.Desired != row.want {
					t.Errorf("compat %v: expected %d, got %d", compat, row.want, d.Desired)
				}
			}
		})
	}
}
