package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
)

const (
	// maxHead bounds the header of an answer; net/http and so kubelet reads 10 MiB.
	maxHead = 1 << 20
	// maxBody is how much is read to learn that an answer ends. What is longer is
	// taken for an answer that flows. Kubelet reads 10 KiB.
	maxBody = 1 << 20
	// maxInformed is how many 1xx may come first, as in net/http.
	maxInformed = 5
)

var (
	errHead     = errors.New("the header of its answer is longer than 1 MiB")
	errInformed = fmt.Errorf("more than %d answers of status 1xx", maxInformed)
)

// answer is what one request was answered with.
type answer struct {
	status   int // 0: it did not come so far
	location string
	body     []byte // its beginning
	heard    bool   // something came
	again    bool   // the connection can be used once more
}

// verdict is kubelet's.
func (a answer) verdict() (Result, string) {
	if a.status < 200 || a.status >= 400 {
		return Failure, fmt.Sprintf("status %d%s", a.status, quote(a.body))
	}
	return Success, fmt.Sprintf("status %d", a.status)
}

// stale tells of a connection whose other end was gone before we asked, or has
// said that it waited too long for us.
func (a answer) stale() bool { return !a.heard || a.status == http.StatusRequestTimeout }

// reader reads answers. It is used again and again: its buffer is most of what a
// look needs.
type reader struct {
	buf  *bufio.Reader
	from bounded
	head [quoted + 1]byte
}

var readers = sync.Pool{New: func() any { return &reader{buf: bufio.NewReader(nil)} }}

// talkHTTP1 sends a request that was written before, and reads its answer to its
// end. An error that comes behind the header comes with the status.
func talkHTTP1(c net.Conn, _ *http.Request, sent []byte) (answer, error) {
	if _, err := c.Write(sent); err != nil {
		return answer{}, err
	}
	r := readers.Get().(*reader)
	defer func() {
		r.from = bounded{}
		r.buf.Reset(nil)
		readers.Put(r)
	}()
	return r.read(c)
}

func (r *reader) read(from io.Reader) (answer, error) {
	r.from = bounded{from: from, left: maxHead}
	r.buf.Reset(&r.from)
	if a, ok := r.plain(); ok {
		return a, nil
	}
	for informed := 0; ; informed++ {
		if informed > maxInformed {
			return answer{heard: true}, errInformed
		}
		res, err := http.ReadResponse(r.buf, nil) //nolint:bodyclose // to close is to read to the end, of which there may be none; who closes is the connection
		if err != nil {
			return answer{heard: r.from.some}, err
		}
		if res.StatusCode/100 != 1 || res.StatusCode == http.StatusSwitchingProtocols {
			return r.body(res)
		}
	}
}

func (r *reader) body(res *http.Response) (answer, error) {
	r.from.left = math.MaxInt64
	a := answer{status: res.StatusCode, location: res.Header.Get("Location"), heard: true}
	var n int
	var err error
	for err == nil && n < len(r.head) {
		var m int
		m, err = res.Body.Read(r.head[n:])
		n += m
	}
	if err == nil {
		rest := io.LimitedReader{R: res.Body, N: maxBody - int64(n)}
		if _, err = io.Copy(io.Discard, &rest); err == nil && rest.N > 0 {
			err = io.EOF
		}
	}
	if a.status < 200 || a.status >= 400 {
		a.body = append(a.body, r.head[:n]...)
	}
	if errors.Is(err, io.EOF) {
		a.again = !res.Close && a.status >= 200 && r.buf.Buffered() == 0
		return a, nil
	}
	return a, err // nil: it flows
}

// bounded is a reader that gives up.
type bounded struct {
	from io.Reader
	left int64
	some bool // something came
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errHead
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.some = b.some || n > 0
	return n, err
}
