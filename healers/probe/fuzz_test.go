package probe

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// said is a connection over which all was said at once.
type said struct {
	io.Reader
	net.Conn
}

func (s said) Read(p []byte) (int, error)     { return s.Reader.Read(p) }
func (said) Write(p []byte) (int, error)      { return len(p), nil }
func (said) Close() error                     { return nil }
func (said) SetDeadline(time.Time) error      { return nil }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }

// within fails when f takes more memory than an answer may.
func within(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d bytes were allocated for one answer", grown)
	}
}

// Whatever an instance says: a look ends with an answer, does not take the memory
// that it is told to, and uses a connection again only behind a whole answer.
func FuzzLookHTTP1(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell and more",
		"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 302 x\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.0 200 x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n", "HTTP/1.1 204\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		within(t, func() {
			a, err := talkHTTP1(said{Reader: bytes.NewReader(data)}, nil, nil)
			if err != nil && a.again || a.again && a.status < 200 {
				t.Errorf("used again: %+v %v", a, err)
			}
			if len(a.body) > quoted+1 {
				t.Errorf("%d bytes are kept", len(a.body))
			}
			if !a.heard && len(data) > 0 {
				t.Errorf("%q was not heard", data)
			}
			if r, detail := a.verdict(); r == Success && (a.status < 200 || a.status > 399) || len(detail) > 4*quoted+100 {
				t.Errorf("%v %q of %+v", r, detail, a)
			}
		})
	})
}

// The same over HTTP/2, by which gRPC is asked too.
func FuzzLookHTTP2(f *testing.F) {
	frames := func(write func(w *http2.Framer)) []byte {
		var b bytes.Buffer
		write(http2.NewFramer(&b, nil))
		return b.Bytes()
	}
	ok := []byte{0x88} // :status 200 of the static table
	for _, s := range [][]byte{
		nil,
		frames(func(w *http2.Framer) {
			_ = w.WriteSettings()
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: ok, EndHeaders: true})
			_ = w.WriteData(1, true, []byte{0, 0, 0, 0, 2, 8, 1})
		}),
		frames(func(w *http2.Framer) {
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: ok, EndStream: true})
			_ = w.WriteContinuation(1, true, nil)
		}),
		frames(func(w *http2.Framer) { _ = w.WriteRSTStream(1, http2.ErrCodeCancel) }),
		frames(func(w *http2.Framer) { _ = w.WriteGoAway(0, http2.ErrCodeNo, nil) }),
		frames(func(w *http2.Framer) {
			_ = w.WritePing(false, [8]byte{})
			_ = w.WriteWindowUpdate(1, 1)
			_ = w.WriteData(3, false, nil)
		}),
		[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
	} {
		f.Add(s)
	}
	g := &grpcHealth{}
	f.Fuzz(func(t *testing.T, data []byte) {
		within(t, func() {
			r, err := converse(said{Reader: bytes.NewReader(data)}, nil)
			if len(r.data) > keptData || r.size < len(r.data) {
				t.Errorf("%d bytes are kept of %d", len(r.data), r.size)
			}
			if err == nil && r.status < 100 {
				t.Errorf("a whole answer without a status: %+v", r)
			}
			if result, detail := g.verdict(&r); result == Success && (r.status != 200 || detail != "SERVING") || strings.Contains(detail, "%!") {
				t.Errorf("%v %q of %+v", result, detail, r)
			}
		})
	})
}
