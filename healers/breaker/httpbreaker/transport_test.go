package httpbreaker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

func TestTransportOutcomes(t *testing.T) {
	lenient := func(*http.Response) breaker.Outcome { return breaker.OK }
	for _, row := range []struct {
		name     string
		status   int
		err      error
		classify func(*http.Response) breaker.Outcome
		config   breaker.Config
		want     breaker.Counts
	}{
		{name: "HAPPY 200", status: 200, want: breaker.Counts{OK: 1}},
		{name: "HAPPY 204", status: 204, want: breaker.Counts{OK: 1}},
		{name: "HAPPY 404 is an answer", status: 404, want: breaker.Counts{OK: 1}},
		{name: "SAD 429", status: 429, want: breaker.Counts{Failure: 1}},
		{name: "SAD 500", status: 500, want: breaker.Counts{Failure: 1}},
		{name: "SAD 503", status: 503, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY 503, which is fine here", status: 503, classify: lenient, want: breaker.Counts{OK: 1}},
		{name: "SAD refused", err: errRefused, want: breaker.Counts{Failure: 1}},
		{name: "SAD a deadline", err: context.DeadlineExceeded, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY cancelled", err: context.Canceled, want: breaker.Counts{Neutral: 1}},
		{
			name: "HAPPY the breaker's own mind", err: errRefused, want: breaker.Counts{Neutral: 1},
			config: breaker.Config{Classify: func(context.Context, error) breaker.Outcome { return breaker.Neutral }},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, row.config)
			transport := &httpbreaker.Transport{Breaker: b, Classify: row.classify, Next: trip(func(*http.Request) (*http.Response, error) {
				if row.err != nil {
					return nil, row.err
				}
				return answer(row.status, "body"), nil
			})}
			resp, err := transport.RoundTrip(request(t, "GET", "http://store/"))
			if !errors.Is(err, row.err) {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				if text, err := io.ReadAll(resp.Body); string(text) != "body" || err != nil {
					t.Errorf("read %q, %v", text, err)
				}
				_ = resp.Body.Close()
			}
			counted(t, b, row.want)
		})
	}
}

// A good status is not the end of a request.
func TestTransportFollowsBodies(t *testing.T) {
	errBroken := errors.New("connection reset")
	for _, row := range []struct {
		name      string
		transport httpbreaker.Transport
		status    int
		header    http.Header
		use       func(cancel func(), body io.ReadCloser)
		before    breaker.Counts // it is used
		want      breaker.Counts
	}{
		{name: "HAPPY read to its end", use: func(_ func(), b io.ReadCloser) { _, _ = io.Copy(io.Discard, b) }, want: breaker.Counts{OK: 1}},
		{name: "HAPPY closed before its end", use: func(_ func(), b io.ReadCloser) { _ = b.Close() }, want: breaker.Counts{OK: 1}},
		{name: "HAPPY both, and twice", use: func(_ func(), b io.ReadCloser) {
			_, _ = io.Copy(io.Discard, b)
			_, _ = io.Copy(io.Discard, b)
			_ = b.Close()
			_ = b.Close()
		}, want: breaker.Counts{OK: 1}},
		{name: "HAPPY given up", use: func(cancel func(), b io.ReadCloser) {
			cancel()
			_ = b.Close()
		}, want: breaker.Counts{Neutral: 1}},
		{name: "SAD breaks off", use: func(_ func(), b io.ReadCloser) {
			b.(interface{ fail(error) }).fail(errBroken)
		}, want: breaker.Counts{Failure: 1}},
		{name: "SAD not within its time", transport: httpbreaker.Transport{Within: time.Second}, use: func(_ func(), b io.ReadCloser) {
			<-time.After(time.Second)
			synctest.Wait()
			_ = b.Close()
		}, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY within its time", transport: httpbreaker.Transport{Within: time.Second}, use: func(_ func(), b io.ReadCloser) {
			_ = b.Close()
			<-time.After(time.Minute)
		}, want: breaker.Counts{OK: 1}},
		{name: "HAPPY judged by its header", transport: httpbreaker.Transport{HeaderOnly: true, Within: time.Second}, use: func(func(), io.ReadCloser) {
			<-time.After(time.Minute)
		}, before: breaker.Counts{OK: 1}, want: breaker.Counts{OK: 1}},
		{name: "HAPPY an event stream", header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, before: breaker.Counts{OK: 1}, want: breaker.Counts{OK: 1}},
		{name: "HAPPY another protocol", status: 101, before: breaker.Counts{OK: 1}, want: breaker.Counts{OK: 1}},
		{name: "SAD failed by its header", status: 500, before: breaker.Counts{Failure: 1}, want: breaker.Counts{Failure: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, breaker.Config{})
				var failing error
				transport := row.transport
				transport.Breaker = b
				transport.Next = trip(func(*http.Request) (*http.Response, error) {
					resp := answer(max(row.status, 200), "")
					if row.status == 101 {
						resp.StatusCode = 101
					}
					if row.header != nil {
						resp.Header = row.header
					}
					left := 3
					resp.Body = &reader{read: func(p []byte) (int, error) {
						if failing != nil {
							return 0, failing
						}
						if left--; left < 0 {
							return 0, io.EOF
						}
						return copy(p, "some"), nil
					}}
					return resp, nil
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				resp, err := transport.RoundTrip(request(t, "GET", "http://store/").WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				counted(t, b, row.before)
				if row.use != nil {
					row.use(cancel, &failer{ReadCloser: resp.Body, set: func(err error) { failing = err }})
				}
				counted(t, b, row.want)
				_ = resp.Body.Close()
				counted(t, b, row.want)
			})
		})
	}
}

// failer lets a body fail from now on, and reads of it.
type failer struct {
	io.ReadCloser
	set func(error)
}

func (f *failer) fail(err error) {
	f.set(err)
	_, _ = f.Read(make([]byte, 1))
}

// A trial whose body never ends is a failed one when its lease is over, and keeps nothing.
func TestTransportTrialThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0), TrialTimeout: time.Second})
		transport := &httpbreaker.Transport{Breaker: b, Next: trip(func(*http.Request) (*http.Response, error) { return answer(200, "endless"), nil })}
		b.Trip()
		<-time.After(time.Second)
		synctest.Wait()
		resp, err := transport.RoundTrip(request(t, "GET", "http://store/"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(request(t, "GET", "http://store/")); !errors.Is(err, breaker.ErrOpen) { //nolint:bodyclose // there is none
			t.Errorf("a second trial: %v", err)
		}
		<-time.After(time.Second)
		if got := b.State(); got != breaker.Open {
			t.Errorf("it is %v", got)
		}
		_ = resp.Body.Close() // late, and of no count
		<-time.After(2 * time.Second)
		if got := b.State(); got != breaker.HalfOpen {
			t.Errorf("it is %v", got)
		}
	})
}

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
	_, err = client.Do(r) //nolint:bodyclose // there is none
	if open, ok := errors.AsType[*breaker.OpenError](err); !ok || !errors.Is(err, breaker.ErrOpen) || open.RetryAfter() <= 0 || !sent.closed {
		t.Errorf("got %v, body closed %v", err, sent.closed)
	}
	counted(t, b, breaker.Counts{Rejected: 1})

	// Given up before: nobody is asked.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sent.closed = false
	if _, err := client.Do(r.WithContext(ctx)); !errors.Is(err, context.Canceled) || !sent.closed { //nolint:bodyclose // there is none
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
			resp, err := transport.RoundTrip(request(t, "GET", "http://store/").WithContext(ctx))
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

func TestTransportPanicIsAFailureAndGoesOn(t *testing.T) {
	b := made(t, breaker.Config{})
	transport := &httpbreaker.Transport{Breaker: b, Next: trip(func(*http.Request) (*http.Response, error) { panic("oh") })}
	value := thrown(func() {
		_, _ = transport.RoundTrip(request(t, "GET", "http://store/")) //nolint:bodyclose // there is none
	})
	if value != "oh" {
		t.Errorf("panicked with %v", value)
	}
	counted(t, b, breaker.Counts{Failure: 1})
}

func TestTransportChooses(t *testing.T) {
	hosts, err := httpbreaker.NewHosts(breaker.Config{Consecutive: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	transport := &httpbreaker.Transport{
		Choose: func(r *http.Request) *breaker.Breaker {
			if r.URL.Path == "/healthz" {
				return nil // not guarded
			}
			return hosts.Of(r)
		},
		Next: trip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "dead:80" {
				return nil, errRefused
			}
			return answer(200, ""), nil
		}),
	}
	for _, row := range []struct {
		url  string
		want error
	}{
		{"http://dead:80/", errRefused},
		{"http://dead:80/other", breaker.ErrOpen},
		{"http://DEAD:80/", breaker.ErrOpen},
		{"http://dead:80/healthz", errRefused},
		{"http://alive/", nil},
	} {
		resp, err := transport.RoundTrip(request(t, "GET", row.url))
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.url, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	none := &httpbreaker.Transport{Next: transport.Next}
	if _, err := none.RoundTrip(request(t, "GET", "http://alive/")); !errors.Is(err, httpbreaker.ErrNoBreaker) { //nolint:bodyclose // there is none
		t.Errorf("without a breaker: %v", err)
	}
}
