package oracle

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	podautoscaler "k8s.io/kubernetes/pkg/controller/podautoscaler"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

const (
	runs    = 5
	allowed = 50 // µs, the median of a decision over 1,000 pods
	// What upstream's takes on the machine that the limit was set on. Where it takes
	// longer ours may, in proportion: the machine is slow, or busy.
	reference = 400 // µs
)

// at hand has the metrics as upstream wants them: what it costs to fetch and sort them is
// not its calculator's.
type atHand struct {
	metricsclient.MetricsClient
	info metricsclient.PodMetricsInfo
}

func (m atHand) GetResourceMetric(context.Context, corev1.ResourceName, string, labels.Selector, string) (metricsclient.PodMetricsInfo, time.Time, error) {
	return m.info, time.Time{}, nil
}

// Upstream's calculator, which is a part of a decision, and a whole decision of ours, over the
// same 1,000 pods.
func TestOracleSpeed(t *testing.T) {
	now := time.Now()
	o := &scaler.Observation{Now: now, SpecReplicas: 1000, StatusReplicas: 1000}
	info := metricsclient.PodMetricsInfo{}
	w := &world{}
	for i := range 1000 {
		p := scaler.Pod{
			Name: fmt.Sprint("pod-", i), Phase: corev1.PodRunning, Ready: corev1.ConditionTrue, Start: now.Add(-time.Hour), ReadyTransition: now.Add(-time.Hour),
			Containers: []scaler.Container{{
				Name: "a", Requests: []scaler.Amount{{Resource: "cpu", Milli: 1000}},
				Usage: []scaler.Sample{{Metric: "cpu", Milli: int64(600 + i%300), At: now, Window: time.Minute}},
			}},
		}
		o.Pods = append(o.Pods, p)
		w.pods = append(w.pods, object(&p))
		info[p.Name] = metricsclient.PodMetric{Timestamp: now, Window: time.Minute, Value: int64(600 + i%300)}
	}
	spec := &scaler.Spec{}
	spec.MaxReplicas = 5000
	spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: "cpu", Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(50))},
	}}}
	calculator := podautoscaler.NewReplicaCalculator(atHand{info: info}, lister{w}, scaler.DefaultCPUInitPeriod, scaler.DefaultReadinessDelay)
	tolerances := podautoscaler.AreWithin(scaler.DefaultTolerance, scaler.DefaultTolerance)
	s := scaler.New(spec, scaler.Options{})
	h := &scaler.History{}
	n, _, _, _, err := calculator.GetResourceReplicas(t.Context(), 1000, 50, "cpu", tolerances, "default", labels.Everything(), "")
	if c := scaler.New(spec, scaler.Options{Compat: true}).Decide(o, h); err != nil || c.Wanted != n {
		t.Fatalf("expected %d, as upstream (%v), got %d", n, err, c.Wanted)
	}
	var theirs, ours []float64
	var allocated int64
	for range runs {
		theirs = append(theirs, perOp(testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, _, _, _, _ = calculator.GetResourceReplicas(b.Context(), 1000, 50, "cpu", tolerances, "default", labels.Everything(), "")
			}
		})))
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.Now = o.Now.Add(time.Second)
				_ = s.Decide(o, h)
			}
		})
		ours, allocated = append(ours, perOp(r)), r.AllocedBytesPerOp()
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	a, b := theirs[runs/2], ours[runs/2]
	if a < 5*b {
		t.Errorf("%.1f µs is not five times as fast as %.1f µs", b, a)
	}
	if limit := allowed * max(1, a/reference); b > limit {
		t.Errorf("a decision takes %.1f µs, and may %.1f", b, limit)
	}
	fmt.Printf("1,000 pods: upstream's calculator %.1f µs, a decision of ours %.1f µs (%d B): %.1f times as fast\n", a, b, allocated, a/b)
}

func perOp(r testing.BenchmarkResult) float64 {
	return float64(r.T.Nanoseconds()) / float64(r.N) / 1000
}
