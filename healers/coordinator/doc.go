// Package coordinator makes the healing engine the coordinator of the breakers that its
// policy names. Their clients share the policy's budget of trials over the API of package
// fleet, are told how their breakers are to be set, and have the engine's own probes for
// trials: what the engine sees come back, no request of a user has to find out.
//
//	c, err := coordinator.New(policy)
//	runner := &probe.Runner{..., Answered: c.Answered}
//	ln, err := coordinator.Listen(ctx, "127.0.0.1:7070")
//	err = c.Run(ctx, ln)
//
// # What a probe says of a dependency
//
// Every answer of the probe that says whether an instance is of use counts, before
// thresholds: its readiness probe or, where it has none, its liveness probe. A dependency
// is up when any of its instances is. So one that answers well is a trial that passed,
// whichever it is; one that does not is a trial that failed only if none of the others
// answered well when they were last asked. What the prober could not see, and instances
// that have ended, say nothing: where none is left to be asked, trials find out.
//
// It stands beside the engine and not in it: nothing of it is in the journal, nothing in
// the journal depends on it, and one that begins anew asks its members to register anew.
// It must not act on a system.
package coordinator
