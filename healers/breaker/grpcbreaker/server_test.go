package grpcbreaker_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/grpcbreaker"
)

func behind(s *grpcbreaker.Server) []grpc.ServerOption {
	return []grpc.ServerOption{grpc.UnaryInterceptor(s.Unary), grpc.StreamInterceptor(s.Stream)}
}

func TestServerCounts(t *testing.T) {
	for _, method := range []string{read, watch, write} {
		for _, row := range []struct {
			name string
			err  error
			want breaker.Counts
		}{
			{"HAPPY it answers", nil, breaker.Counts{OK: 1}},
			{"HAPPY it says no", status.Error(codes.FailedPrecondition, "none"), breaker.Counts{OK: 1}},
			{"SAD it fails", status.Error(codes.Unavailable, "boom"), breaker.Counts{Failure: 1}},
			{"SAD it fails without a status", errors.New("boom"), breaker.Counts{Failure: 1}},
		} {
			t.Run(row.name+" at "+method, func(t *testing.T) {
				b := made(t, breaker.Config{})
				cc := (&store{err: row.err}).serve(t, behind(&grpcbreaker.Server{Breaker: b}))
				if err := call(t.Context(), cc, method); status.Code(err) != status.Code(row.err) {
					t.Errorf("got %v", err)
				}
				counted(t, b, row.want)
			})
		}
	}
}

// TestServerRefuses has a client that retries what is Unavailable: a refusal must not be.
func TestServerRefuses(t *testing.T) {
	retries := grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"retryPolicy":{
		"maxAttempts":4,"initialBackoff":"0.001s","maxBackoff":"0.001s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`)
	for _, method := range []string{read, watch, write} {
		t.Run(method, func(t *testing.T) {
			s, b := &store{err: status.Error(codes.Unavailable, "down")}, made(t, breaker.Config{Name: "store"})
			cc := s.serve(t, behind(&grpcbreaker.Server{Breaker: b}), retries)
			if err := call(t.Context(), cc, method); err == nil || s.asked.Load() != 4 {
				t.Fatalf("the client does not retry: asked %d times, %v", s.asked.Load(), err)
			}
			b.Trip()
			err := call(t.Context(), cc, method)
			if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "breaker store is open" {
				t.Errorf("refused with %v", err)
			}
			if wait := retryIn(err); wait <= 0 || wait > breaker.DefaultOpenFor*3/2 {
				t.Errorf("retry in %v", wait)
			}
			if n := s.asked.Load(); n != 4 {
				t.Errorf("it was asked %d times", n)
			}
			counted(t, b, breaker.Counts{Failure: 4, Rejected: 1})
		})
	}
}

func TestServerForMethods(t *testing.T) {
	b := made(t, breaker.Config{})
	b.Trip()
	cc := (&store{}).serve(t, behind(&grpcbreaker.Server{For: func(method string) *breaker.Breaker {
		if method == read {
			return nil
		}
		return b
	}}))
	for method, want := range map[string]codes.Code{read: codes.OK, watch: codes.Unavailable, write: codes.Unavailable} {
		if err := call(t.Context(), cc, method); status.Code(err) != want {
			t.Errorf("%s: got %v", method, err)
		}
	}
}
