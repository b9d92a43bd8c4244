package grpcbreaker

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Client guards the calls of a client. Its methods are interceptors. Do not change it once
// they are in use.
type Client struct {
	// Breaker is that of all calls. Nil guards none.
	Breaker *breaker.Breaker

	// For gives the breaker of a call, by the target of its connection, as it was dialed,
	// and its method, as "/shop.Store/Read". Where it gives nil the call is not guarded.
	// Nil means Breaker for all.
	For func(target, method string) *breaker.Breaker

	// Classify says what an error is, in place of the breaker's own, which is for
	// [breaker.Do]. It is not asked where there is no error. Nil means [Classify].
	Classify func(ctx context.Context, err error) breaker.Outcome

	// Early takes the first message that a stream receives for its success, and sees
	// nothing of what becomes of it later. It is for streams that stay open, as a watch
	// does: else such a trial fails when its lease ends, and each is a slow call where
	// calls are timed. False means that a stream succeeds when it ends.
	Early bool
}

// Unary is a [grpc.UnaryClientInterceptor].
func (c *Client) Unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	b := c.of(cc, method)
	if b == nil {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	permit, err := allow(ctx, b)
	if err != nil {
		return err
	}
	outcome := breaker.Failure // unless invoke returns
	defer func() { permit.Done(outcome) }()
	err = invoke(ctx, method, req, reply, cc, opts...)
	outcome = classified(ctx, c.Classify, err)
	return err
}

// Stream is a [grpc.StreamClientInterceptor].
func (c *Client) Stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	b := c.of(cc, method)
	if b == nil {
		return open(ctx, desc, cc, method, opts...)
	}
	permit, err := allow(ctx, b)
	if err != nil {
		return nil, err
	}
	outcome, live := breaker.Failure, false // unless open returns
	defer func() {
		if !live {
			permit.Done(outcome)
		}
	}()
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		outcome = classified(ctx, c.Classify, err)
		return nil, err
	}
	live = true
	return watch(ctx, s, permit, c.Classify, c.Early || !desc.ServerStreams), nil
}

func (c *Client) of(cc *grpc.ClientConn, method string) *breaker.Breaker {
	if c.For == nil {
		return c.Breaker
	}
	target := ""
	if cc != nil { // tests of interceptors have none
		target = cc.Target()
	}
	return c.For(target, method)
}

// allow asks for leave, and nobody where the context is over already.
func allow(ctx context.Context, b *breaker.Breaker) (breaker.Permit, error) {
	if err := ctx.Err(); err != nil {
		return breaker.Permit{}, status.FromContextError(err).Err()
	}
	permit, err := b.Allow()
	if err != nil {
		return breaker.Permit{}, refusal{err}
	}
	return permit, nil
}
