package sidecar

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// overTCP proxies connections.
type overTCP struct {
	route     Route
	address   string
	slowAfter time.Duration
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	breaker   *breaker.Breaker
	metrics   *routeMetrics
	busy      sync.WaitGroup

	served chan struct{} // closed when no more connections come

	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu; nil when all were cut
}

func newTCP(r Route, address string, b *breaker.Breaker, m *routeMetrics) *overTCP {
	return &overTCP{
		route: r, address: address, dial: r.dialer(), slowAfter: r.Breaker.SlowAfter, breaker: b, metrics: m,
		conns: map[net.Conn]struct{}{}, served: make(chan struct{}),
	}
}

func (p *overTCP) serve(ctx context.Context, ln net.Listener) error {
	defer close(p.served)
	ctx = context.WithoutCancel(ctx) // what is under way may end
	for {
		c, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // too many open files, say: it passes
			<-time.After(50 * time.Millisecond)
			continue
		}
		p.busy.Go(func() { p.connection(ctx, c.(*net.TCPConn)) })
	}
}

func (p *overTCP) end(ctx context.Context) {
	<-p.served
	ended := make(chan struct{})
	go func() {
		p.busy.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close() // the time is up
	}
	p.conns = nil
	p.mu.Unlock()
	<-ended
}

// keep remembers a connection, to be cut at the end, which may have come.
func (p *overTCP) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *overTCP) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// reset ends a connection so that nobody takes it for a good end.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func (p *overTCP) connection(ctx context.Context, down *net.TCPConn) {
	defer reset(down) // does nothing to one that is closed
	if !p.keep(down) {
		return
	}
	defer p.drop(down)
	permit, err := p.breaker.Allow()
	if err != nil {
		p.metrics.rejected()
		return
	}
	v := &verdict{permit: permit, count: p.metrics.ended}
	defer v.done(breaker.Neutral) // where nothing else was said
	defer v.stop()
	began := time.Now()
	c, err := p.dial(ctx, "tcp", p.address)
	took := time.Since(began)
	if err != nil {
		v.done(breaker.Failure)
		return
	}
	up := c.(*net.TCPConn)
	defer reset(up)
	if !p.keep(up) {
		return
	}
	defer p.drop(up)
	p.metrics.took(took)
	p.metrics.connected(1)
	defer p.metrics.connected(-1)
	good := slow(p.slowAfter, took)
	v.afterGrace(good)
	l := &link{down: down, up: up, idle: p.route.Idle, began: time.Now()}
	l.run(v, good)
}

// link is a connection and its other half.
type link struct {
	down, up *net.TCPConn
	idle     time.Duration
	began    time.Time
	heard    atomic.Int64 // since began, in either direction
	left     atomic.Bool  // the program has ended its half, or is gone
}

// run carries bytes until both halves have ended, or one breaks off.
func (l *link) run(v *verdict, good breaker.Outcome) {
	var sending sync.WaitGroup
	sending.Go(func() {
		err := l.carry(l.up, l.down, nil)
		l.left.Store(true)
		l.over(l.up, err)
	})
	err := l.carry(l.down, l.up, func() { v.done(good) })
	if l.left.Load() {
		v.done(breaker.Neutral)
	} else {
		v.done(breaker.Failure) // unless it has said something, or lasted
	}
	l.over(l.down, err)
	sending.Wait()
	_ = l.down.Close()
	_ = l.up.Close()
}

// over ends a half, or all where it broke off: also the other waits for nothing then.
func (l *link) over(to *net.TCPConn, err error) {
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		reset(l.down)
		reset(l.up)
	}
}

const (
	piece = 256 << 10 // bytes that are carried before the deadlines are set anew
	first = 32 << 10
)

var errIdle = errors.New("nothing was said for too long")

// carry brings bytes from one to the other until there are no more. The first of them are
// read here, and begun is called; the rest stays in the kernel, where that can.
func (l *link) carry(to, from *net.TCPConn, begun func()) error {
	buffer := make([]byte, first)
	for {
		since := time.Now()
		// It waits for bytes for less than it may write them, so that what comes at the end
		// of the one has time left of the other; and looks now and then how the other
		// direction fares.
		if err := errors.Join(from.SetReadDeadline(since.Add(l.idle/4)), to.SetWriteDeadline(since.Add(l.idle))); err != nil {
			return err
		}
		var n int64
		var err error
		if buffer != nil {
			n, err = once(to, from, buffer)
		} else {
			n, err = io.CopyN(to, from, piece)
		}
		if n > 0 {
			l.heard.Store(int64(time.Since(l.began)))
			if begun != nil {
				begun()
			}
			buffer, begun = nil, nil
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case time.Since(since) > l.idle*3/4: // it was the writing
			return errIdle
		case time.Since(l.began)-time.Duration(l.heard.Load()) >= l.idle+l.idle/4: // what was heard is known so late
			return errIdle
		}
	}
}

// once carries what is read at once.
func once(to io.Writer, from io.Reader, buffer []byte) (int64, error) {
	n, err := from.Read(buffer)
	if n > 0 {
		if _, writeErr := to.Write(buffer[:n]); writeErr != nil {
			err = writeErr
		}
	}
	return int64(n), err
}
