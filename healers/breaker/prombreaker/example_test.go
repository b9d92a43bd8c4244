package prombreaker_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/prombreaker"
)

func Example() {
	store, err := breaker.New(breaker.Config{Name: "store", Count: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&prombreaker.Collector{Breakers: func() []*breaker.Breaker { return []*breaker.Breaker{store} }})
	store.Trip()
	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() == "rebound_breaker_opened_total" {
			fmt.Println(f.GetName(), f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output: rebound_breaker_opened_total 1
}
