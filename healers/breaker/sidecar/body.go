package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// errTakesNothing is an upstream that is late before it has all of a request.
var errTakesNothing = fmt.Errorf("the upstream does not take the request: %w", os.ErrDeadlineExceeded)

// source is the body of a request, and knows whether the program broke off sending it. The
// transport waits for an answer when all of it is sent; before that it is the upstream's
// to take what was read, and the program's to send more: for the first there is patience.
type source struct {
	io.ReadCloser
	broken   atomic.Bool
	patience time.Duration // 0: without end
	late     func()        // the patience is over

	mu    sync.Mutex
	timer *time.Timer // guarded by mu; runs while the upstream has something to take
	over  bool        // guarded by mu; it has begun its answer
}

// wait for the upstream, or for the program.
func (s *source) wait(upstream bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.patience == 0:
	case !upstream || s.over:
		if s.timer != nil {
			s.timer.Stop()
		}
	case s.timer == nil:
		s.timer = time.AfterFunc(s.patience, s.late)
	default:
		s.timer.Reset(s.patience)
	}
}

// answered says that there is no more to wait for.
func (s *source) answered() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.wait(true)
}

func (s *source) Read(p []byte) (int, error) {
	s.wait(false)
	n, err := s.ReadCloser.Read(p)
	s.wait(true)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) {
		s.broken.Store(true)
	}
	return n, err
}

func (s *source) isBroken() bool { return s.broken.Load() }

// received is the body of an answer, which ends the call when it ends.
type received struct {
	io.ReadCloser
	verdict  *verdict
	good     breaker.Outcome
	program  context.Context //nolint:containedctx // whether who asked is there still, when the body breaks off
	cancel   context.CancelFunc
	patience time.Duration
	silent   *time.Timer // cancels
}

func (b *received) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		b.silent.Reset(b.patience)
	case errors.Is(err, io.EOF):
		b.verdict.done(b.good)
	case gone(b.program):
		b.verdict.done(breaker.Neutral)
	default:
		b.verdict.done(breaker.Failure)
	}
	return n, err
}

// Close before the end is a program that wants no more.
func (b *received) Close() error {
	err := b.ReadCloser.Close()
	b.silent.Stop()
	b.verdict.stop()
	b.verdict.done(breaker.Neutral)
	b.cancel()
	return err
}

// upgraded is a connection that speaks something else now, and ends when nothing was said in
// either direction for too long.
type upgraded struct {
	io.ReadWriteCloser
	cancel   context.CancelFunc
	patience time.Duration
	silent   *time.Timer // closes
}

func (u *upgraded) Read(p []byte) (int, error) {
	n, err := u.ReadWriteCloser.Read(p)
	if err == nil {
		u.silent.Reset(u.patience)
	}
	return n, err
}

func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.ReadWriteCloser.Write(p)
	if err == nil {
		u.silent.Reset(u.patience)
	}
	return n, err
}

func (u *upgraded) Close() error {
	defer u.cancel()
	u.silent.Stop()
	return u.ReadWriteCloser.Close()
}
