package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/scaler"
	"github.com/rebound-chaos/rebound/healers/scaler/replay"
)

// drawSpec is an HPA by any of the metrics that settle.
func drawSpec(t *rapid.T, behavior bool) *scaler.Spec {
	low := rapid.IntRange(1, 10).Draw(t, "min")
	high := low + rapid.IntRange(0, 40).Draw(t, "more")
	metrics := rapid.SampledFrom([]string{cpuHalf, podsTen, queueFive, cpuHalf + ", " + podsTen, podsTen + ", " + queueFive}).Draw(t, "metrics")
	extra := ""
	if behavior {
		rules := func(way string) string {
			return fmt.Sprintf("%s: {stabilizationWindowSeconds: %d, selectPolicy: %s, policies: [{type: Pods, value: %d, periodSeconds: %d}, {type: Percent, value: %d, periodSeconds: %d}]}",
				way, rapid.IntRange(0, 600).Draw(t, "window"), rapid.SampledFrom([]string{"Max", "Min", "Disabled"}).Draw(t, "select"),
				rapid.IntRange(1, 9).Draw(t, "pods"), rapid.IntRange(1, 1800).Draw(t, "period"), rapid.IntRange(1, 200).Draw(t, "percent"), rapid.IntRange(1, 1800).Draw(t, "period"))
		}
		extra = ", behavior: {" + rules("scaleUp") + ", " + rules("scaleDown") + "}"
	}
	return hpa(t, "{minReplicas: %d, maxReplicas: %d, metrics: [%s]%s}", low, high, metrics, extra)
}

func drawOptions(t *rapid.T) replay.Options {
	return replay.Options{
		Start: rapid.Int32Range(0, 80).Draw(t, "start"), Requests: oneCore(), Compat: rapid.Bool().Draw(t, "compat"),
		ReadyAfter: time.Duration(rapid.IntRange(-1, 400).Draw(t, "readyAfter")) * time.Second,
	}
}

// drawRecording has rows at any distance, and gaps.
func drawRecording(t *rapid.T) replay.Recording {
	var b strings.Builder
	b.WriteString("time,cpu,rps,queue\n")
	at := 0.0
	for range rapid.IntRange(1, 60).Draw(t, "rows") {
		cell := func(most float64) string {
			if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
				return ""
			}
			return fmt.Sprint(rapid.Float64Range(0, most).Draw(t, "value"))
		}
		fmt.Fprintf(&b, "%v,%s,%s,%s\n", at, cell(30), cell(600), cell(300))
		at += rapid.Float64Range(0.1, 400).Draw(t, "step")
	}
	return recording(t, b.String())
}

// Whatever is played: replicas are within their bounds, the summary is that of the steps,
// and the same comes out the second time.
func TestAnyReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec, rec, o := drawSpec(t, rapid.Bool().Draw(t, "behavior")), drawRecording(t), drawOptions(t)
		r := run(t, spec, rec, o)
		sum := &r.Summary
		var hours float64
		var short time.Duration
		for i := range r.Steps {
			s := &r.Steps[i]
			if s.Desired < r.Min || s.Desired > r.Max || s.Ready < 0 || s.Ready > s.Desired {
				t.Fatalf("step %d: %+v, bounds %d to %d", i, s, r.Min, r.Max)
			}
			until := r.Until.Sub(r.From)
			if i+1 < len(r.Steps) {
				until = r.Steps[i+1].At
				if r.Steps[i+1].Replicas != s.Desired {
					t.Fatalf("step %d: %d were decided, and then there are %d", i, s.Desired, r.Steps[i+1].Replicas)
				}
			}
			hours += float64(s.Desired) * (until - s.At).Hours()
			if s.Short {
				short += until - s.At
			}
			if (s.Desired != s.Replicas) != (s.Reason != "") && !o.Compat {
				t.Fatalf("step %d: %d to %d for %q", i, s.Replicas, s.Desired, s.Reason)
			}
		}
		if math.Abs(hours-sum.ReplicaHours) > 1e-6 || short != sum.Short || sum.Decisions != len(r.Steps) || sum.Turns > sum.ScaleUps+sum.ScaleDowns ||
			sum.Mean < float64(sum.Least)-1e-9 || sum.Mean > float64(sum.Most)+1e-9 {
			t.Fatalf("summary: %+v; %v replica-hours, short for %v", sum, hours, short)
		}
		for i, s := range r.Short {
			short -= s.Until - s.From
			if s.Until <= s.From || i > 0 && s.From <= r.Short[i-1].Until {
				t.Fatalf("stretches: %v", r.Short)
			}
		}
		if short != 0 {
			t.Fatalf("stretches: %v, of %v", r.Short, sum.Short)
		}
		first, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(run(t, spec, rec, o)); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("it differs from one time to the next: %v", err)
		}
	})
}

// A demand that does not change is met without turning, and then nothing changes any more.
func TestConstantDemandSettles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec, o := drawSpec(t, false), drawOptions(t)
		cpu, rps, queue := rapid.Float64Range(0, 30).Draw(t, "cpu"), rapid.Float64Range(0, 600).Draw(t, "rps"), rapid.Float64Range(0, 300).Draw(t, "queue")
		var b strings.Builder
		b.WriteString("time,cpu,rps,queue\n")
		for i := range 120 {
			fmt.Fprintf(&b, "%d,%v,%v,%v\n", 60*i, cpu, rps, queue)
		}
		r := run(t, spec, recording(t, b.String()), o)
		last := &r.Steps[len(r.Steps)-1]
		for i := len(r.Steps) / 2; i < len(r.Steps); i++ {
			if s := &r.Steps[i]; s.Desired != last.Desired || s.Ready != last.Desired {
				t.Fatalf("at %v there are %d, %d ready, and in the end %d", s.At, s.Desired, s.Ready, last.Desired)
			}
		}
		if r.Summary.Turns > 1 {
			t.Fatalf("it turned %d times", r.Summary.Turns)
		}
		if o.Compat && last.Short { // upstream cuts a utilization off to a whole percent of the request
			last.Short = slices.ContainsFunc(last.Loads, func(l replay.Load) bool { return l.Ratio > 1.1+1.0/50 })
		}
		if last.Short && last.Desired < r.Max {
			t.Fatalf("it settled at %d, which are too few: %+v", last.Desired, last)
		}
	})
}
