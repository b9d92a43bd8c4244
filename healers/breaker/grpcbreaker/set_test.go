package grpcbreaker_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/grpcbreaker"
)

func TestSet(t *testing.T) {
	if _, err := grpcbreaker.NewSet(breaker.Config{Failures: -1}); !errors.Is(err, breaker.ErrConfig) {
		t.Errorf("a bad config: %v", err)
	}
	set, err := grpcbreaker.NewSet(breaker.Config{Name: "store", Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.All()) != 0 {
		t.Errorf("it begins with %d", len(set.All()))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 2000 {
				set.Of("/" + strconv.Itoa(i))
			}
		})
	}
	all.Wait()
	if n := len(set.All()); n != 1001 {
		t.Errorf("2000 names made %d breakers", n)
	}
	one := set.Of("/1")
	if set.Of("/x") != set.Of("/y") || one == set.Of("/2") || one != set.Of("/1") {
		t.Error("names are mixed up")
	}
	if a, b := set.Of("/1").Snapshot().Name, set.Of("/x").Snapshot().Name; a != "store/1" || b != "store (others)" {
		t.Errorf("they are named %q and %q", a, b)
	}
}

// TestSetDoesNotTryInStep: a seed is for repeatable delays, not for equal ones.
func TestSetDoesNotTryInStep(t *testing.T) {
	delays := func() (d [2]int64) {
		opened := map[string]int64{}
		set, err := grpcbreaker.NewSet(breaker.Config{Seed: 7, Listen: func(e breaker.Event) { opened[e.Name] = int64(e.OpenFor) }})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"/a", "/b"} {
			set.Of(name).Trip()
			d[i] = opened[name]
		}
		return d
	}
	first, second := delays(), delays()
	if first[0] == first[1] || first[0] == 0 || first != second {
		t.Errorf("delays %v and %v", first, second)
	}
}
