package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func Example() {
	b, err := breaker.New(breaker.Config{Name: "store", Failures: 2, Within: 10 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	read := func(context.Context) (string, error) { return "", errors.New("connection refused") }
	for range 3 {
		_, err := breaker.Do(context.Background(), b, read)
		fmt.Println(err, errors.Is(err, breaker.ErrOpen))
	}
	// Output:
	// connection refused false
	// connection refused false
	// breaker store is open true
}

func ExampleCore() {
	core, err := breaker.NewCore(breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0)}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	ticket, _ := core.Allow(0)
	core.Done(5*time.Millisecond, ticket, breaker.Failure)
	next, _ := core.Next()
	fmt.Println(core.State(next-1), core.State(next), next)
	// Output: open half-open 1.005s
}
