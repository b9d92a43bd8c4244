package grpcbreaker

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// refusal is a [breaker.OpenError] that is a status too. The status is made when somebody
// asks for it: most callers look at the error alone.
type refusal struct{ error }

// Unwrap makes it what the breaker refused with.
func (r refusal) Unwrap() error { return r.error }

// GRPCStatus makes it a status, for status.Code and for the wire.
func (r refusal) GRPCStatus() *status.Status {
	s := status.New(codes.Unavailable, r.Error())
	open, ok := errors.AsType[*breaker.OpenError](r.error)
	if !ok {
		return s
	}
	wait := open.RetryAfter()
	if wait == 0 {
		return s
	}
	if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}); err == nil {
		return with
	}
	return s
}
