package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// stream is the only one of a connection: each look has its own.
	stream = 1
	// window is what the other side may send before it waits for us, and so we need
	// not tell it to go on.
	window = maxBody + frame
	// frame is the largest frame that we take, and the smallest bound on one that the
	// other side may set.
	frame = 16 << 10
	// keptData is how much of what comes is kept.
	keptData = 4 << 10
	// initialWindow is what both sides begin with, by RFC 9113, section 6.9.2.
	initialWindow = 65535
)

// reply is what one request over HTTP/2 was answered with.
type reply struct {
	status int // 0: it did not come so far
	fields []hpack.HeaderField
	data   []byte // its beginning
	size   int
}

// field is the value of the last header or trailer of that name.
func (r *reply) field(name string) (string, bool) {
	for _, f := range slices.Backward(r.fields) {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// torn tells of a body that ended before it had the length that was announced.
func (r *reply) torn() bool {
	length, ok := r.field("content-length")
	return ok && r.status != http.StatusNotModified && r.size <= maxBody && length != strconv.Itoa(r.size)
}

// talkHTTP2 asks in the clear, with prior knowledge, as kubelet does.
func talkHTTP2(c net.Conn, req *http.Request, _ []byte) (answer, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	fields := []hpack.HeaderField{
		{Name: ":method", Value: req.Method},
		{Name: ":scheme", Value: req.URL.Scheme},
		{Name: ":authority", Value: host},
		{Name: ":path", Value: req.URL.RequestURI()},
	}
	for name, values := range req.Header {
		switch name {
		// What belongs to a connection of HTTP/1 has no place here, and an empty
		// User-Agent asks for none.
		case "Host", "Connection", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Content-Length", "Trailer":
			continue
		case "User-Agent":
			if values[0] == "" {
				continue
			}
		}
		for _, v := range values {
			fields = append(fields, hpack.HeaderField{Name: strings.ToLower(name), Value: v})
		}
	}
	opening, err := opened(fields, nil)
	if err != nil {
		return answer{}, err
	}
	r, err := converse(c, opening)
	if err == nil && r.torn() {
		err = io.ErrUnexpectedEOF
	}
	a := answer{status: r.status, heard: r.status != 0}
	a.location, _ = r.field("location")
	if a.status < 200 || a.status >= 400 {
		a.body = r.data[:min(len(r.data), quoted+1)]
	}
	return a, err
}

// opened is all that is sent over a fresh connection to ask once.
func opened(fields []hpack.HeaderField, body []byte) ([]byte, error) {
	var block, out bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := enc.WriteField(f); err != nil {
			return nil, err
		}
	}
	out.WriteString(http2.ClientPreface)
	w := http2.NewFramer(&out, nil)
	head := block.Next(frame)
	err := errors.Join(
		w.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: window},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHead},
		),
		w.WriteWindowUpdate(0, window-initialWindow),
		w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head, EndHeaders: block.Len() == 0, EndStream: body == nil}),
	)
	for err == nil && block.Len() > 0 {
		head = block.Next(frame)
		err = w.WriteContinuation(stream, block.Len() == 0, head)
	}
	if err == nil && body != nil {
		err = w.WriteData(stream, true, body)
	}
	return out.Bytes(), err
}

// converse sends what opens a connection, and reads what comes back until the
// stream ends or has brought more than maxBody. An error that comes behind the
// header comes with the status.
func converse(c net.Conn, opening []byte) (r reply, err error) {
	if _, err := c.Write(opening); err != nil {
		return r, err
	}
	in := readers.Get().(*reader)
	defer func() {
		in.buf.Reset(nil)
		readers.Put(in)
	}()
	in.buf.Reset(c)
	f := http2.NewFramer(c, in.buf)
	f.SetMaxReadFrameSize(frame)
	f.MaxHeaderListSize = maxHead
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		next, err := f.ReadFrame()
		if err != nil {
			return r, err
		}
		over, err := r.take(f, next)
		if over || err != nil {
			return r, err
		}
	}
}

// take takes one frame, and tells whether it was the last.
func (r *reply) take(w *http2.Framer, next http2.Frame) (over bool, err error) {
	if id := next.Header().StreamID; id != 0 && id != stream {
		return false, fmt.Errorf("something of stream %d, which nobody opened", id)
	}
	switch f := next.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return false, w.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return false, w.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		return r.head(f)
	case *http2.DataFrame:
		if r.status == 0 {
			return false, errors.New("data before a header")
		}
		r.size += len(f.Data())
		r.data = append(r.data, f.Data()[:min(len(f.Data()), keptData-len(r.data))]...)
		return f.StreamEnded() || r.size > maxBody, nil
	case *http2.RSTStreamFrame:
		return false, fmt.Errorf("it reset the stream: %s", f.ErrCode)
	case *http2.GoAwayFrame:
		if f.LastStreamID < stream {
			return false, fmt.Errorf("it takes no more requests: %s", f.ErrCode)
		}
	}
	return false, nil
}

func (r *reply) head(f *http2.MetaHeadersFrame) (over bool, err error) {
	if f.Truncated {
		return false, errHead
	}
	if r.status == 0 {
		status, err := strconv.Atoi(f.PseudoValue("status"))
		if err != nil || status < 100 || status > 999 {
			return false, errors.New("a header without a status")
		}
		if status < 200 && !f.StreamEnded() {
			return false, nil // there is more to come
		}
		r.status = status
	}
	if len(r.fields) > 0 && !f.StreamEnded() {
		return false, errors.New("two headers")
	}
	r.fields = append(r.fields, f.RegularFields()...)
	return f.StreamEnded(), nil
}
