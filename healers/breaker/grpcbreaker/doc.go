// Package grpcbreaker puts circuit breakers before gRPC: at the client, so that a service
// that fails is not asked, or at the server, so that a handler whose own work fails is not
// begun.
//
//	guard := grpcbreaker.Client{Breaker: b}
//	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds),
//		grpc.WithUnaryInterceptor(guard.Unary), grpc.WithStreamInterceptor(guard.Stream))
//
// One breaker is that of the connection's target. For one per method, or none for some,
// see [Client.For] and [Set].
//
// # What counts
//
// [Classify] reads the code: what says that the service did not do its work is a failure,
// what says that it did and does not like the question is OK. A caller who gave up is
// neutral.
//
// A stream is one call. Its permit is returned when it ends: at io.EOF, at an error, at
// the end of its context. A stream that is forgotten, neither read to its end nor
// cancelled, holds nothing of a closed breaker, and a trial no longer than its lease. One
// that lives longer than a lease by its nature needs [Client.Early].
//
// # Refusals
//
// A refusal has the code Unavailable and is a [breaker.ErrOpen]; as a status it says, by
// RetryInfo, when it is worth asking again. No code path of gRPC repeats one by itself: at
// the client interceptors stand above its retries, and a server sends the pushback that
// forbids them. An interceptor of one's own that retries should look for ErrOpen.
//
// The package must not decide what a refused caller gets instead.
package grpcbreaker
