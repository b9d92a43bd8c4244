package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// ByHeader is on every answer that is the proxy's own and no fallback, and says why: open,
// unreachable or timeout.
const ByHeader = "X-Rebound-Proxy"

// errStatus is an answer that counts as a failure.
var errStatus = errors.New("the upstream answered that it failed")

// statusGone is for a program that left before the answer: nobody reads it.
const statusGone = 499

const (
	idlePerUpstream = 64        // connections that are kept
	unwanted        = 256 << 10 // bytes of a request that are read for nobody
)

// overHTTP proxies HTTP.
type overHTTP struct {
	route     Route
	slowAfter time.Duration
	breaker   *breaker.Breaker
	metrics   *routeMetrics
	proxy     *httputil.ReverseProxy
	transport *http.Transport
	server    *http.Server

	cut  context.CancelFunc // ends what is under way
	busy sync.WaitGroup     // requests, also those whose connection became another's
}

func newHTTP(r Route, upstream *url.URL, b *breaker.Breaker, m *routeMetrics) *overHTTP {
	h := &overHTTP{route: r, slowAfter: r.Breaker.SlowAfter, breaker: b, metrics: m, transport: r.Transport}
	if h.transport == nil {
		h.transport = &http.Transport{
			DialContext:           r.dialer(),
			DisableKeepAlives:     r.Fresh,
			TLSHandshakeTimeout:   r.Connect,
			ResponseHeaderTimeout: r.Timeout,
			ExpectContinueTimeout: time.Second,
			MaxIdleConnsPerHost:   idlePerUpstream,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true, // bodies pass as they are
			ForceAttemptHTTP2:     true,
		}
	}
	h.proxy = &httputil.ReverseProxy{
		Transport: h, ErrorLog: quiet(), ErrorHandler: h.instead, FlushInterval: -1, // at once
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream)
			p.Out.URL.RawQuery = p.In.URL.RawQuery // also one that net/url does not understand
			p.Out.Trailer = p.In.Trailer           // whose values come with the end of the body
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v, ok := p.In.Header[name]; ok {
					p.Out.Header[name] = v
				}
			}
		},
		ModifyResponse: func(a *http.Response) error {
			if failed(a.StatusCode) && h.falls(a.Request) {
				return errStatus
			}
			return nil
		},
	}
	return h
}

// quiet is no log: the metrics tell what failed.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// listening makes it a protocol.
func (h *overHTTP) listening(ctx context.Context) *overHTTP {
	ctx, h.cut = context.WithCancel(context.WithoutCancel(ctx))
	h.server = &http.Server{
		Handler: h, ErrorLog: quiet(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: h.route.Idle,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	return h
}

func (h *overHTTP) serve(_ context.Context, ln net.Listener) error {
	if err := h.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (h *overHTTP) end(ctx context.Context) {
	ended := make(chan struct{})
	err := h.server.Shutdown(ctx)
	go func() {
		h.busy.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	h.cut()
	if err != nil {
		_ = h.server.Close() // the time is up
	}
	<-ended
	h.transport.CloseIdleConnections()
}

// ServeHTTP implements [http.Handler].
func (h *overHTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.busy.Add(1)
	defer h.busy.Done() // also where the proxy gives up by a panic
	// Else the server reads all of a request before it writes an answer. What cannot, as
	// HTTP/2, needs not.
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex()
	var became passage
	h.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passageKey{}, &became)))
	// What nobody wanted of the request is read here, when the answer is on its way, if it is
	// not too much. The server would read it to find where the next one begins, but so late
	// that it panics (golang/go#68560); and where there is no next one it would end the
	// connection over it, which may cost the program the answer.
	if r.Body != nil && r.Body != http.NoBody && !became.upgraded {
		_ = c.Flush()
		_, _ = io.CopyN(io.Discard, r.Body, unwanted)
		_ = r.Body.Close()
	}
}

// passage is what the proxy remembers of a request, below its context.
type passage struct {
	upgraded bool // the connection is not the server's any more
}

type passageKey struct{}

// failed tells whether a status says that the upstream did not do what it was asked.
func failed(status int) bool {
	switch status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= http.StatusInternalServerError
}

// RoundTrip implements [http.RoundTripper].
func (h *overHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	permit, err := h.breaker.Allow()
	if err != nil {
		h.metrics.rejected()
		return nil, err
	}
	v := &verdict{permit: permit, count: h.metrics.ended}
	ctx, cut := context.WithCancelCause(r.Context())
	cancel := func() { cut(nil) }
	sent := &source{ReadCloser: r.Body, late: func() { cut(errTakesNothing) }}
	if h.route.Transport == nil {
		sent.patience = h.route.Timeout
	}
	out := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = sent
	}
	began := time.Now()
	a, err := h.transport.RoundTrip(out)
	took := time.Since(began)
	sent.answered()
	if err != nil {
		if context.Cause(ctx) == errTakesNothing { //nolint:errorlint // it is itself
			err = errTakesNothing
		}
		cancel()
		if gone(r.Context()) || sent.isBroken() {
			v.done(breaker.Neutral)
		} else {
			v.done(breaker.Failure)
		}
		return nil, err
	}
	h.metrics.took(took)
	a.Request = r
	o := slow(h.slowAfter, took)
	switch {
	case failed(a.StatusCode):
		v.done(breaker.Failure)
	case a.StatusCode == http.StatusSwitchingProtocols || a.Body == http.NoBody:
		v.done(o)
	default:
		v.afterGrace(o)
	}
	if rw, ok := a.Body.(io.ReadWriteCloser); ok && a.StatusCode == http.StatusSwitchingProtocols {
		if became, ok := r.Context().Value(passageKey{}).(*passage); ok {
			became.upgraded = true
		}
		a.Body = &upgraded{
			ReadWriteCloser: rw, cancel: cancel,
			patience: h.route.Idle, silent: time.AfterFunc(h.route.Idle, func() { _ = rw.Close() }),
		}
		return a, nil
	}
	a.Body = &received{
		ReadCloser: a.Body, verdict: v, good: o, program: r.Context(), cancel: cancel,
		patience: h.route.Idle, silent: time.AfterFunc(h.route.Idle, cancel),
	}
	return a, nil
}

// gone tells whether the program left. One whose own time is up, in the same process, did
// not: an upstream that hangs is known by nothing else.
func gone(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func (h *overHTTP) falls(r *http.Request) bool {
	return h.route.Fallback != nil && h.route.Fallback.answers(r.Method)
}

// instead answers where the upstream did not, or not well.
func (h *overHTTP) instead(w http.ResponseWriter, r *http.Request, err error) {
	if gone(r.Context()) {
		w.WriteHeader(statusGone)
		return
	}
	if h.falls(r) {
		h.metrics.degraded()
		h.route.Fallback.serve(w)
		return
	}
	if open, ok := errors.AsType[*breaker.OpenError](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(open.RetryAfter().Seconds())))))
		own(w, http.StatusServiceUnavailable, "open", err)
		return
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		own(w, http.StatusGatewayTimeout, "timeout", err)
		return
	}
	own(w, http.StatusBadGateway, "unreachable", err)
}

func own(w http.ResponseWriter, status int, why string, err error) {
	text := fmt.Sprintf("rebound proxy: %v\n", err)
	w.Header().Set(ByHeader, why)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who asked may be gone
}
