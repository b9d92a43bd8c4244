package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// TestProbeOnlyMembersAlone: no call of theirs is a trial while the coordinator is there. Who
// probes for them is gone with it: then each has one in its spread, and comes back.
func TestProbeOnlyMembersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &near{}
		n.begin(t, fleet.Config{})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var all []*pair
		for i := range 30 {
			c, err := fleet.NewClient(fleet.ClientConfig{
				URL: "http://coordinator", Dependency: "store", Name: "orders", Identity: identity(i), HTTP: &http.Client{Transport: n},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.New(breaker.Config{ProbeOnly: true, Trials: 2}); !errors.Is(err, breaker.ErrConfig) {
				t.Errorf("trials of one that has none: %v", err)
			}
			b, err := c.New(breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0), ProbeOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &pair{Breaker: b})
			running.Go(func() { _ = c.Run(ctx) })
		}
		<-time.After(100 * time.Millisecond)
		for _, p := range all {
			_ = p.call(false)
		}
		play := func(seconds int) (tried, busiest int) {
			before := 0
			for range seconds {
				<-time.After(time.Second)
				tried = 0
				for _, p := range all {
					_ = p.call(true)
					tried += p.tried
				}
				busiest, before = max(busiest, tried-before), tried
			}
			return tried, busiest
		}
		if tried, _ := play(60); tried != 0 || states(all) != 0 {
			t.Errorf("%d trials, %d closed, of those that are probed", tried, states(all))
		}
		n.cut.Store(true)
		if tried, busiest := play(90); tried != 30 || busiest > 4 || states(all) != 30 {
			t.Errorf("alone: %d trials, %d in a second, %d closed", tried, busiest, states(all))
		}
		stop()
		running.Wait()
	})
}
