// Package probe asks instances how they are, and turns answers into changes.
//
// [Tracker] is the pure half: kubelet's thresholds for the startup, liveness
// and readiness probe of one instance. [Runner] is the other: it watches a
// system, asks at the right time over connections that the system opens, and
// hands changes on. A new handler is a case in look; a policy that names one
// that is not here is refused before anything starts.
//
// Where kubelet is known to be wrong, this package differs: a body that stalls is
// a failure; a look that fails for the prober's own sake is counted apart and
// becomes [Unknown], never a failure of the instance; no look is repeated inside
// a period; counts start afresh with every incarnation; replicas are asked at
// different times, which hang on the seed and not on the incarnation; a liveness
// probe goes on after it failed, since the guard may hold the restart back and
// the instance may come back by itself; and until its first success a new
// incarnation is asked for readiness every 250 ms, so that its recovery does not
// wait for the next period.
//
// It must not decide what to do about an answer, and never touches an instance.
package probe
