package grpcbreaker

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Server guards the handlers of a server: while they fail, calls are refused before they
// begin. Its methods are interceptors. Do not change it once they are in use.
type Server struct {
	// Breaker is that of all calls. Nil guards none.
	Breaker *breaker.Breaker

	// For gives the breaker of a method, as "/shop.Store/Read". Where it gives nil the
	// call is not guarded, as those for health should not be. Nil means Breaker for all.
	For func(method string) *breaker.Breaker

	// Classify says what an error of a handler is. It is not asked where there is no
	// error. Nil means [Classify].
	Classify func(ctx context.Context, err error) breaker.Outcome
}

// Unary is a [grpc.UnaryServerInterceptor].
func (s *Server) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	b := s.of(info.FullMethod)
	if b == nil {
		return handle(ctx, req)
	}
	permit, err := allow(ctx, b)
	if err != nil {
		_ = grpc.SetTrailer(ctx, noRetry()) // nothing is lost but advice
		return nil, err
	}
	outcome := breaker.Failure // unless handle returns
	defer func() { permit.Done(outcome) }()
	reply, err := handle(ctx, req)
	outcome = classified(ctx, s.Classify, err)
	return reply, err
}

// Stream is a [grpc.StreamServerInterceptor].
func (s *Server) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	b := s.of(info.FullMethod)
	if b == nil {
		return handle(srv, ss)
	}
	ctx := ss.Context()
	permit, err := allow(ctx, b)
	if err != nil {
		ss.SetTrailer(noRetry())
		return err
	}
	outcome := breaker.Failure // unless handle returns
	defer func() { permit.Done(outcome) }()
	err = handle(srv, ss)
	outcome = classified(ctx, s.Classify, err)
	return err
}

func (s *Server) of(method string) *breaker.Breaker {
	if s.For == nil {
		return s.Breaker
	}
	return s.For(method)
}

// noRetry keeps clients from the retries that their service config allows. A delay in its
// place would bring all of them back at the instant when there is one trial to give.
func noRetry() metadata.MD { return metadata.Pairs("grpc-retry-pushback-ms", "-1") }
