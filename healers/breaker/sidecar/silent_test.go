package sidecar_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// TestSilenceEndsUpgraded: also a connection that speaks something else may not be silent
// for ever.
func TestSilenceEndsUpgraded(t *testing.T) {
	p := start(t, sidecar.Route{Idle: 300 * time.Millisecond, Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(io.Discard, rw) // and says nothing
	})})
	c := p.dial()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(c)
	a, err := http.ReadResponse(r, nil)
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(a, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("it said something")
	} else if late, ok := err.(interface{ Timeout() bool }); ok && late.Timeout() {
		t.Error("it is still there")
	}
}
