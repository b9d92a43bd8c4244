package resilience_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
	"github.com/rebound-chaos/rebound/healers/breaker/resilience"
)

// HTTP with all of it: the client has the breakers, one a host, and the preset the rest. An
// attempt makes its request anew and reads the answer to its end; what the server says of
// when to come again is heeded.
func ExampleExecutor_Do() {
	answers := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answers++; answers == 1 {
			http.Error(w, "sorry", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "tea")
	}))
	defer server.Close()

	hosts, err := httpbreaker.NewHosts(breaker.Config{}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: &httpbreaker.Transport{Choose: hosts.Of, Next: server.Client().Transport}}
	preset := resilience.Preset[string]{
		Timeout:        10 * time.Second,
		AttemptTimeout: 5 * time.Second,
		Retry:          &resilience.Retry[string]{Delay: time.Millisecond},
	}
	store, err := preset.Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	item, err := store.Do(context.Background(), func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		if err := httpbreaker.Check(resp); err != nil {
			return "", err
		}
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	})
	fmt.Println(item, err, answers)
	// Output: tea <nil> 2
}
