package httpbreaker_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

// A flush that the writer cannot do says nothing: what comes after it is the answer. The
// writer of http.TimeoutHandler is such a one.
func TestFlushOfWhatCannot(t *testing.T) {
	for _, row := range []struct {
		name string
		next http.HandlerFunc
	}{
		{"by the interface", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			degraded.Note(r.Context())
			w.WriteHeader(500)
		}},
		{"by the controller", func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("flushed with %v", err)
			}
			degraded.Note(r.Context())
			w.WriteHeader(500)
		}},
		{"after the header", func(w http.ResponseWriter, r *http.Request) {
			degraded.Note(r.Context())
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "oh")
		}},
		{"through a mark", func(w http.ResponseWriter, r *http.Request) {
			httpbreaker.Mark(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				degraded.Note(r.Context())
				w.WriteHeader(500)
			})).ServeHTTP(w, r)
		}},
	} {
		t.Run("SAD "+row.name, func(t *testing.T) {
			b := made(t, breaker.Config{})
			w := httptest.NewRecorder()
			http.TimeoutHandler(&httpbreaker.Handler{Breaker: b, Next: row.next}, time.Hour, "").ServeHTTP(w, request(t, "/"))
			if w.Code != 500 || w.Header().Get(degraded.Header) != "true" {
				t.Errorf("got %d %v", w.Code, w.Header())
			}
			counted(t, b, breaker.Counts{Failure: 1})
		})
	}
}
