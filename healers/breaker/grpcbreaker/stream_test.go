package grpcbreaker_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/grpcbreaker"
)

// fake is a stream that gives what a test says, without a server: its messages, then err.
type fake struct {
	grpc.ClientStream
	messages int
	err      error
	sent     error
}

func (f *fake) RecvMsg(any) error {
	if f.messages == 0 {
		return f.err
	}
	f.messages--
	return nil
}

func (f *fake) SendMsg(any) error { return f.sent }

// opened is a watch of the fake, through the client.
func opened(ctx context.Context, c *grpcbreaker.Client, f *fake) (grpc.ClientStream, error) {
	open := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		return f, nil
	}
	return c.Stream(ctx, streams[watch], nil, watch, open)
}

func TestStreamEnds(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "down")
	for _, row := range []struct {
		name  string
		fake  fake
		early bool
		do    func(s grpc.ClientStream, cancel func())
		want  breaker.Counts
	}{
		{"HAPPY not yet", fake{messages: 2}, false, func(s grpc.ClientStream, _ func()) { _ = s.RecvMsg(nil) }, breaker.Counts{}},
		{"HAPPY its end", fake{err: io.EOF}, false, func(s grpc.ClientStream, _ func()) { _ = s.RecvMsg(nil) }, breaker.Counts{OK: 1}},
		{"SAD an error after a message", fake{messages: 1, err: unavailable}, false, func(s grpc.ClientStream, _ func()) {
			_, _ = s.RecvMsg(nil), s.RecvMsg(nil)
		}, breaker.Counts{Failure: 1}},
		{"SAD it cannot be sent", fake{sent: unavailable}, false, func(s grpc.ClientStream, _ func()) { _ = s.SendMsg(nil) }, breaker.Counts{Failure: 1}},
		{"SAD sending tells that there is an error to read", fake{sent: io.EOF, err: unavailable}, false, func(s grpc.ClientStream, _ func()) {
			_, _ = s.SendMsg(nil), s.RecvMsg(nil)
		}, breaker.Counts{Failure: 1}},
		{"HAPPY sent", fake{}, false, func(s grpc.ClientStream, _ func()) { _ = s.SendMsg(nil) }, breaker.Counts{}},
		{"HAPPY cancelled and not read again", fake{messages: 2}, false, func(s grpc.ClientStream, cancel func()) {
			_ = s.RecvMsg(nil)
			cancel()
		}, breaker.Counts{Neutral: 1}},
		{"HAPPY cancelled after its end", fake{err: io.EOF}, false, func(s grpc.ClientStream, cancel func()) {
			_ = s.RecvMsg(nil)
			cancel()
		}, breaker.Counts{OK: 1}},
		{"SAD its deadline passes while nobody reads", fake{messages: 2}, false, func(grpc.ClientStream, func()) {
			<-time.After(time.Hour)
		}, breaker.Counts{Failure: 1}},
		{"HAPPY read on after its end", fake{err: io.EOF}, false, func(s grpc.ClientStream, _ func()) {
			_, _ = s.RecvMsg(nil), s.RecvMsg(nil)
		}, breaker.Counts{OK: 1}},
		{"HAPPY early: the first message", fake{messages: 1, err: unavailable}, true, func(s grpc.ClientStream, _ func()) {
			_, _ = s.RecvMsg(nil), s.RecvMsg(nil)
		}, breaker.Counts{OK: 1}},
		{"SAD early: none", fake{err: unavailable}, true, func(s grpc.ClientStream, _ func()) { _ = s.RecvMsg(nil) }, breaker.Counts{Failure: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := made(t, breaker.Config{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				s, err := opened(ctx, &grpcbreaker.Client{Breaker: b, Early: row.early}, &row.fake)
				if err != nil {
					t.Fatal(err)
				}
				row.do(s, cancel)
				synctest.Wait()
				counted(t, b, row.want)
			})
		})
	}
}

// TestForgottenStreamKeepsNoTrial is the class of the stuck half-open: a stream that is
// neither read to its end nor cancelled.
func TestForgottenStreamKeepsNoTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{OpenFor: time.Second, MaxOpenFor: time.Second, Jitter: breaker.Percent(0)})
		c := &grpcbreaker.Client{Breaker: b}
		b.Trip()
		<-time.After(time.Second)
		synctest.Wait()
		forgotten, err := opened(t.Context(), c, &fake{err: io.EOF})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened(t.Context(), c, &fake{}); !errors.Is(err, breaker.ErrOpen) {
			t.Fatalf("a second trial: %v", err)
		}
		<-time.After(2 * time.Second) // the lease, and the delay
		synctest.Wait()
		s, err := opened(t.Context(), c, &fake{err: io.EOF})
		if err != nil {
			t.Fatal(err)
		}
		_ = forgotten.RecvMsg(nil)
		if b.State() != breaker.HalfOpen {
			t.Fatalf("the one that was forgotten made it %v", b.State())
		}
		_ = s.RecvMsg(nil)
		if b.State() != breaker.Closed {
			t.Errorf("it is %v", b.State())
		}
		counted(t, b, breaker.Counts{OK: 1, Rejected: 1, Stale: 1})
	})
}

// TestStreamEndsOnce races all that may end a stream.
func TestStreamEndsOnce(t *testing.T) {
	b := made(t, breaker.Config{Consecutive: 1000})
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := opened(ctx, &grpcbreaker.Client{Breaker: b}, &fake{err: io.EOF, sent: status.Error(codes.Internal, "boom")})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { _ = s.SendMsg(nil) })
		all.Go(func() { _ = s.RecvMsg(nil) })
		all.Go(cancel)
		all.Wait()
		cancel()
	}
	// The last may still be ending by its context; what counts is that none does twice.
	if n := b.Snapshot().Counts; n.OK+n.Failure+n.Neutral > 100 || n.Stale != 0 {
		t.Errorf("100 streams ended as %+v", n)
	}
}

// TestWhatDoesNotReturnFails has panics, and ends of goroutines, go on, as failures.
func TestWhatDoesNotReturnFails(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		b := made(t, breaker.Config{})
		c := &grpcbreaker.Client{Breaker: b}
		s := &grpcbreaker.Server{Breaker: b}
		for _, f := range []func(){
			func() {
				_ = c.Unary(t.Context(), read, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
					leave()
					return nil
				})
			},
			func() {
				_, _ = c.Stream(t.Context(), streams[watch], nil, watch, func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
					leave()
					return &fake{}, nil
				})
			},
			func() {
				_, _ = s.Unary(t.Context(), nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) {
					leave()
					return struct{}{}, nil
				})
			},
			func() {
				_ = s.Stream(nil, serverStream{ctx: t.Context()}, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error {
					leave()
					return nil
				})
			},
		} {
			done := make(chan any)
			go func() {
				returned := false
				defer func() {
					defer close(done)
					if r := recover(); name == "panic" && r == nil || returned {
						t.Errorf("%s: it did not go on", name)
					}
				}()
				f()
				returned = true
			}()
			<-done
		}
		counted(t, b, breaker.Counts{Failure: 4})
	}
}

type serverStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s serverStream) Context() context.Context { return s.ctx }
