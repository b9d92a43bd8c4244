package httpbreaker_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

func TestHandlerOutcomes(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, row := range []struct {
		name     string
		next     http.HandlerFunc
		classify func(int) breaker.Outcome
		gone     bool
		late     bool // a deadline has passed
		status   int
		panics   any
		want     breaker.Counts
	}{
		{name: "HAPPY nothing said", next: func(http.ResponseWriter, *http.Request) {}, status: 200, want: breaker.Counts{OK: 1}},
		{name: "HAPPY a body", next: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }, status: 200, want: breaker.Counts{OK: 1}},
		{name: "HAPPY 404", next: status(404), status: 404, want: breaker.Counts{OK: 1}},
		{name: "HAPPY 429 is what it should say", next: status(429), status: 429, want: breaker.Counts{OK: 1}},
		{name: "SAD 500", next: status(500), status: 500, want: breaker.Counts{Failure: 1}},
		{name: "SAD only the first counts", next: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			w.WriteHeader(200)
		}, status: 503, want: breaker.Counts{Failure: 1}},
		{name: "SAD hints before are none", next: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(502)
		}, status: 103 /* as httptest has it */, want: breaker.Counts{Failure: 1}},
		{name: "SAD its own mind", next: status(404), classify: func(code int) breaker.Outcome {
			if code == 404 {
				return breaker.Failure
			}
			return breaker.OK
		}, status: 404, want: breaker.Counts{Failure: 1}},
		{name: "SAD a panic", next: func(http.ResponseWriter, *http.Request) { panic("oh") }, panics: "oh", status: 200, want: breaker.Counts{Failure: 1}},
		{name: "SAD aborted", next: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, panics: http.ErrAbortHandler, status: 200, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY aborted, for the client is gone", next: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, gone: true, panics: http.ErrAbortHandler, status: 200, want: breaker.Counts{Neutral: 1}},
		{name: "HAPPY failed, for the client is gone", next: status(500), gone: true, status: 500, want: breaker.Counts{Neutral: 1}},
		{name: "HAPPY nothing said, for the client is gone", next: func(http.ResponseWriter, *http.Request) {}, gone: true, status: 200, want: breaker.Counts{Neutral: 1}},
		{name: "SAD failed by its deadline", next: status(500), late: true, status: 500, want: breaker.Counts{Failure: 1}},
		{name: "SAD nothing said by its deadline", next: func(http.ResponseWriter, *http.Request) {}, late: true, status: 200, want: breaker.Counts{Failure: 1}},
		{name: "SAD a panic after its deadline", next: func(http.ResponseWriter, *http.Request) { panic("oh") }, late: true, panics: "oh", status: 200, want: breaker.Counts{Failure: 1}},
		{name: "HAPPY good, and its deadline has passed since", next: status(200), late: true, status: 200, want: breaker.Counts{OK: 1}},
		{name: "HAPPY good, and the client is gone", next: status(200), gone: true, status: 200, want: breaker.Counts{OK: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, breaker.Config{})
			h := &httpbreaker.Handler{Breaker: b, Next: row.next, Classify: row.classify}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if row.gone {
				cancel()
			}
			if row.late {
				ctx, cancel = context.WithTimeout(t.Context(), 0)
				defer cancel()
			}
			w := httptest.NewRecorder()
			if got := thrown(func() { h.ServeHTTP(w, request(t, "/").WithContext(ctx)) }); got != row.panics {
				t.Errorf("panicked with %v", got)
			}
			if w.Code != row.status || w.Header().Get(degraded.Header) != "" {
				t.Errorf("got %d %v", w.Code, w.Header())
			}
			counted(t, b, row.want)
		})
	}
}

func TestHandlerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{OpenFor: 2500 * time.Millisecond, Jitter: breaker.Percent(0)})
		b.Trip()
		never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") })
		h := &httpbreaker.Handler{Breaker: b, Next: never}
		for _, want := range []int{3, 2, 1} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request(t, "/"))
			if w.Code != 503 || w.Header().Get("Retry-After") != strconv.Itoa(want) || strings.TrimSpace(w.Body.String()) != "Service Unavailable" {
				t.Errorf("got %d %v %q, want to wait %d", w.Code, w.Header(), w.Body, want)
			}
			<-time.After(time.Second - time.Millisecond)
		}
		b.Force(breaker.ForceOpen)
		h.Fallback = &httpbreaker.Static{Status: 203, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("static")}
		w := httptest.NewRecorder()
		ctx, mark := degraded.Watch(t.Context())
		h.ServeHTTP(w, request(t, "/").WithContext(ctx))
		if w.Code != 203 || w.Header().Get(degraded.Header) != "true" || w.Body.String() != "static" || !mark.Degraded() {
			t.Errorf("got %d %v %q, %v", w.Code, w.Header(), w.Body, mark.Degraded())
		}
	})
}

// However long it is to be open, what it says is a number of seconds.
func TestHandlerRefusesForEver(t *testing.T) {
	b := made(t, breaker.Config{OpenFor: math.MaxInt64})
	b.Force(breaker.ForceOpen)
	w := httptest.NewRecorder()
	(&httpbreaker.Handler{Breaker: b}).ServeHTTP(w, request(t, "/"))
	if got := w.Header().Get("Retry-After"); got != "9223372037" {
		t.Errorf("told to wait %s", got)
	}
}

// A part that was degraded marks the whole, if it is known before the header is gone.
func TestMark(t *testing.T) {
	for _, row := range []struct {
		name string
		next http.HandlerFunc
		want bool
	}{
		{"HAPPY none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }, false},
		{"HAPPY before a status", func(w http.ResponseWriter, r *http.Request) { degraded.Note(r.Context()); w.WriteHeader(201) }, true},
		{"HAPPY before a body", func(w http.ResponseWriter, r *http.Request) { degraded.Note(r.Context()); _, _ = w.Write(nil) }, true},
		{"HAPPY before it is copied", func(w http.ResponseWriter, r *http.Request) {
			degraded.Note(r.Context())
			_, _ = io.Copy(w, struct{ io.Reader }{strings.NewReader("x")})
		}, true},
		{"HAPPY before a flush", func(w http.ResponseWriter, r *http.Request) { degraded.Note(r.Context()); w.(http.Flusher).Flush() }, true},
		{"HAPPY with nothing said", func(_ http.ResponseWriter, r *http.Request) { degraded.Note(r.Context()) }, true},
		{"SAD after the header", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); degraded.Note(r.Context()) }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, h := range map[string]http.Handler{
				"mark": httpbreaker.Mark(row.next), "handler": &httpbreaker.Handler{Breaker: made(t, breaker.Config{}), Next: row.next},
			} {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, request(t, "/"))
				if got := w.Result().Header.Get(degraded.Header) == "true"; got != row.want {
					t.Errorf("%s: marked %v", name, got)
				}
			}
		})
	}
}

// able can do what the writers of servers can.
type able struct {
	http.ResponseWriter
	flushed, copied, hijacked, timed bool
	hijackErr                        error
}

func (a *able) FlushError() error { a.flushed = true; return nil }

func (a *able) SetReadDeadline(time.Time) error { a.timed = true; return nil }

func (a *able) ReadFrom(r io.Reader) (int64, error) {
	a.copied = true
	return io.Copy(a.ResponseWriter, r)
}

func (a *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.hijacked = true
	return nil, nil, a.hijackErr
}

// What a writer can do, it can do through a guard: by the controller and by interfaces.
func TestHandlerHidesNothing(t *testing.T) {
	b := made(t, breaker.Config{})
	a := &able{ResponseWriter: httptest.NewRecorder()}
	(&httpbreaker.Handler{Breaker: b, Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		if err := errors.Join(c.Flush(), c.SetReadDeadline(time.Time{})); err != nil {
			t.Error(err)
		}
		if n, err := io.Copy(w, bytes.NewBufferString("copied")); n != 6 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
		if err := c.SetWriteDeadline(time.Time{}); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("what it cannot do: %v", err)
		}
	})}).ServeHTTP(a, request(t, "/"))
	if !a.flushed || !a.timed {
		t.Errorf("flushed %v, timed %v", a.flushed, a.timed)
	}
	for _, row := range []struct {
		err  error
		want breaker.Counts
	}{{nil, breaker.Counts{OK: 2}}, {http.ErrNotSupported, breaker.Counts{OK: 2, Failure: 1}}} {
		a := &able{ResponseWriter: httptest.NewRecorder(), hijackErr: row.err}
		(&httpbreaker.Handler{Breaker: b, Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
				w.WriteHeader(500)
			}
		})}).ServeHTTP(a, request(t, "/"))
		if !a.hijacked {
			t.Error("not hijacked")
		}
		counted(t, b, row.want)
	}
}
