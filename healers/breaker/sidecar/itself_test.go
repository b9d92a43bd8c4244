package sidecar_test

import (
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// TestCallsItselfByDefault: an upstream without a port has that of its scheme.
func TestCallsItselfByDefault(t *testing.T) {
	for _, row := range []struct {
		listen, upstream string
		itself           bool
	}{
		{":80", "http://localhost", true},
		{":443", "https://127.0.0.1/x", true},
		{"127.0.0.1:80", "http://127.0.0.1", true},
		{":443", "http://localhost", false},
		{":80", "https://localhost", false},
		{":80", "http://orders", false},
		{":0", "http://localhost", false},
	} {
		c := sidecar.Config{Routes: []sidecar.Route{{Listen: row.listen, Upstream: row.upstream}}}
		err := c.Validate()
		if is := err != nil && strings.Contains(err.Error(), "it would call itself"); is != row.itself || err != nil && !is {
			t.Errorf("%s=%s: %v", row.listen, row.upstream, err)
		}
	}
}
