// Package breaker is a circuit breaker: it stops asking a dependency that fails, and
// finds out when to ask it again. Closed, five failures within thirty seconds, open for
// thirty, one trial request, closed again; that is what the zero [Config] does.
//
//	b, err := breaker.New(breaker.Config{Name: "store"})
//	...
//	rows, err := breaker.Do(ctx, b, func(ctx context.Context) (Rows, error) {
//		return store.Read(ctx, key)
//	})
//	if errors.Is(err, breaker.ErrOpen) {
//		// not asked: do without, and do not retry before RetryAfter
//	}
//
// Where a call is no function, Allow gives a [Permit], whose Done says how it went:
//
//	permit, err := b.Allow()
//	if err != nil {
//		return err
//	}
//	permit.Done(breaker.OK)
//
// # What it holds to
//
// A permit belongs to the period that it was given in. A result that comes after the
// breaker has changed its state counts for nothing.
//
// A trial is a lease. At most [Config.Trials] are out at once; one that is not returned
// in time is a failed trial, so that a call that hangs keeps nothing from anybody.
//
// A cancelled call is neutral: it frees its trial and counts nowhere. A panic and a
// runtime.Goexit are failures, and go on.
//
// The open delay doubles while trials fail, is capped, and only then gets its jitter, so
// that breakers which opened together do not try together, also at the cap. See
// [Config.Gate] and [Config.Spread] for trials spread over a process and a fleet, and
// [Config.RampOver] for a closing that is not a flood.
//
// Thresholds compare exactly, in integers: what is equal trips. Time is monotonic.
//
// # Cost
//
// A closed breaker that counts failures (the zero Config, or [Config.Consecutive]) reads
// one word on Allow and at most one on a Done that is OK, and writes none, so that it costs
// the same on all cores. An open one reads that word and refuses with an error made when it
// opened. No clock is read and nothing allocated for either. Shares of calls
// ([Config.FailureRate], [Config.SlowRate]) count every call: over the last calls with one
// atomic addition, over a time with the clock and a lock. Breakers with equal settings
// share them. There is no goroutine; a timer is armed while the breaker is open, has a
// trial out or ramps. In the last 50 ms of a delay calls read the clock, with the lock held,
// so that who has slept until its end finds a trial. A timer that is later than that makes
// the breaker late, never early, and so for no longer than until somebody asks for State,
// Snapshot or RetryAfter, which read the clock.
//
// # Parts
//
// [Core] is the breaker without clock and lock, for simulators: time is an argument.
// [Breaker] is a Core with both. Adapters for HTTP, gRPC and others are sub-packages and
// use [Breaker.Allow] or [Do]; a rejection reaches them as an [OpenError]. A new window
// implements window and gets fields in [Config].
//
// The package imports the standard library alone. It must not call what it was given, or
// anything that can wait, with its lock held, except a [Gate], which promises not to.
package breaker
