package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// TestURLs: one that ends with a slash is as good as one that does not.
func TestURLs(t *testing.T) {
	for _, url := range []string{"http://coordinator:7070", "http://coordinator:7070/"} {
		synctest.Test(t, func(t *testing.T) {
			n := &near{}
			o := n.begin(t, fleet.Config{})
			c, err := fleet.NewClient(fleet.ClientConfig{URL: url, Dependency: "store", Name: "orders", Identity: "1", HTTP: &http.Client{Transport: n}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			<-time.After(time.Second)
			if s := o.Status(); len(s) != 1 || s[0].Members != 1 {
				t.Errorf("by %s: %+v", url, s)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	for _, url := range []string{"", "coordinator:7070", "tcp://coordinator:7070", "http://:7070", "http://coordinator/?a", "http://coordinator/#a"} {
		if _, err := fleet.NewClient(fleet.ClientConfig{URL: url, Dependency: "store", Name: "orders", Identity: "1"}); !errors.Is(err, fleet.ErrConfig) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := fleet.NewClient(fleet.ClientConfig{URL: "http://coordinator", Dependency: "store", Name: "orders", Identity: "\xff"}); !errors.Is(err, fleet.ErrConfig) {
		t.Errorf("no text: %v", err)
	}
}
