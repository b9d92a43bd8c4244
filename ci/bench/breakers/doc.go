// Command breakers compares our circuit breaker with its peers, on the same work, and
// fails if ours misses a limit. `make bench-breakers` runs it.
//
// # What is measured
//
// Every library counts 5 failures in 30 s, as nearly as it can, and is called in four
// states, by one goroutine and by all cores on one breaker:
//
//   - closed, success: the work succeeds.
//   - closed, failure: the work fails, and the window never fills up: what is compared with
//     the threshold, or the threshold, is out of reach.
//   - open: for an hour. The call is refused.
//   - half-open: the one trial is out, and does not end. The attempt is refused; on all
//     cores 32 goroutines a core attempt at once.
//
// A breaker that says anything else than it should of a single call stops the comparison.
// The work is one function that cannot be inlined; ours pays for it as all others do.
//
// Each measurement is a process of its own, so that what a library leaves behind
// (goroutines, timers, a heap) slows no other. The rounds take turns: in each, all
// libraries are measured one after another in one state, and who begins moves on. A ratio
// is the median of those within rounds.
//
// Time a call is that of the wall over the calls of all goroutines, as `go test -bench`
// has it: on all cores it can be as low as one goroutine's over the cores.
//
// # What differs
//
//   - rebound: the zero Config, exact. Where failures must not open it, the window is 1 ns
//     instead of 30 s, so that five never lie within it; the work done is the same. Do is
//     with a context and a function, as the peers are.
//   - gobreaker v2: a window of ten buckets of 3 s ("sliding"), and one that is emptied
//     every 30 s ("fixed", its default kind and the faster one). Two steps is its pair of
//     Allow and done. It opens by a function of ours, at five failures.
//   - failsafe-go: ten slices of 3 s. An Executor is how it is used; a permit, taken and
//     recorded by hand, is the nearest to Allow and Done.
//   - go-resiliency: errors since the last 30 s without one, so no window at all. Half-open
//     it admits everybody: the measurement there is an admitted call, and ratios say so.
//   - hystrix-go: a share of the calls of the last 10 s, which cannot be set: half of at
//     least five. It has no half-open state: one call tries in each sleep window, and what
//     is measured is a refusal after that one was let through. It drops what it should
//     count when its channel is full.
package main
