package httpbreaker

import (
	"context"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// lease is the permit of a request, which ends once, by whoever is first: its header, the
// reader of its body, whoever closes that, or time.
type lease struct {
	once   sync.Once
	permit breaker.Permit
	timer  *time.Timer
}

func newLease(p breaker.Permit, within time.Duration) *lease {
	l := &lease{permit: p}
	if within > 0 {
		l.timer = time.AfterFunc(within, func() { l.done(breaker.Failure) })
	}
	return l
}

func (l *lease) end(o breaker.Outcome) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.done(o)
}

func (l *lease) done(o breaker.Outcome) {
	l.once.Do(func() { l.permit.Done(o) })
}

// body is what is still to come of a good answer.
type body struct {
	io.ReadCloser
	lease   *lease
	breaker *breaker.Breaker
	ctx     context.Context // of the request, which is as long as its body
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // this very error: what wraps one is another's end, and breaks off
		b.lease.end(breaker.OK)
	} else if err != nil {
		b.lease.end(b.breaker.Classify(b.ctx, err))
	}
	return n, err
}

// Close implements io.Closer. Who closes a body before its end has had enough, unless the
// request was over by then.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.lease.end(b.breaker.Classify(b.ctx, b.ctx.Err()))
	return err
}

func isEventStream(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "text/event-stream"
}
