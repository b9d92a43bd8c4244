package httpbreaker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
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
			resp, err := transport.RoundTrip(request(t, "http://store/"))
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
		{name: "SAD breaks off at an end that is another's", use: func(_ func(), b io.ReadCloser) {
			b.(interface{ fail(error) }).fail(fmt.Errorf("unpack: %w", io.EOF))
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
				resp, err := transport.RoundTrip(request(t, "http://store/").WithContext(ctx))
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
		resp, err := transport.RoundTrip(request(t, "http://store/"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(request(t, "http://store/")); !errors.Is(err, breaker.ErrOpen) {
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

// Nothing follows the header of an answer to HEAD, also of a fallback.
func TestTransportHead(t *testing.T) {
	b := made(t, breaker.Config{})
	static := &httpbreaker.Static{Body: []byte("static")}
	transport := &httpbreaker.Transport{Breaker: b, Fallback: static.Answer, Next: trip(func(*http.Request) (*http.Response, error) {
		resp := answer(200, "")
		resp.Body = http.NoBody
		return resp, nil
	})}
	r := request(t, "http://store/")
	r.Method = http.MethodHead
	resp, err := transport.RoundTrip(r)
	if err != nil || resp.Body != http.NoBody {
		t.Errorf("got %v, %v", resp, err)
	}
	counted(t, b, breaker.Counts{OK: 1})
	b.Trip()
	resp, err = transport.RoundTrip(r)
	if err != nil || resp.Body != http.NoBody || resp.ContentLength != 6 {
		t.Errorf("fallback: %v, %v", resp, err)
	}
}

func TestTransportPanicIsAFailureAndGoesOn(t *testing.T) {
	b := made(t, breaker.Config{})
	transport := &httpbreaker.Transport{Breaker: b, Next: trip(func(*http.Request) (*http.Response, error) { panic("oh") })}
	value := thrown(func() {
		_, _ = transport.RoundTrip(request(t, "http://store/"))
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
		resp, err := transport.RoundTrip(request(t, row.url))
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.url, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	none := &httpbreaker.Transport{Next: transport.Next}
	if _, err := none.RoundTrip(request(t, "http://alive/")); !errors.Is(err, httpbreaker.ErrNoBreaker) {
		t.Errorf("without a breaker: %v", err)
	}
}

// idler is a RoundTripper with connections.
type idler struct {
	http.RoundTripper
	closed bool
}

func (i *idler) CloseIdleConnections() { i.closed = true }

// A client can close what is idle through a guard, if there is something.
func TestTransportClosesWhatIsIdle(t *testing.T) {
	i := &idler{}
	(&http.Client{Transport: &httpbreaker.Transport{Next: i}}).CloseIdleConnections()
	if !i.closed {
		t.Error("the next did not hear of it")
	}
	(&httpbreaker.Transport{Next: trip(nil)}).CloseIdleConnections()
}
