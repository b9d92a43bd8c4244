package sidecar_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// listen serves connections one after the other.
func listen(t *testing.T, each func(c *net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = c.Close() }()
				each(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		all.Wait()
	})
	return "tcp://" + ln.Addr().String()
}

func (p *started) dial() *net.TCPConn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.routes[0])
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// TestHalfClose: what the program has to say ends, and the answer comes still.
func TestHalfClose(t *testing.T) {
	p := start(t, sidecar.Route{Breaker: quick(), Upstream: listen(t, func(c *net.TCPConn) {
		all, err := io.ReadAll(c)
		if err == nil {
			_, _ = c.Write(all)
		}
	})})
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than is carried at once
	c := p.dial()
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := c.Write(sent)
		if err := errors.Join(err, c.CloseWrite()); err != nil {
			t.Error(err)
		}
	})
	got, err := io.ReadAll(c)
	writing.Wait()
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes, %v", len(got), len(sent), err)
	}
	p.becomes("1", "calls_total", `outcome="ok"`)
	p.becomes("0", "connections")
}

func TestConnectionOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		upstream func(c *net.TCPConn)
		program  func(c *net.TCPConn)
		want     string
	}{
		"reset at once":         {func(c *net.TCPConn) { _ = c.SetLinger(0) }, wait, "failure"},
		"closed at once":        {func(*net.TCPConn) {}, wait, "failure"},
		"speaks first":          {func(c *net.TCPConn) { fmt.Fprint(c, "220 hello"); wait(c) }, func(*net.TCPConn) {}, "ok"},
		"says nothing for long": {wait, func(c *net.TCPConn) { <-time.After(1500 * time.Millisecond) }, "ok"},
		"the program leaves":    {wait, func(c *net.TCPConn) { _ = c.SetLinger(0) }, "neutral"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, sidecar.Route{Breaker: quick(), Upstream: listen(t, c.upstream)})
			defer p.becomes("1", "calls_total", `outcome="`+c.want+`"`)
			if c.want == "failure" { // it may be reset while it is made
				if conn, err := net.Dial("tcp", p.routes[0]); err == nil {
					c.program(conn.(*net.TCPConn))
					_ = conn.Close()
				}
				return
			}
			conn := p.dial()
			if name == "speaks first" {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
			c.program(conn)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// wait until the other side ends.
func wait(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }

func TestRefusedIsReset(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	p := start(t, sidecar.Route{Breaker: quick(), Upstream: "tcp://" + ln.Addr().String()})
	for range 3 {
		c, err := net.Dial("tcp", p.routes[0])
		if err == nil { // it may be reset while it is made
			_, err = c.Read(make([]byte, 1))
			_ = c.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("ended with %v", err)
		}
	}
	p.becomes("2", "calls_total", `outcome="failure"`)
	p.becomes("1", "calls_total", `outcome="rejected"`)
}

func TestSilenceEnds(t *testing.T) {
	p := start(t, sidecar.Route{Idle: 400 * time.Millisecond, Upstream: listen(t, wait)})
	c := p.dial()
	for range 10 { // one direction is enough
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
	began := time.Now()
	if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("it goes on: %v", err)
	}
	p.becomes("0", "connections")
}

func TestEndCutsConnections(t *testing.T) {
	p := start(t, sidecar.Route{Upstream: listen(t, wait)})
	c := p.dial()
	p.becomes("1", "connections")
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}
