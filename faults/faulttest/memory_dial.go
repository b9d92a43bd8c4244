package faulttest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Dial implements [sut.Dialer]. Every instance answers everything, on any port, with
// a word, and takes to its end whatever it is sent: what tells it to stall, for one.
func (v memoryVerbs) Dial(_ context.Context, t sut.Target, _ string) (net.Conn, error) {
	if err := v.m.fail("dial"); err != nil {
		return nil, err
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	if !v.m.alive(t) {
		return nil, fmt.Errorf("dial %s: %w", t, sut.ErrGone)
	}
	asker, instance := net.Pipe()
	go v.m.serve(t, instance)
	return asker, nil
}

const word = "ok"

// serve answers one request of an instance.
func (m *Memory) serve(t sut.Target, c net.Conn) {
	defer func() { _ = c.Close() }() // who asked may have left
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if r.Method == http.MethodPost {
		var told struct {
			Stall    string            `json:"stall"`
			StallFor manifest.Duration `json:"stallFor"`
		}
		if json.NewDecoder(r.Body).Decode(&told) != nil {
			return
		}
		if !m.stall(t, told.Stall != "", time.Duration(told.StallFor)) {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(word), word)
		return
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		_, _ = io.Copy(io.Discard, in) // ends with the connection
	}()
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(word))
	for {
		m.mu.Lock()
		alive, stalled, news := m.alive(t), m.broken[m.name("stall", t)], m.news
		m.mu.Unlock()
		if !alive {
			return
		}
		if !stalled {
			fmt.Fprint(c, word)
			return
		}
		select {
		case <-news:
		case <-left:
			return
		}
	}
}

// stall begins to stall, or ends it, unless the life is over. What has a time ends by
// itself.
func (m *Memory) stall(t sut.Target, begin bool, last time.Duration) (heard bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.alive(t) {
		return false
	}
	defer m.wake()
	what := m.name("stall", t)
	if !begin {
		delete(m.broken, what)
		return true
	}
	m.broken[what], m.until[what] = true, time.Now().Add(last)
	if last == 0 {
		return true
	}
	time.AfterFunc(last, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !time.Now().Before(m.until[what]) { // nobody has told it again
			delete(m.broken, what)
			m.wake()
		}
	})
	return true
}
