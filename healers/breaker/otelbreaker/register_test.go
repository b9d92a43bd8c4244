package otelbreaker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/otelbreaker"
)

func made(t *testing.T, config breaker.Config) *breaker.Breaker {
	t.Helper()
	b, err := breaker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is what a collection gets, a line for each point.
func text(t *testing.T, r *metric.ManualReader) string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			lines = append(lines, points(t, m)...)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func points(t *testing.T, m metricdata.Metrics) (lines []string) {
	t.Helper()
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		kind := "sum"
		if d.IsMonotonic {
			kind = "counter"
		}
		for _, p := range d.DataPoints {
			lines = append(lines, line(m, kind, p))
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			lines = append(lines, line(m, "gauge", p))
		}
	default:
		t.Errorf("%s is a %T", m.Name, m.Data)
	}
	return lines
}

func line[N int64 | float64](m metricdata.Metrics, kind string, p metricdata.DataPoint[N]) string {
	var attributes []string
	for _, kv := range p.Attributes.ToSlice() {
		attributes = append(attributes, strings.TrimPrefix(string(kv.Key), "rebound.breaker.")+"="+kv.Value.AsString())
	}
	return fmt.Sprintf("%s %s %s {%s} %v", m.Name, kind, m.Unit, strings.Join(attributes, ","), p.Value)
}

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{
			Name: "store", Count: true, OpenFor: 10 * time.Second, Jitter: breaker.Percent(0),
			Listen: func(breaker.Event) { panic("boom") },
		})
		other := made(t, breaker.Config{Name: "store", Mode: breaker.ForceOpen, OpenFor: time.Second})
		r := metric.NewManualReader()
		registration, err := otelbreaker.Register(metric.NewMeterProvider(metric.WithReader(r)).Meter("shop"),
			func() []*breaker.Breaker { return []*breaker.Breaker{b, nil, other} })
		if err != nil {
			t.Fatal(err)
		}
		late, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []breaker.Outcome{breaker.OK, breaker.OK, breaker.Slow, breaker.Neutral, breaker.Failure} {
			p, err := b.Allow()
			if err != nil {
				t.Fatal(err)
			}
			p.Done(o)
		}
		b.Trip()
		late.Done(breaker.OK)
		if _, err := b.Allow(); err == nil {
			t.Fatal("admitted")
		}
		<-time.After(7500 * time.Millisecond)
		if diff := cmp.Diff(golden, text(t, r)); diff != "" {
			t.Error(diff)
		}
		<-time.After(2500 * time.Millisecond)
		synctest.Wait()
		if _, err := b.Allow(); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"rebound.breaker.trials sum {trial} {name=store} 1\n", "{name=store,state=half_open} 1\n"} {
			if got := text(t, r); !strings.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
		if err := registration.Unregister(); err != nil || text(t, r) != "\n" {
			t.Errorf("after Unregister: %v\n%s", err, text(t, r))
		}
	})
}

const golden = `rebound.breaker.calls counter {call} {name=store,outcome=failure} 1
rebound.breaker.calls counter {call} {name=store,outcome=neutral} 1
rebound.breaker.calls counter {call} {name=store,outcome=ok} 2
rebound.breaker.calls counter {call} {name=store,outcome=slow} 1
rebound.breaker.listener_panics counter {panic} {name=store#2} 0
rebound.breaker.listener_panics counter {panic} {name=store} 1
rebound.breaker.openings counter {opening} {name=store#2} 0
rebound.breaker.openings counter {opening} {name=store} 1
rebound.breaker.rejections counter {call} {name=store} 1
rebound.breaker.retry_after gauge s {name=store#2} 1
rebound.breaker.retry_after gauge s {name=store} 2.5
rebound.breaker.stale counter {call} {name=store} 1
rebound.breaker.state sum {breaker} {name=store#2,state=closed} 0
rebound.breaker.state sum {breaker} {name=store#2,state=forced_closed} 0
rebound.breaker.state sum {breaker} {name=store#2,state=forced_open} 1
rebound.breaker.state sum {breaker} {name=store#2,state=half_open} 0
rebound.breaker.state sum {breaker} {name=store#2,state=open} 0
rebound.breaker.state sum {breaker} {name=store,state=closed} 0
rebound.breaker.state sum {breaker} {name=store,state=forced_closed} 0
rebound.breaker.state sum {breaker} {name=store,state=forced_open} 0
rebound.breaker.state sum {breaker} {name=store,state=half_open} 0
rebound.breaker.state sum {breaker} {name=store,state=open} 1
rebound.breaker.trials sum {trial} {name=store#2} 0
rebound.breaker.trials sum {trial} {name=store} 0
`

func TestNothingToShow(t *testing.T) {
	r := metric.NewManualReader()
	if _, err := otelbreaker.Register(metric.NewMeterProvider(metric.WithReader(r)).Meter("shop"), nil); err != nil || text(t, r) != "\n" {
		t.Errorf("got %v\n%s", err, text(t, r))
	}
}
