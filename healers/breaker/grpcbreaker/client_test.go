package grpcbreaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/grpcbreaker"
)

func TestClassify(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	for code, want := range map[codes.Code]breaker.Outcome{
		codes.OK: breaker.OK, codes.Canceled: breaker.Neutral, codes.Unknown: breaker.Failure, codes.InvalidArgument: breaker.OK,
		codes.DeadlineExceeded: breaker.Failure, codes.NotFound: breaker.OK, codes.AlreadyExists: breaker.OK, codes.PermissionDenied: breaker.OK,
		codes.ResourceExhausted: breaker.Failure, codes.FailedPrecondition: breaker.OK, codes.Aborted: breaker.OK, codes.OutOfRange: breaker.OK,
		codes.Unimplemented: breaker.OK, codes.Internal: breaker.Failure, codes.Unavailable: breaker.Failure, codes.DataLoss: breaker.Failure,
		codes.Unauthenticated: breaker.OK, 17: breaker.Failure, 4711: breaker.Failure,
	} {
		err := status.Error(code, "said so")
		if got := grpcbreaker.Classify(t.Context(), err); got != want {
			t.Errorf("%v is %v, want %v", code, got, want)
		}
		if got := grpcbreaker.Classify(t.Context(), fmt.Errorf("read: %w", err)); err != nil && got != want {
			t.Errorf("%v, wrapped, is %v, want %v", code, got, want)
		}
		if got := grpcbreaker.Classify(gone, err); err != nil && got != breaker.Neutral {
			t.Errorf("%v of a caller that gave up is %v", code, got)
		}
	}
	for _, row := range []struct {
		name string
		ctx  context.Context
		err  error
		want breaker.Outcome
	}{
		{"SAD no status", t.Context(), errors.New("boom"), breaker.Failure},
		{"SAD a deadline", late, context.DeadlineExceeded, breaker.Failure},
		{"HAPPY an answer at the deadline", late, status.Error(codes.NotFound, "none"), breaker.OK},
		{"HAPPY cancelled", t.Context(), context.Canceled, breaker.Neutral},
		{"HAPPY another breaker", t.Context(), &breaker.OpenError{}, breaker.Neutral},
	} {
		if got := grpcbreaker.Classify(row.ctx, row.err); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

// guarded is a client whose one breaker is the zero Config's.
func guarded(t *testing.T, s *store, c *grpcbreaker.Client) *grpc.ClientConn {
	t.Helper()
	return s.serve(t, nil, grpc.WithUnaryInterceptor(c.Unary), grpc.WithStreamInterceptor(c.Stream))
}

func TestClientOverTheWire(t *testing.T) {
	for _, method := range []string{read, watch, write} {
		for _, row := range []struct {
			name     string
			err      error
			classify func(context.Context, error) breaker.Outcome
			want     breaker.Counts
		}{
			{"HAPPY it answers", nil, nil, breaker.Counts{OK: 1}},
			{"HAPPY it says no", status.Error(codes.NotFound, "none"), nil, breaker.Counts{OK: 1}},
			{"SAD it fails", status.Error(codes.Internal, "boom"), nil, breaker.Counts{Failure: 1}},
			{"SAD it fails without a status", errors.New("boom"), nil, breaker.Counts{Failure: 1}},
			{"HAPPY it gave up", status.Error(codes.Canceled, "no more"), nil, breaker.Counts{Neutral: 1}},
			{
				"SAD as the user says", status.Error(codes.NotFound, "none"),
				func(context.Context, error) breaker.Outcome { return breaker.Failure },
				breaker.Counts{Failure: 1},
			},
		} {
			t.Run(row.name+" at "+method, func(t *testing.T) {
				b := made(t, breaker.Config{})
				cc := guarded(t, &store{err: row.err}, &grpcbreaker.Client{Breaker: b, Classify: row.classify})
				if err := call(t.Context(), cc, method); status.Code(err) != status.Code(row.err) {
					t.Errorf("got %v", err)
				}
				counted(t, b, row.want)
			})
		}
	}
}

func TestClientRefuses(t *testing.T) {
	for _, method := range []string{read, watch, write} {
		t.Run(method, func(t *testing.T) {
			s, b := &store{err: status.Error(codes.Unavailable, "down")}, made(t, breaker.Config{Name: "store"})
			cc := guarded(t, s, &grpcbreaker.Client{Breaker: b})
			for range breaker.DefaultFailures {
				if err := call(t.Context(), cc, method); errors.Is(err, breaker.ErrOpen) {
					t.Fatalf("refused before its time: %v", err)
				}
			}
			err := call(t.Context(), cc, method)
			open, ok := errors.AsType[*breaker.OpenError](err)
			if !errors.Is(err, breaker.ErrOpen) || !ok || open.RetryAfter() == 0 || err.Error() != "breaker store is open" {
				t.Errorf("refused with %v", err)
			}
			if st, ok := status.FromError(err); !ok || st.Code() != codes.Unavailable || st.Message() != err.Error() {
				t.Errorf("the status is %v", st)
			}
			if wait := retryIn(err); wait <= 0 || wait > breaker.DefaultOpenFor*3/2 {
				t.Errorf("retry in %v", wait)
			}
			if n := s.asked.Load(); n != breaker.DefaultFailures {
				t.Errorf("it was asked %d times", n)
			}
			counted(t, b, breaker.Counts{Failure: breaker.DefaultFailures, Rejected: 1})
		})
	}
}

// retryIn is what a status says of it, 0 if nothing.
func retryIn(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func TestClientAsksNobodyWhereTheContextIsOver(t *testing.T) {
	s, b := &store{}, made(t, breaker.Config{})
	cc := guarded(t, s, &grpcbreaker.Client{Breaker: b})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	for _, method := range []string{read, watch, write} {
		if err := call(gone, cc, method); status.Code(err) != codes.Canceled {
			t.Errorf("%s: got %v", method, err)
		}
		if err := call(late, cc, method); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: got %v", method, err)
		}
	}
	counted(t, b, breaker.Counts{})
}

func TestClientForMethods(t *testing.T) {
	methods, err := grpcbreaker.NewSet(breaker.Config{Name: "store", Count: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	cc := guarded(t, s, &grpcbreaker.Client{For: func(target, method string) *breaker.Breaker {
		if target != "passthrough:///store" {
			t.Errorf("the target is %q", target)
		}
		if method == write {
			return nil
		}
		return methods.Of(method)
	}})
	methods.Of(read).Trip()
	for method, want := range map[string]codes.Code{read: codes.Unavailable, watch: codes.OK, write: codes.OK} {
		if err := call(t.Context(), cc, method); status.Code(err) != want {
			t.Errorf("%s: got %v", method, err)
		}
	}
	counted(t, methods.Of(watch), breaker.Counts{OK: 1})
	if all := methods.All(); len(all) != 2 {
		t.Errorf("%d breakers were made", len(all))
	}
}

func TestClientWithoutBreaker(t *testing.T) {
	cc := guarded(t, &store{}, &grpcbreaker.Client{})
	for _, method := range []string{read, watch, write} {
		if err := call(t.Context(), cc, method); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}
