package grpcbreaker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// store is a service with a method of each kind, which do what a test says.
type store struct {
	asked atomic.Int64
	err   error // each call ends with it
	panic any   // each call panics with it
}

const (
	read  = "/shop.Store/Read"  // unary
	watch = "/shop.Store/Watch" // sends two messages
	write = "/shop.Store/Write" // receives all, sends one
)

var streams = map[string]*grpc.StreamDesc{
	watch: {StreamName: "Watch", ServerStreams: true},
	write: {StreamName: "Write", ClientStreams: true},
}

func (s *store) answer() error {
	s.asked.Add(1)
	if s.panic != nil {
		panic(s.panic)
	}
	return s.err
}

func (s *store) read(ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := &wrapperspb.StringValue{}
	if err := decode(in); err != nil {
		return nil, err
	}
	handle := func(context.Context, any) (any, error) { return in, s.answer() }
	if intercept == nil {
		return handle(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: read}, handle)
}

func (s *store) watch(ss grpc.ServerStream) error {
	in := &wrapperspb.StringValue{}
	if err := ss.RecvMsg(in); err != nil {
		return err
	}
	if err := s.answer(); err != nil {
		return err
	}
	return errors.Join(ss.SendMsg(in), ss.SendMsg(in))
}

func (s *store) write(ss grpc.ServerStream) error {
	in := &wrapperspb.StringValue{}
	for {
		if err := ss.RecvMsg(in); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if err := s.answer(); err != nil {
		return err
	}
	return ss.SendMsg(in)
}

// serve serves it in memory.
func (s *store) serve(t *testing.T, server []grpc.ServerOption, client ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	ln := bufconn.Listen(1 << 16)
	gs := grpc.NewServer(server...)
	gs.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Store", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Read", Handler: func(_ any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
				return s.read(ctx, decode, i)
			},
		}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, ss grpc.ServerStream) error { return s.watch(ss) }},
			{StreamName: "Write", ClientStreams: true, Handler: func(_ any, ss grpc.ServerStream) error { return s.write(ss) }},
		},
	}, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = gs.Serve(ln)
	}()
	client = append(client, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return ln.DialContext(ctx) }))
	cc, err := grpc.NewClient("passthrough:///store", client...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cc.Close()
		gs.Stop()
		<-done
	})
	return cc
}

// call calls a method as generated code does, and reads a stream to its end.
func call(ctx context.Context, cc *grpc.ClientConn, method string) error {
	in, out := wrapperspb.String("key"), &wrapperspb.StringValue{}
	desc := streams[method]
	if desc == nil {
		return cc.Invoke(ctx, method, in, out)
	}
	s, err := cc.NewStream(ctx, desc, method)
	if err != nil {
		return err
	}
	if err := s.SendMsg(in); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		err := s.RecvMsg(out)
		if errors.Is(err, io.EOF) || err == nil && !desc.ServerStreams {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// made is a breaker that counts.
func made(t *testing.T, config breaker.Config) *breaker.Breaker {
	t.Helper()
	config.Count = true
	b, err := breaker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func counted(t *testing.T, b *breaker.Breaker, want breaker.Counts) {
	t.Helper()
	if got := b.Snapshot().Counts; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
