package grpcbreaker

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// stream returns the permit of a client's stream when that ends, as far as its user can
// see: interceptors below may open more than one for it.
type stream struct {
	grpc.ClientStream
	ctx      context.Context // the stream's, which it ends with
	classify func(context.Context, error) breaker.Outcome
	early    bool // the first message is the success
	permit   breaker.Permit
	ended    atomic.Bool // whoever sets it returns the permit
	forget   func() bool // the context
}

func watch(ctx context.Context, s grpc.ClientStream, permit breaker.Permit, classify func(context.Context, error) breaker.Outcome, early bool) *stream {
	w := &stream{ClientStream: s, ctx: ctx, classify: classify, early: early, permit: permit}
	// Who cancels a stream need not read it again.
	w.forget = context.AfterFunc(ctx, func() { w.settle(ctx.Err()) })
	return w
}

// RecvMsg ends it at io.EOF and any other error, and at the one message of a stream that
// has no more of them.
func (w *stream) RecvMsg(m any) error {
	err := w.ClientStream.RecvMsg(m)
	if err != nil || w.early {
		w.end(err)
	}
	return err
}

// SendMsg ends it at an error, but for io.EOF, which says that RecvMsg knows more.
func (w *stream) SendMsg(m any) error {
	err := w.ClientStream.SendMsg(m)
	if err != nil && !errors.Is(err, io.EOF) {
		w.end(err)
	}
	return err
}

func (w *stream) end(err error) {
	w.forget()
	w.settle(err)
}

// settle returns the permit, once.
func (w *stream) settle(err error) {
	if w.ended.Swap(true) {
		return
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	w.permit.Done(classified(w.ctx, w.classify, err))
}
