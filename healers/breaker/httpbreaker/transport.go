package httpbreaker

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// ErrNoBreaker is of a Transport that was given neither a breaker nor a choice.
var ErrNoBreaker = errors.New("httpbreaker: transport has no breaker")

// Transport is an http.RoundTripper that asks a breaker before it sends a request, and
// tells it what became of that. It is for any number of goroutines, and must not be changed
// while it is used.
type Transport struct {
	// Breaker guards all requests. Choose finds one for each, and goes before Breaker;
	// where it finds none, the request is not guarded. One of them must be set: see
	// [Hosts.Of] for a breaker per host.
	Breaker *breaker.Breaker
	Choose  func(*http.Request) *breaker.Breaker

	// Next sends the requests. Nil means http.DefaultTransport.
	Next http.RoundTripper

	// Classify says what an answer is. Nil means [Classify].
	Classify func(*http.Response) breaker.Outcome

	// Within is how long a request may take, to the end of its body, before the breaker is
	// told of a failure. The request itself goes on. 0 means that only trials, by their
	// lease, and the deadlines of requests tell of what never ends.
	Within time.Duration
	// HeaderOnly judges a request by its header. It is for those who hand a body on to
	// somebody slow, or who read streams; an event stream is always judged so.
	HeaderOnly bool

	// Fallback answers in place of what was refused, and with FallbackOnFailure also in
	// place of what failed; [Static] is one. Its answers are marked as degraded. Where it
	// gives an error a refusal is that too, and what failed stays as it was. Nil means none.
	Fallback          func(*http.Request, error) (*http.Response, error)
	FallbackOnFailure bool
}

// Classify is what an answer is where [Transport.Classify] says nothing else: a status of
// 5xx or 429 is a failure, all others are OK, for the server did what it was asked.
func Classify(r *http.Response) breaker.Outcome {
	if r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests {
		return breaker.Failure
	}
	return breaker.OK
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.next()
	if r.URL == nil {
		return next.RoundTrip(r) // which has an error for that
	}
	b := t.Breaker
	if t.Choose != nil {
		if b = t.Choose(r); b == nil {
			return next.RoundTrip(r)
		}
	}
	if b == nil {
		closeBody(r)
		return nil, ErrNoBreaker
	}
	if err := r.Context().Err(); err != nil {
		closeBody(r)
		return nil, err
	}
	permit, err := b.Allow()
	if err != nil {
		closeBody(r)
		return t.refused(r, err)
	}
	return t.send(r, next, b, newLease(permit, t.Within))
}

func (t *Transport) next() http.RoundTripper {
	if t.Next == nil {
		return http.DefaultTransport
	}
	return t.Next
}

// CloseIdleConnections is what http.Client calls.
func (t *Transport) CloseIdleConnections() {
	if with, ok := t.next().(interface{ CloseIdleConnections() }); ok {
		with.CloseIdleConnections()
	}
}

func (t *Transport) send(r *http.Request, next http.RoundTripper, b *breaker.Breaker, l *lease) (*http.Response, error) {
	followed := false
	defer func() {
		if !followed {
			l.end(breaker.Failure) // a panic, which goes on, unless it has ended otherwise
		}
	}()
	resp, err := next.RoundTrip(r)
	if err != nil || resp == nil {
		outcome := breaker.Failure
		if err != nil {
			outcome = b.Classify(r.Context(), err)
		}
		l.end(outcome)
		if outcome == breaker.Failure && err != nil {
			if instead := t.failed(r, err); instead != nil {
				return instead, nil
			}
		}
		return resp, err
	}
	if resp.Header.Get(degraded.Header) == "true" {
		degraded.Note(r.Context())
	}
	outcome := t.classify(resp)
	if outcome == breaker.OK && t.follows(resp) {
		followed = true
		resp.Body = &body{ReadCloser: resp.Body, lease: l, breaker: b, ctx: r.Context()}
		return resp, nil
	}
	l.end(outcome)
	if outcome == breaker.Failure {
		if instead := t.failed(r, newStatusError(resp)); instead != nil {
			_ = resp.Body.Close()
			return instead, nil
		}
	}
	return resp, nil
}

func (t *Transport) classify(r *http.Response) breaker.Outcome {
	if t.Classify != nil {
		return t.Classify(r)
	}
	return Classify(r)
}

// follows tells whether the body is part of what is judged.
func (t *Transport) follows(r *http.Response) bool {
	switch {
	case t.HeaderOnly, r.Body == nil, r.Body == http.NoBody:
		return false
	case r.StatusCode == http.StatusSwitchingProtocols: // a connection, and to be written to
		return false
	}
	return !isEventStream(r.Header)
}

// refused answers what was not sent.
func (t *Transport) refused(r *http.Request, why error) (*http.Response, error) {
	if t.Fallback == nil {
		return nil, why
	}
	resp, err := t.instead(r, why)
	if err != nil {
		return nil, fmt.Errorf("%w; fallback: %w", why, err)
	}
	return resp, nil
}

// failed answers what failed, if anybody wants that and still waits for it.
func (t *Transport) failed(r *http.Request, why error) *http.Response {
	if t.Fallback == nil || !t.FallbackOnFailure || r.Context().Err() != nil {
		return nil
	}
	resp, err := t.instead(r, why)
	if err != nil {
		return nil
	}
	return resp
}

var errNoAnswer = errors.New("no answer")

func (t *Transport) instead(r *http.Request, why error) (*http.Response, error) {
	resp, err := t.Fallback(r, why)
	if err != nil {
		return nil, err
	}
	if resp == nil {
		return nil, errNoAnswer
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	if resp.Request == nil {
		resp.Request = r
	}
	resp.Header.Set(degraded.Header, "true")
	degraded.Note(r.Context())
	return resp, nil
}

// closeBody does what an http.RoundTripper owes to what it does not send.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
