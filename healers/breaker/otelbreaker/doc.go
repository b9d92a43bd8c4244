// Package otelbreaker shows circuit breakers to OpenTelemetry.
//
//	registration, err := otelbreaker.Register(provider.Meter("shop"), set.All)
//
// A breaker is read when it is collected, and costs nothing more per call than it does
// without. All metrics have the attribute rebound.breaker.name.
//
//	rebound.breaker.state           {breaker}   1 for the state it is in, 0 for the others, by rebound.breaker.state
//	rebound.breaker.openings        {opening}   but for forced ones
//	rebound.breaker.trials          {trial}     in flight
//	rebound.breaker.retry_after     s           until it is worth asking again: when open, until the next trial
//	rebound.breaker.listener_panics {panic}
//
// These need [breaker.Config.Count], and are left out without it, since 0 would be a lie:
//
//	rebound.breaker.calls           {call}      admitted and done, by rebound.breaker.outcome: ok, failure, slow, neutral
//	rebound.breaker.rejections      {call}
//	rebound.breaker.stale           {call}      done after the state had changed: in no outcome
//
// The states are closed, open, half_open, forced_open and forced_closed. Breakers of one
// name are told apart by their place: see [breaker.Snapshots].
package otelbreaker
