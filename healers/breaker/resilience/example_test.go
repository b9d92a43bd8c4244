package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/fallback"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

// Everything around one dependency. Orders go on without recommendations, with what sells
// best instead.
func ExamplePreset() {
	b, err := breaker.New(breaker.Config{Name: "recommendations", Consecutive: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	preset := resilience.Preset[string]{
		Breaker:        b,
		Timeout:        2 * time.Second,
		AttemptTimeout: 500 * time.Millisecond,
		Retry:          &resilience.Retry[string]{Delay: time.Millisecond, MaxDelay: 5 * time.Millisecond},
		Bulkhead:       &resilience.Bulkhead{Calls: 32},
		Fallback:       &degraded.Fallback[string]{Value: "what sells best"},
	}
	recommendations, err := preset.Build()
	if err != nil {
		fmt.Println(err) // all that is wrong with it
		return
	}

	asked := 0
	for range 4 {
		ctx, mark := degraded.Watch(context.Background())
		item, err := recommendations.Do(ctx, func(context.Context) (string, error) {
			asked++
			return "", errors.New("connection refused")
		})
		fmt.Println(item, err, mark.Degraded(), asked, b.State())
	}
	// Output:
	// what sells best <nil> true 3 open
	// what sells best <nil> true 3 open
	// what sells best <nil> true 3 open
	// what sells best <nil> true 3 open
}

// A breaker among policies of one's own choice.
func ExamplePolicy() {
	b, err := breaker.New(breaker.Config{Name: "store", Consecutive: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	retry, err := (&resilience.Retry[string]{Max: 5, Delay: time.Millisecond}).Policy(&resilience.Budget{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := failsafe.With(
		fallback.NewWithResult("static"),
		retry,
		&resilience.Policy[string]{Breaker: b},
	)

	asked := 0
	v, err := store.Get(func() (string, error) {
		asked++
		return "", errors.New("connection refused")
	})
	fmt.Println(v, err, asked) // the breaker opened, and was not retried
	// Output: static <nil> 2
}
