package sidecar

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// source is the body of a request, and knows whether the program broke off sending it.
type source struct {
	io.ReadCloser
	broken atomic.Bool
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
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

// upgraded is a connection that speaks something else now.
type upgraded struct {
	io.ReadWriteCloser
	cancel context.CancelFunc
}

func (u *upgraded) Close() error {
	defer u.cancel()
	return u.ReadWriteCloser.Close()
}
