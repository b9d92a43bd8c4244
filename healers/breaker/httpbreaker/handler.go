package httpbreaker

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// Handler guards an http.Handler: while that fails it is not called, and who asks is told
// when to come again. It must not be changed while it is used.
type Handler struct {
	// Breaker is asked for each request, and told how it went. It must be set.
	Breaker *breaker.Breaker
	// Next is what is guarded. It must be set. A panic of it is a failure, and goes on.
	Next http.Handler
	// Classify says what a status is. Nil means that one of 5xx is a failure.
	Classify func(status int) breaker.Outcome
	// Fallback answers in place of 503 what is refused; [Static] is one. Its answers are
	// marked as degraded. Nil means none.
	Fallback http.Handler
}

// ServeHTTP implements http.Handler. A client that is gone says nothing of Next, unless the
// answer was good by then. A deadline that has passed is a failure, unless Next had said
// what becomes of the request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	permit, err := h.Breaker.Allow()
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	rec := &recorder{ResponseWriter: w}
	outcome := breaker.Failure // unless Next returns
	defer func() {
		if outcome == breaker.Failure && errors.Is(r.Context().Err(), context.Canceled) {
			outcome = breaker.Neutral
		}
		permit.Done(outcome)
	}()
	rec.serve(h.Next, r)
	outcome = h.classify(r.Context(), rec)
}

func (h *Handler) classify(ctx context.Context, rec *recorder) breaker.Outcome {
	switch {
	case rec.hijacked: // what it says then is not ours to read
		return breaker.OK
	case rec.silent && ctx.Err() != nil: // its 200 is not Next's
		return breaker.Classify(ctx, ctx.Err())
	case h.Classify != nil:
		return h.Classify(rec.status)
	case rec.status >= 500:
		return breaker.Failure
	}
	return breaker.OK
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, why error) {
	if h.Fallback != nil {
		degraded.Note(r.Context())
		w.Header().Set(degraded.Header, "true")
		h.Fallback.ServeHTTP(w, r)
		return
	}
	wait := time.Second
	if open, ok := errors.AsType[*breaker.OpenError](why); ok {
		wait = max(wait, open.RetryAfter())
	}
	seconds := int64(wait / time.Second)
	if wait%time.Second > 0 {
		seconds++ // not before
	}
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}

// Mark marks the answers of a handler as degraded, of which a part was: a fallback has
// answered, or a [Transport] met an answer that is. It can do so until the header is
// written. A [Handler] does the same.
func Mark(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(&recorder{ResponseWriter: w}).serve(next, r)
	})
}
