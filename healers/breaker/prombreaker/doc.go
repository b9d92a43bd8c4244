// Package prombreaker shows circuit breakers to Prometheus.
//
//	registry.MustRegister(&prombreaker.Collector{Breakers: set.All})
//
// A breaker is read when it is collected, and costs nothing more per call than it does
// without.
//
//	rebound_breaker_state{breaker,state}          1 for the state it is in, 0 for the others
//	rebound_breaker_opened_total{breaker}         openings, but for forced ones
//	rebound_breaker_trials{breaker}               trials in flight
//	rebound_breaker_retry_after_seconds{breaker}  until it is worth asking again: when open, until the next trial
//	rebound_breaker_listener_panics_total{breaker}
//
// These need [breaker.Config.Count], and are left out without it, since 0 would be a lie:
//
//	rebound_breaker_calls_total{breaker,outcome}  admitted calls that are done, by ok, failure, slow, neutral
//	rebound_breaker_rejected_total{breaker}
//	rebound_breaker_stale_total{breaker}          done after the state had changed: in no outcome
//
// The states are closed, open, half_open, forced_open and forced_closed. Breakers of one
// name are told apart by their place: see [breaker.Snapshots].
package prombreaker
