package degraded_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// Recommendations are nice to have: while they are lost, everybody gets what sells best,
// and the answer says so.
func ExampleFallback() {
	b, err := breaker.New(breaker.Config{Name: "recommendations", Consecutive: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	popular := degraded.Fallback[[]string]{Value: []string{"tea", "cake"}}
	recommend := func(context.Context) ([]string, error) { return nil, errors.New("connection refused") }

	for range 2 {
		items, isDegraded, err := popular.Do(context.Background(), func(ctx context.Context) ([]string, error) {
			return breaker.Do(ctx, b, recommend)
		})
		fmt.Println(items, isDegraded, err, b.State())
	}
	// Output:
	// [tea cake] true <nil> open
	// [tea cake] true <nil> open
}

// A fallback deep down need not be handed up: the context tells.
func ExampleWatch() {
	popular := degraded.Fallback[string]{Value: "tea"}
	place := func(ctx context.Context) string {
		item, _, _ := popular.Do(ctx, func(context.Context) (string, error) { return "", errors.New("lost") })
		return "order of " + item
	}

	ctx, mark := degraded.Watch(context.Background())
	fmt.Println(place(ctx), mark.Degraded())
	// Output: order of tea true
}
