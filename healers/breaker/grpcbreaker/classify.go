package grpcbreaker

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Classify is what errors mean where Classify of [Client] or [Server] is nil, to build
// upon. Before the codes come the rules of [breaker.Classify]: no error is OK; a caller
// that gave up, and a refusal of another breaker in this process, are neutral. Then
//
//   - Unavailable, DeadlineExceeded, Internal, ResourceExhausted, Unknown, DataLoss, and
//     codes that gRPC does not know, are failures. What is no status has the code Unknown;
//   - Canceled is neutral: somebody gave up, if not this caller then one behind it;
//   - the rest is OK: the service did its work, and the answer is no.
//
// gRPC itself gives Internal and ResourceExhausted for a message that it cannot encode and
// one that is too large. Who sends such should tell them apart.
func Classify(ctx context.Context, err error) breaker.Outcome {
	if o := breaker.Classify(ctx, err); o != breaker.Failure {
		return o
	}
	switch status.Code(err) {
	case codes.Canceled:
		return breaker.Neutral
	case codes.OK, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented, codes.Unauthenticated:
		return breaker.OK
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.ResourceExhausted, codes.Unknown, codes.DataLoss:
	}
	return breaker.Failure
}

// classified is the outcome of a call that came back.
func classified(ctx context.Context, classify func(context.Context, error) breaker.Outcome, err error) breaker.Outcome {
	switch {
	case err == nil:
		return breaker.OK
	case classify != nil:
		return classify(ctx, err)
	}
	return Classify(ctx, err)
}
