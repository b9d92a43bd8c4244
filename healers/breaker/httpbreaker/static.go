package httpbreaker

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// Static is an answer that is always the same: for [Transport.Fallback] its Answer, for
// [Handler.Fallback] itself. It must not be changed while it is used.
type Static struct {
	Status int         // 0 means 200
	Header http.Header // Content-Type, say
	Body   []byte
}

// Answer answers a request, whatever went wrong.
func (s *Static) Answer(r *http.Request, _ error) (*http.Response, error) {
	header := s.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Length", strconv.Itoa(len(s.Body)))
	status := s.status()
	resp := &http.Response{
		Status:     strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(s.Body)),
		ContentLength: int64(len(s.Body)),
		Request:       r,
	}
	if r.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// ServeHTTP implements http.Handler. The answer is marked as degraded.
func (s *Static) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range s.Header {
		w.Header()[name] = append([]string(nil), values...)
	}
	w.Header().Set(degraded.Header, "true")
	w.WriteHeader(s.status())
	_, _ = w.Write(s.Body)
}

func (s *Static) status() int {
	if s.Status == 0 {
		return http.StatusOK
	}
	return s.Status
}
