package httpbreaker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

// served is a client of a server in memory, whose transport is guarded.
func served(t *testing.T, h http.Handler, guard httpbreaker.Transport) *http.Client {
	t.Helper()
	network := newPipes()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(network) }()
	inner := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return network.dial() }}
	t.Cleanup(func() {
		inner.CloseIdleConnections()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	guard.Next = inner
	return &http.Client{Transport: &guard}
}

func get(t *testing.T, c *http.Client, url string) (int, string, http.Header, error) {
	t.Helper()
	resp, err := c.Do(request(t, url))
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header, err
}

// Two services: orders ask recommendations, which are lost. Orders go on, and what they
// answer is marked all the way up, by real servers and clients.
func TestDegradedGoesThroughAChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := false
		recommendations := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if lost {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "fresh")
		})
		toRecommend := made(t, breaker.Config{Consecutive: 2})
		recommend := served(t, recommendations, httpbreaker.Transport{
			Breaker: toRecommend, Fallback: (&httpbreaker.Static{Body: []byte("static")}).Answer, FallbackOnFailure: true,
		})
		orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://recommendations/", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := recommend.Do(req)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			_, _ = io.Copy(w, resp.Body)
		})
		toOrders := made(t, breaker.Config{})
		order := served(t, httpbreaker.Mark(orders), httpbreaker.Transport{Breaker: toOrders})

		for i, want := range []string{"fresh", "static", "static", "static"} {
			lost = i > 0
			status, body, header, err := get(t, order, "http://orders/")
			if status != 200 || body != want || err != nil || (header.Get(degraded.Header) == "true") != lost {
				t.Errorf("%d: got %d %q %v %v", i, status, body, header, err)
			}
		}
		counted(t, toRecommend, breaker.Counts{OK: 1, Failure: 2, Rejected: 1})
		counted(t, toOrders, breaker.Counts{OK: 4})
	})
}

// A body that is cut off, and one that hangs until the caller's deadline, over a real
// connection.
func TestBodiesOfAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/cut" {
				panic(http.ErrAbortHandler)
			}
			<-r.Context().Done()
		})
		b := made(t, breaker.Config{})
		client := served(t, h, httpbreaker.Transport{Breaker: b})
		if _, body, _, err := get(t, client, "http://store/cut"); body != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut: %q, %v", body, err)
		}
		counted(t, b, breaker.Counts{Failure: 1})
		client.Timeout = time.Second
		if _, body, _, err := get(t, client, "http://store/hang"); body != "half" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hang: %q, %v", body, err)
		}
		counted(t, b, breaker.Counts{Failure: 2})
	})
}
