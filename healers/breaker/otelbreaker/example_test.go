package otelbreaker_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/otelbreaker"
)

func Example() {
	store, err := breaker.New(breaker.Config{Name: "store", Count: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	registration, err := otelbreaker.Register(provider.Meter("shop"), func() []*breaker.Breaker { return []*breaker.Breaker{store} })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = registration.Unregister() }()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(all.ScopeMetrics[0].Metrics), "metrics")
	// Output: 8 metrics
}
