package coordinator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers/coordinator"
)

func TestAddress(t *testing.T) {
	for _, row := range []struct{ in, want, problem string }{
		{"7070", "127.0.0.1:7070", ""},
		{":7070", "127.0.0.1:7070", ""},
		{"127.0.0.1:0", "127.0.0.1:0", ""},
		{"0.0.0.0:7070", "0.0.0.0:7070", ""},
		{"[::1]:7070", "[::1]:7070", ""},
		{"engine:7070", "engine:7070", ""},
		{"", "", `listen for breakers at ":": expected HOST:PORT, like 127.0.0.1:7070: the port is a number`},
		{"engine", "", "the port is a number"},
		{"::1:7070", "", "too many colons"},
		{"http://engine:7070", "", "too many colons"},
	} {
		got, err := coordinator.Address(row.in)
		if got != row.want || (err == nil) != (row.problem == "") || err != nil && !strings.Contains(err.Error(), row.problem) {
			t.Errorf("%q: %q, %v", row.in, got, err)
		}
	}
}

// TestRun: it serves, ends at once although a member waits, and another takes its place.
func TestRun(t *testing.T) {
	at := "0"
	for range 2 {
		ln, err := coordinator.Listen(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		at = ln.Addr().String()
		if !strings.HasPrefix(at, "127.0.0.1:") {
			t.Fatalf("it listens at %s", at)
		}
		if _, err := coordinator.Listen(t.Context(), at); err == nil || !strings.Contains(err.Error(), "listen for breakers: ") {
			t.Errorf("two at one address: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		entered := make(chan struct{}, 1)
		go func() { ended <- begin(t).Run(ctx, &watched{ln, entered}) }()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		get := func(path string) (string, error) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+path, http.NoBody)
			if err != nil {
				return "", err
			}
			a, err := client.Do(r)
			if err != nil {
				return "", err
			}
			b, err := io.ReadAll(a.Body)
			return string(b), errors.Join(err, a.Body.Close())
		}
		if got, err := get("/v1/breakers/store"); err != nil || !strings.Contains(got, `"consecutive":1`) {
			t.Errorf("%s, %v", got, err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/v1/members", strings.NewReader(`{"dependency": "store", "name": "a", "identity": "a/0"}`))
		if err != nil {
			t.Fatal(err)
		}
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Member string }
		if err := errors.Join(json.NewDecoder(a.Body).Decode(&m), a.Body.Close()); err != nil {
			t.Fatal(err)
		}
		waits := make(chan error, 1)
		go func() {
			_, err := get("/v1/directives?waitSeconds=20&member=" + m.Member)
			waits <- err
		}()
		<-entered
		stop()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
		// Had it waited for the member, it would have hung up on it in the end.
		if err := <-waits; err != nil {
			t.Errorf("the member that waited got no answer: %v", err)
		}
		client.CloseIdleConnections()
	}
}

// watched tells when a request for directives is with the handler: the server has read all
// of it, and reads on for nothing but to see whether the client leaves.
type watched struct {
	net.Listener

	entered chan<- struct{}
}

func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return &watchedConn{Conn: c, entered: w.entered}, err
}

type watchedConn struct {
	net.Conn

	asked   bool
	entered chan<- struct{}
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if c.asked {
		c.asked = false
		c.entered <- struct{}{}
	}
	n, err := c.Conn.Read(p)
	c.asked = bytes.Contains(p[:n], []byte("/v1/directives"))
	return n, err
}
