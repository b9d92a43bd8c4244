package httpbreaker_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errRefused = errors.New("connection refused")

// trip is an http.RoundTripper without a network.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is one with a status and a body.
func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// reader is a body of a function, that knows whether it was closed.
type reader struct {
	read   func([]byte) (int, error)
	closed bool
}

func (r *reader) Read(p []byte) (int, error) { return r.read(p) }

func (r *reader) Close() error {
	r.closed = true
	return nil
}

func made(t *testing.T, c breaker.Config) *breaker.Breaker {
	t.Helper()
	c.Count = true
	b, err := breaker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func counted(t *testing.T, b *breaker.Breaker, want breaker.Counts) {
	t.Helper()
	if got := b.Snapshot().Counts; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func thrown(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// pipes is a network of one server, in memory, as a net.Listener and a dialer of it.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
