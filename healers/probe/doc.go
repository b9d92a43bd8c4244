// Package probe asks instances how they are, and turns answers into changes.
//
// [Tracker] is the pure half: kubelet's thresholds for the startup, liveness
// and readiness probe of one instance. [Runner] is the other: it watches a
// system, asks at the right time over connections that the system opens, and
// hands changes on. Looks are under way in a bounded pool of workers; no probe and
// no look has a goroutine. A new handler is a type with the method ask, and a case
// in handlerOf.
//
// # What is asked
//
// The fields are those of core/v1 Probe with kubelet's meaning. httpGet: a GET over
// HTTP/1.1, or HTTP/2 in the clear where protocol says so; redirects are followed
// on the same host, ten at most; 200 to 399 is a success. tcpSocket: the port takes
// a connection. exec: the command ends with code 0; it is run to the letter, with
// no $(NAME) put in. grpc: grpc.health.v1 answers SERVING; mode TLS is spoken
// unverified, as HTTPS is. What makes no sense here is refused by package policy,
// by name: a host (an instance is asked itself), a port by number of httpGet and
// tcpSocket (numbers are assigned anew for every instance; the number of grpc means
// the port that declares it), and terminationGracePeriodSeconds of a readiness
// probe, which kills nothing.
//
// # Where it differs from kubelet
//
// Where kubelet is known to be wrong: a body that stalls is a failure, and so is
// one that stalls behind its first 10 KiB; only what brings more than 1 MiB is
// taken for an answer that flows. A look that fails for the prober's own sake is
// counted apart and becomes [Unknown], never a failure of the instance. No look is
// repeated inside a period; the one exception, a kept connection that the instance
// has closed meanwhile, shares the time-out of its look. Counts start afresh with
// every incarnation. Replicas are asked at different times, which hang on the seed
// and not on the incarnation. A prober that was restarted says nothing until it has
// seen for itself.
//
// And where this prober serves another engine: a liveness probe goes on after it
// failed, since the guard may hold the restart back and the instance may come back
// by itself; until its first success a new incarnation is asked for readiness every
// 250 ms, so that its recovery does not wait for the next period; a redirect to
// another port is not followed, since only ports with a name can be reached.
//
// # When the prober itself is slow
//
// A look that begins late, although there was a worker for it, and a time-out that
// is noticed late say that this process does not get to run. The worst such
// lateness of the last five to ten seconds, if it is 20 ms or more, is the slack:
// a look may take its time-out and the slack, but at most twice its time-out. A
// time-out that is noticed later than half of it, and than 250 ms, is nobody's
// failure but ours: Unknown. [Runner.Health] tells of all that.
//
// It must not decide what to do about an answer, and never touches an instance.
package probe
