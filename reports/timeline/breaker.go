package timeline

import "time"

// Breaker is what a client of a dependency tells of its calls there and of its breaker,
// once a second. Its event's target is the client. Counts are since the last event of
// this client and dependency.
type Breaker struct {
	To string `json:"to"` // the workload that is called
	// State is where its breaker stands; empty: it has none.
	State BreakerState `json:"state,omitempty"`
	// Over is the time that the counts are of; 0: it is not known, as of the first event.
	Over time.Duration `json:"over,omitempty"`
	// Calls are those that were asked for, each once, however often it was tried, also
	// those that were rejected. Attempts are the requests that were made for them.
	Calls    int `json:"calls,omitempty"`
	Attempts int `json:"attempts,omitempty"`
	// Failed are the attempts that failed or timed out, without those that were given up
	// since nobody waited for them any more.
	Failed int `json:"failed,omitempty"`
	// Rejected are the calls for which nothing was sent, since the breaker was open.
	Rejected int `json:"rejected,omitempty"`
	// Degraded are answers that were given without what the call was for.
	Degraded int `json:"degraded,omitempty"`
	// Opened is how often the breaker opened. Trials are the calls by which it found out,
	// while half-open, whether to close.
	Opened int `json:"opened,omitempty"`
	Trials int `json:"trials,omitempty"`
	// InFlight is how many trials are under way, Peak the most at once within about two
	// seconds before.
	InFlight int `json:"inFlight,omitempty"`
	Peak     int `json:"peak,omitempty"`
}

// BreakerState is where a breaker stands.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed       BreakerState = "closed"
	BreakerOpen         BreakerState = "open"
	BreakerHalfOpen     BreakerState = "half-open"
	BreakerForcedOpen   BreakerState = "forced open"
	BreakerForcedClosed BreakerState = "forced closed"
)
