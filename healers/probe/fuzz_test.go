package probe

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
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

// What is read in one piece is what net/http reads, byte for byte.
func FuzzLookPlain(f *testing.F) {
	for _, s := range []string{
		well, well + "more", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 299\r\nContent-Length: 00\r\ncontent-type: a/b;c=\"d\"\r\n\r\n", "HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\na",
		"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: a, close\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX:\xc3\xa4\r\n\r\na", "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \t1 \r\n\r\na", "HTTP/1.1 2+0 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 \n\r\nContent-Length:0\r\n\r\n000",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &reader{buf: bufio.NewReaderSize(nil, 64<<10)}
		r.from = bounded{from: bytes.NewReader(data), left: maxHead}
		r.buf.Reset(&r.from)
		got, ok := r.plain()
		if !ok {
			if left, _ := io.ReadAll(r.buf); len(data) <= maxHead && !bytes.Equal(left, data) {
				t.Errorf("it took %d bytes of what it did not read", len(data)-len(left))
			}
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(data), 64<<10)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%q is %+v, and no answer to net/http: %v", data, got, err)
		}
		body, err := io.ReadAll(res.Body)
		want := answer{status: res.StatusCode, heard: true, again: !res.Close && in.Buffered() == 0}
		if err != nil || got.status != want.status || got.again != want.again || got.location != "" || got.body != nil {
			t.Errorf("%q is %+v, to net/http %+v with %q, %v", data, got, want, body, err)
		}
		if in.Buffered() != r.buf.Buffered() {
			t.Errorf("%q: %d bytes are left, of net/http %d", data, r.buf.Buffered(), in.Buffered())
		}
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
