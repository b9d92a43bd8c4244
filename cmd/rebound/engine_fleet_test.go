package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers/policy"
)

const guarded = `apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: guarded}
spec:
  workloads: [{selector: {workload: store}}]
  breakers: [{dependency: stripe, failures: 3, probe: false}]
`

func loadPolicy(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCoordinate(t *testing.T) {
	for _, row := range []struct{ name, policy, at, want string }{
		{"nowhere", guarded, "", ""},
		{"somewhere", guarded, "7070", ""},
		{"no address", guarded, "here", `--fleet: listen for breakers at ":here": expected HOST:PORT`},
		{"no breakers", three, "127.0.0.1:7070", "--fleet 127.0.0.1:7070: policy three: the policy names no breakers"},
	} {
		b, err := coordinate(loadPolicy(t, row.policy), row.at)
		switch {
		case row.want != "":
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s: %v", row.name, err)
			}
		case err != nil || (b == nil) != (row.at == "") || (b.answered() == nil) != (row.at == ""):
			t.Errorf("%s: %+v, %v", row.name, b, err)
		}
	}
}

// TestBreakersAreServed: and an address that is taken is no reason not to heal.
func TestBreakersAreServed(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := taken.Addr().String()
	b, err := coordinate(loadPolicy(t, guarded), at)
	if err != nil {
		t.Fatal(err)
	}
	b.run(t.Context()) // says so, and returns
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.run(ctx)
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/v1/breakers/stripe", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for ctx.Err() == nil && got == "" {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // it does not listen yet
		}
		body, err := io.ReadAll(answer.Body)
		if got = string(body); err != nil || answer.Body.Close() != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(got, `"failures":3`) {
		t.Errorf("%q", got)
	}
	stop()
	<-ended
}
