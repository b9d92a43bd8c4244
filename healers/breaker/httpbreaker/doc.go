// Package httpbreaker puts breakers before HTTP: [Transport] before what a client asks,
// [Handler] before what a server answers.
//
//	hosts, err := httpbreaker.NewHosts(breaker.Config{}, 0)
//	...
//	client := &http.Client{
//		Transport: &httpbreaker.Transport{Choose: hosts.Of},
//		Timeout:   2 * time.Second,
//	}
//
// A request that a breaker refuses touches no network; its error is [breaker.ErrOpen], or
// [Transport.Fallback] answers.
//
// # What counts
//
// A status of 5xx or 429 is a failure, as is an error, as the breaker's Config.Classify
// says: a deadline that has passed is one, a request that was cancelled is not. A good
// status is not the end: a request has its permit until its body is read to the end or
// closed, and a body that breaks off is a failure. One that never ends is a failure after
// [Transport.Within], and that of a trial when its lease is over.
//
// # Retries
//
// Nothing is retried here. Requests go on as they are, with their GetBody, so that net/http
// can repeat those that met a connection which was closing. [Replayable] tells which may be
// made anew, [Check] makes errors of answers, which say when to: package resilience heeds
// them.
//
// # Degraded answers
//
// What a fallback answers has the header [degraded.Header]. A Transport notes it in the
// context of its request, and a [Handler] or [Mark] sets it in the answer that was made of
// it, so that it goes through a chain of services by itself.
//
// The package imports the standard library and the breaker alone. It must not keep a
// request waiting.
package httpbreaker
