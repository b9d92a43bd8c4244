package httpbreaker

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// StatusError is an answer whose status says that there is none.
type StatusError struct {
	Status int
	After  time.Duration // that the server asks to be left alone for; 0 is not said
}

func newStatusError(r *http.Response) *StatusError {
	return &StatusError{Status: r.StatusCode, After: RetryAfter(r.Header)}
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status))
}

// RetryAfter is After: retries that wait for as long as an error says look for it.
func (e *StatusError) RetryAfter() time.Duration { return e.After }

// Check makes a [StatusError] of an answer that is a failure by [Classify], for callers who
// retry errors. It leaves the body alone.
func Check(r *http.Response) error {
	if Classify(r) != breaker.Failure {
		return nil
	}
	return newStatusError(r)
}

// RetryAfter is what the header of that name says, in seconds or as a date; 0 where it says
// nothing, or what is past.
func RetryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// Replayable tells whether a request may be made anew: its method changes nothing, or
// nothing more when it is repeated (or an Idempotency-Key says so), and its body can be had
// again.
func Replayable(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != ""
}
