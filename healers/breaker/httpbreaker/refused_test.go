package httpbreaker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

func TestTransportRefuses(t *testing.T) {
	b := made(t, breaker.Config{Name: "store"})
	b.Trip()
	never := trip(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, errRefused })
	client := &http.Client{Transport: &httpbreaker.Transport{Breaker: b, Next: never}}
	sent := &reader{read: bytes.NewReader([]byte("body")).Read}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://store/", sent)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Do(r)
	if open, ok := errors.AsType[*breaker.OpenError](err); !ok || !errors.Is(err, breaker.ErrOpen) || open.RetryAfter() <= 0 || !sent.closed {
		t.Errorf("got %v, body closed %v", err, sent.closed)
	}
	counted(t, b, breaker.Counts{Rejected: 1})

	// Given up before: nobody is asked.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sent.closed = false
	if _, err := client.Do(r.WithContext(ctx)); !errors.Is(err, context.Canceled) || !sent.closed {
		t.Errorf("got %v, body closed %v", err, sent.closed)
	}
	counted(t, b, breaker.Counts{Rejected: 1})
}

func TestTransportFallback(t *testing.T) {
	static := &httpbreaker.Static{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte("[]")}
	errEmpty := errors.New("no file")
	failing := func(*http.Request, error) (*http.Response, error) { return nil, errEmpty }
	for _, row := range []struct {
		name      string
		transport httpbreaker.Transport
		open      bool
		next      func() (*http.Response, error)
		status    int
		body      string
		degraded  bool
		errs      []error
	}{
		{name: "HAPPY open", open: true, transport: httpbreaker.Transport{Fallback: static.Answer}, status: 200, body: "[]", degraded: true},
		{name: "HAPPY a bare answer", open: true, transport: httpbreaker.Transport{Fallback: func(*http.Request, error) (*http.Response, error) {
			return &http.Response{StatusCode: 203}, nil
		}}, status: 203, degraded: true},
		{name: "SAD open, and the fallback fails", open: true, transport: httpbreaker.Transport{Fallback: failing}, errs: []error{breaker.ErrOpen, errEmpty}},
		{name: "SAD open, and no answer", open: true, transport: httpbreaker.Transport{Fallback: func(*http.Request, error) (*http.Response, error) { return nil, nil }}, errs: []error{breaker.ErrOpen}},
		{name: "SAD failures are not answered", transport: httpbreaker.Transport{Fallback: static.Answer}, next: func() (*http.Response, error) { return nil, errRefused }, errs: []error{errRefused}},
		{name: "HAPPY but may be", transport: httpbreaker.Transport{Fallback: static.Answer, FallbackOnFailure: true}, next: func() (*http.Response, error) { return nil, errRefused }, status: 200, body: "[]", degraded: true},
		{name: "HAPPY statuses too", transport: httpbreaker.Transport{Fallback: static.Answer, FallbackOnFailure: true}, next: func() (*http.Response, error) { return answer(503, "sorry"), nil }, status: 200, body: "[]", degraded: true},
		{name: "SAD the fallback of a failure fails", transport: httpbreaker.Transport{Fallback: failing, FallbackOnFailure: true}, next: func() (*http.Response, error) { return answer(503, "sorry"), nil }, status: 503, body: "sorry"},
		{name: "HAPPY what is cancelled is nobody's", transport: httpbreaker.Transport{Fallback: static.Answer, FallbackOnFailure: true}, next: func() (*http.Response, error) { return nil, context.Canceled }, errs: []error{context.Canceled}},
		{name: "HAPPY an answer that is degraded by itself", next: func() (*http.Response, error) {
			resp := answer(200, "half")
			resp.Header.Set(degraded.Header, "true")
			return resp, nil
		}, status: 200, body: "half", degraded: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, breaker.Config{})
			if row.open {
				b.Trip()
			}
			transport := row.transport
			transport.Breaker = b
			transport.Next = trip(func(*http.Request) (*http.Response, error) { return row.next() })
			ctx, mark := degraded.Watch(t.Context())
			resp, err := transport.RoundTrip(request(t, "http://store/").WithContext(ctx))
			if (err != nil) != (len(row.errs) > 0) {
				t.Fatalf("got %v", err)
			}
			for _, want := range row.errs {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
			if mark.Degraded() != row.degraded {
				t.Errorf("marked %v", mark.Degraded())
			}
			if err != nil {
				return
			}
			defer func() { _ = resp.Body.Close() }()
			text, err := io.ReadAll(resp.Body)
			if resp.StatusCode != row.status || string(text) != row.body || err != nil || (resp.Header.Get(degraded.Header) == "true") != row.degraded {
				t.Errorf("got %d %q %v %v", resp.StatusCode, text, resp.Header, err)
			}
		})
	}
}
