package httpbreaker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/rebound-chaos/rebound/healers/breaker/degraded"
)

// recorder is an http.ResponseWriter that sees the status, and marks the answer before its
// header is gone. What else a writer can do is reached by http.ResponseController; flushing,
// hijacking and copying from files also by those who ask for the interfaces.
type recorder struct {
	http.ResponseWriter
	mark     *degraded.Mark
	status   int  // 0 until it is known
	silent   bool // nobody said it
	hijacked bool
}

func (w *recorder) serve(next http.Handler, r *http.Request) {
	ctx, mark := degraded.Watch(r.Context())
	w.mark = mark
	next.ServeHTTP(w, r.WithContext(ctx))
	if !w.hijacked {
		w.silent = w.status == 0
		w.header(http.StatusOK) // which net/http writes when nobody did
	}
}

// header notes that the header is about to be written.
func (w *recorder) header(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.mark.Degraded() {
		w.Header().Set(degraded.Header, "true")
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols { // else more will come
		w.header(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *recorder) Write(p []byte) (int, error) {
	w.header(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, by which the kernel copies files.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	w.header(http.StatusOK)
	return io.Copy(w.ResponseWriter, src)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *recorder) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls. Where the writer cannot flush, nothing is
// gone, and the status is still to come.
func (w *recorder) FlushError() error {
	before := w.status
	w.header(http.StatusOK)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		w.status = before
	}
	return err
}

// Hijack implements http.Hijacker.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buffered, err
}
