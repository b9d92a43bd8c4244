package scaler_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// most is how many replicas upstream can double: with more its limit is below zero, and so is
// what it decides.
const most = math.MaxInt32 / 2

// keepsBounds plays some decisions, each after the last, in both modes: none panics, none is
// out of bounds, and each can be told.
func keepsBounds(t *testing.T, spec *scaler.Spec, o scaler.Observation, h *scaler.History) {
	t.Helper()
	low := int32(1)
	if spec.MinReplicas != nil {
		low = *spec.MinReplicas
	}
	for _, compat := range []bool{false, true} {
		s, o, h := scaler.New(spec, scaler.Options{Compat: compat}), o, h.Clone()
		for range 4 {
			d := s.Decide(&o, h)
			e := d.Explain()
			if _, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			}
			_ = e.Text()
			paused := d.Current == 0 && d.Desired == 0
			if !paused && (d.Desired < low || d.Desired > spec.MaxReplicas) && (!compat || d.Current <= most) {
				t.Fatalf("compat %v: %d is not within %d and %d\n%s", compat, d.Desired, low, spec.MaxReplicas, e.Text())
			}
			if d.Desired != d.Current {
				s.Scaled(h, o.Now, d.Current, d.Desired)
			}
			o.Now = o.Now.Add(scaler.DefaultInterval)
			o.SpecReplicas, o.StatusReplicas = max(d.Desired, 0), o.StatusReplicas/2
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(int64(500), int64(1000), int32(50), int32(3), int32(10), uint8(0))
	f.Add(int64(math.MaxInt64), int64(1), int32(1), int32(1), int32(math.MaxInt32), uint8(255))
	f.Add(int64(math.MinInt64), int64(1), int32(math.MaxInt32), int32(math.MaxInt32), int32(math.MaxInt32), uint8(4))
	f.Fuzz(func(t *testing.T, usage, request int64, percent, current, most int32, bits uint8) {
		spec := utilization(max(percent, 1))
		spec.MaxReplicas = max(most, 1)
		o := scaler.Observation{Now: noon, SpecReplicas: max(current, 0), StatusReplicas: int32(bits), Pods: cpu(request, usage, int64(bits), usage)}
		o.Pods[1].Deleting, o.Pods[2].Foreign = bits&1 != 0, bits&2 != 0
		if bits&4 != 0 {
			o.Pods[0].Requests = []scaler.Amount{{Resource: "cpu", Milli: request / 2}}
		}
		if bits&8 != 0 {
			o.Errors = map[string]string{"cpu": "no answer"}
		}
		keepsBounds(t, spec, o, &scaler.History{})
	})
}

// A metric without pods, whatever was asked for and changed before, by whatever rules.
func FuzzDecideExternal(f *testing.F) {
	f.Add(int64(90_000), int64(0), int64(10_000), int32(3), int32(1), int32(20), int32(5), int32(4), uint16(60), uint16(300), int32(4), uint8(0))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(1), int32(7), int32(0), int32(math.MaxInt32), int32(math.MaxInt32), int32(math.MaxInt32), uint16(1), uint16(3600), int32(math.MaxInt32), uint8(0b1010_1011))
	f.Add(int64(math.MinInt64), int64(-1), int64(math.MaxInt64), int32(math.MaxInt32), int32(2), int32(9), int32(0), int32(1), uint16(0), uint16(0), int32(1), uint8(0b0101_0111))
	f.Add(int64(5000), int64(1), int64(1000), int32(1<<30), int32(1<<30), int32(math.MaxInt32), int32(1<<30), int32(1<<30), uint16(15), uint16(15), int32(100), uint8(0b1111_1110))
	f.Fuzz(func(t *testing.T, first, second, target int64, current, low, high, was, changed int32, age, window uint16, by int32, bits uint8) {
		on := func(bit int) bool { return bits&(1<<bit) != 0 }
		q := resource.NewMilliQuantity(max(target, 1), resource.DecimalSI)
		to := autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: q}
		if on(0) {
			to = autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: q}
		}
		spec := bounded(external(to))
		spec.MaxReplicas = max(high, 1)
		spec.MinReplicas = new(min(max(low, 0), spec.MaxReplicas))
		if on(1) {
			rules := func(select1, select2 bool) *autoscalingv2.HPAScalingRules {
				p := percent(max(by, 1), 1+int32(window)%1800)
				if on(2) {
					p.Type = autoscalingv2.PodsScalingPolicy
				}
				r := &autoscalingv2.HPAScalingRules{Policies: policies{p, pods(1, 15)}, StabilizationWindowSeconds: new(int32(window) % 3601)}
				switch {
				case select1 && select2:
					r.SelectPolicy = new(autoscalingv2.DisabledPolicySelect)
				case select1:
					r.SelectPolicy = new(autoscalingv2.MinChangePolicySelect)
				}
				return r
			}
			spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(on(3), on(4)), ScaleDown: rules(on(5), on(4))}
		}
		at := ago(time.Duration(age) * time.Second)
		h := &scaler.History{
			Recommendations: []scaler.Recommendation{{At: at, Replicas: max(was, 0)}, {At: noon, Replicas: max(current, 0)}},
			ScaleUps:        []scaler.Change{{At: at, Change: max(changed, 1)}},
			ScaleDowns:      []scaler.Change{{At: at.Add(time.Second), Change: max(by, 1)}, {At: noon, Change: max(changed, 1)}},
		}
		o := scaler.Observation{Now: noon, SpecReplicas: max(current, 0), StatusReplicas: max(was, 0), Pods: cpu(1000, 1, 1)}
		o.External = []scaler.ExternalValues{{Metric: "jobs", Milli: []int64{first, second}}}
		if on(6) {
			h.ScaledToZero = new(on(7))
		}
		keepsBounds(t, spec, o, h)
	})
}
