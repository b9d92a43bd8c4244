// Package sidecar is the breaker for programs in any language: a proxy that stands beside
// a program and that the program calls instead of what it depends on. `rebound proxy` is
// this package with flags.
//
//	s, err := sidecar.New(sidecar.Config{
//		Routes: []sidecar.Route{{Listen: "127.0.0.1:9000", Upstream: "http://orders:8080"}},
//		Admin:  "127.0.0.1:9001",
//	})
//	...
//	err = s.Run(ctx)
//
// # HTTP
//
// Requests and answers pass as they are, streamed: no body is kept, none is compressed or
// unpacked, and what the program says of itself (X-Forwarded-For) is passed on and not
// added to. Only the headers of a connection stay behind, and Host becomes the upstream's.
// Upgrades (WebSocket) pass. Nothing is tried twice, but for what net/http does by itself:
// a request without a body on a kept connection that turns out to be closed.
//
// What a request says of the upstream:
//
//   - a status of 500 and more, but 501 and 505, is a failure: those two are about what was
//     asked, and an upstream that is well gives them too;
//   - 429 is a failure: it asks to be left alone, and opening does that;
//   - all other statuses are OK, late ones slow: time counts until the headers are there;
//   - no connection, none that says something in time, one that stops taking the request,
//     and a body that is cut off are failures. A body counts for a second; what flows then
//     is an answer;
//   - a program that goes away first is neutral.
//
// What the proxy answers by itself has the header [ByHeader], with the reason: 503 with
// Retry-After where the breaker refused, 502 and 504 where the upstream could not be
// reached or did not answer in time.
//
// A [Fallback] is an answer of yours for all of those, and for statuses that are failures.
// It is marked by [DegradedHeader]. It answers GET and HEAD, unless it names other methods:
// an order that was not placed must not look as if it was.
//
// # TCP
//
// Bytes are spliced, and each half closes by itself. A connection that could not be made is
// a failure, and so is one that the upstream ends within a second without having said
// anything. It is OK when the upstream has said something, or when that second is over, and
// neutral where the program leaves before. Where the breaker refuses, and where the upstream
// resets, the program's connection is reset: no end that could be taken for a good one.
//
// # Around it
//
// The port admin has /healthz, which is 200 while the proxy serves: that the upstream is
// away must not have it restarted; and /metrics, for Prometheus. When its context ends the
// proxy takes no more connections, and lets those that there are end for [Config.Drain].
//
// A new protocol is a scheme of [Route.Upstream] and an implementation of protocol. The
// package must not decide anything that [breaker.Breaker] decides.
package sidecar
