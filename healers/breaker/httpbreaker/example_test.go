package httpbreaker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

// A client whose requests to a host stop while that host fails.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "sorry", http.StatusInternalServerError)
	}))
	defer server.Close()

	hosts, err := httpbreaker.NewHosts(breaker.Config{Failures: 2, Within: 10 * time.Second}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{
		Transport: &httpbreaker.Transport{Choose: hosts.Of, Next: server.Client().Transport},
		Timeout:   2 * time.Second,
	}
	for range 3 {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp, err := client.Do(r)
		if errors.Is(err, breaker.ErrOpen) {
			fmt.Println("not asked")
			continue
		} else if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(resp.StatusCode)
		_ = resp.Body.Close()
	}
	// Output:
	// 500
	// 500
	// not asked
}

// A client that is answered all the same.
func ExampleTransport_fallback() {
	b, err := breaker.New(breaker.Config{Name: "recommendations"})
	if err != nil {
		fmt.Println(err)
		return
	}
	popular := &httpbreaker.Static{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`["tea"]`)}
	client := &http.Client{Transport: &httpbreaker.Transport{
		Breaker: b, Fallback: popular.Answer, FallbackOnFailure: true,
	}}
	b.Force(breaker.ForceOpen)

	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://recommendations/", http.NoBody)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body), resp.Header.Get(degraded.Header), err)
	// Output: 200 ["tea"] true <nil>
}

// A server that refuses by itself while what it guards fails.
func ExampleHandler() {
	b, err := breaker.New(breaker.Config{Name: "search", Consecutive: 1, OpenFor: 30 * time.Second, Jitter: breaker.Percent(0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	search := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no index", http.StatusInternalServerError)
	})
	guarded := &httpbreaker.Handler{Breaker: b, Next: search}

	for range 2 {
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/search", http.NoBody))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 500 ""
	// 503 "30"
}
