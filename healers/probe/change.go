package probe

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Role is what a probe's answer is used for.
type Role string

// The roles, as core/v1 names them.
const (
	Startup   Role = "startup"
	Liveness  Role = "liveness"
	Readiness Role = "readiness"
)

// Result is what a probe says. Its zero value is Unknown: nothing was said yet,
// or the prober itself could not look.
type Result uint8

// The results.
const (
	Unknown Result = iota
	Success
	Failure
)

// Answer is what one look at an instance showed, before thresholds.
type Answer struct {
	Target sut.Target
	// Result is Unknown where nothing was shown: the prober itself could not look, or the
	// incarnation is looked at no more.
	Result Result
}

// Change is a transition of one probe of one incarnation, after thresholds.
type Change struct {
	Target sut.Target `json:"target"`
	Role   Role       `json:"role"`
	Result Result     `json:"result"`
	// Since is the engine's time of the first answer of the run that led here.
	Since time.Duration `json:"since"`
	// Detail says what the last answer was: "status 503", "no answer within 1s".
	Detail string `json:"detail,omitempty"`
}
