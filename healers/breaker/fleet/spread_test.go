package fleet_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// TestWhoIsGrantedATrialWaitsForNoSpread: settings that a fleet shares may have one, for
// those who find no coordinator.
func TestWhoIsGrantedATrialWaitsForNoSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &near{}
		n.begin(t, fleet.Config{})
		c, err := fleet.NewClient(fleet.ClientConfig{
			URL: "http://coordinator", Dependency: "store", Name: "orders", Identity: "orders/2", HTTP: &http.Client{Transport: n},
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.New(breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0), Spread: 10 * time.Hour, Identity: "orders/2"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		<-time.After(time.Second)
		p := &pair{Breaker: b}
		if err := p.call(false); err != nil {
			t.Fatal(err)
		}
		for range 50 { // 5 s
			<-time.After(100 * time.Millisecond)
			_ = p.call(true)
		}
		if p.tried != 1 || p.State() != breaker.Closed {
			t.Errorf("%d trials, %v", p.tried, p.State())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
