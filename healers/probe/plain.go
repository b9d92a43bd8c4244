package probe

import (
	"bytes"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// plain reads an answer as nearly every healthy instance gives it: 2xx, all in one
// piece, with its length and nothing that takes thought. It takes nothing from the
// buffer when it is not one, and leaves it to net/http; a fuzz test holds the two
// equal. It allocates nothing.
func (r *reader) plain() (answer, bool) {
	if _, err := r.buf.Peek(1); err != nil {
		return answer{}, false
	}
	all, err := r.buf.Peek(r.buf.Buffered())
	if err != nil {
		return answer{}, false
	}
	head, body, ok := bytes.Cut(all, []byte("\r\n\r\n"))
	if !ok {
		return answer{}, false
	}
	first, rest, _ := bytes.Cut(head, []byte("\r\n"))
	a := answer{heard: true, again: true}
	if a.status, ok = plainStatus(first); !ok {
		return answer{}, false
	}
	length := -1
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := plainField(line)
		switch {
		case !ok, equal(name, "Transfer-Encoding"), equal(name, "Trailer"):
			return answer{}, false
		case equal(name, "Content-Length"):
			if length >= 0 || len(value) == 0 || len(value) > 6 {
				return answer{}, false
			}
			length = 0
			for _, c := range value {
				if c < '0' || c > '9' {
					return answer{}, false
				}
				length = 10*length + int(c-'0')
			}
		case equal(name, "Connection"):
			if !equal(value, "close") {
				return answer{}, false
			}
			a.again = false
		}
	}
	if length < 0 || length > len(body) {
		return answer{}, false
	}
	a.again = a.again && length == len(body)
	_, err = r.buf.Discard(len(all) - len(body) + length)
	return a, err == nil
}

// plainStatus reads `HTTP/1.1 200 OK`.
func plainStatus(line []byte) (status int, ok bool) {
	after, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 2"))
	if !ok || len(after) < 2 || len(after) > 2 && after[2] != ' ' || !printable(after) {
		return 0, false
	}
	for _, c := range after[:2] {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	status = 200 + 10*int(after[0]-'0') + int(after[1]-'0')
	return status, status != 204 // which has no body, whatever it says
}

// plainField reads `Name: value`.
func plainField(line []byte) (name, value []byte, ok bool) {
	name, value, ok = bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || !printable(value) {
		return nil, nil, false
	}
	for _, c := range name {
		if !httpguts.IsTokenRune(rune(c)) {
			return nil, nil, false
		}
	}
	return name, bytes.Trim(value, " "), true
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func equal(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }
