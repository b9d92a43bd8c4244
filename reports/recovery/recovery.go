package recovery

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// RestoredBy says what brought recovery about.
type RestoredBy string

// Who restored. The zero value is not one of them; Recovery always has one.
const (
	ByHealer   RestoredBy = "healer"   // the engine acted on what was hit, before recovery, with success
	ByPlatform RestoredBy = "platform" // it recovered while the fault lasted, and the engine had no part
	ByRevert   RestoredBy = "revert"   // only after our own revert: no healing
	ByNone     RestoredBy = "none"     // not at all, or nothing was ever lost
)

// Recovery is what one run tells about recovery. A nil pointer is what did not
// happen, or could not be known. Its JSON is the `recovery` of result.json.
type Recovery struct {
	// TTD is from the confirmed fault to the first finding of the engine about
	// what was hit, TTA from that to its first act. The engine may be faster than
	// our confirmation: TTD is then 0. Both are of the fault confirmed first.
	TTD, TTA *time.Duration
	// TTM (mitigate) is from the confirmed fault to the first second of the first
	// sustained run of good seconds while the fault lasts; 0: users never
	// suffered. TTR (repair) is the same until, besides, all replicas are ready.
	// Of several faults each is measured from its own confirmation, and the worst
	// counts; one that was not recovered from makes them nil.
	TTM, TTR *time.Duration
	// Capacity is from the confirmed fault until all replicas were ready, and in
	// rotation where there is one, for as long as recovery must hold or to the end
	// of observation. All are those of the start, or those that are asked for where
	// these are fewer.
	Capacity *time.Duration
	// AvailabilityLost is the integral of max(0, 1-Q/Q0) from the confirmed fault
	// to the end of observation, in seconds of full outage; Q is good answers per
	// second, Q0 its median before the fault, times how much more is asked for than then.
	AvailabilityLost *time.Duration
	// RecoverAfterRevert is from our revert to the first good second, for what had
	// not recovered while the fault lasted. It is never evidence of healing.
	RecoverAfterRevert *time.Duration
	// CapacityAfterRevert is from the end of a fault that ended while we observed until
	// all replicas were ready, and in rotation where there is one, for as long as
	// recovery must hold or to the end of observation; 0: they were when it ended. Of
	// several faults the worst counts, and one that lasted makes it nil. It is never
	// evidence of healing either.
	CapacityAfterRevert *time.Duration
	// FailedRequests of TotalRequests failed, or were never sent since too many were
	// waiting for an answer, from the second in which the first fault was injected
	// (without one: from the start) to the end of observation.
	FailedRequests, TotalRequests int
	// Relapses counts the turns from good to bad after the first return to good.
	Relapses   int
	RestoredBy RestoredBy

	// InjectedAt is when the first fault was confirmed, DetectedAt and ActedAt
	// when the engine saw it and acted, RecoveredAt and RestoredAt when the last
	// fault's TTM and TTR were reached, RevertedAt when we began to undo, all on
	// the run's clock.
	InjectedAt, DetectedAt, ActedAt, RecoveredAt, RestoredAt, RevertedAt *time.Duration
	// EndedAt is when the last fault ended that did while we observed; nil: not all did.
	EndedAt *time.Duration
	// ObservedUntil is the end of observation: the revert, or what came instead.
	ObservedUntil time.Duration
	// Suffered: there was a bad second while a fault lasted.
	Suffered bool
	// EndedBad: recovery was reached, but most of the last sustained window before
	// the end of observation was bad again.
	EndedBad bool
	// FullBefore: all replicas were ready when the first fault was injected.
	FullBefore bool
	// TTMAtLeast is, where TTM is nil, what it would be at least had observation
	// gone on; CapacityAtLeast is the same for Capacity.
	TTMAtLeast, CapacityAtLeast *time.Duration
	// Curve is one point for each second of load, for charts.
	Curve []Point
}

// Point is one second of load.
type Point struct {
	Second int           `json:"second"` // as the load counts
	Start  time.Duration `json:"start"`  // on the run's clock
	// Offered were intended; of them Good were answered well (Degraded among
	// them), Failed failed and Dropped were never sent.
	Offered  int           `json:"offered"`
	Good     int           `json:"good"`
	Degraded int           `json:"degraded,omitempty"`
	Failed   int           `json:"failed,omitempty"`
	Dropped  int           `json:"dropped,omitempty"`
	P99      time.Duration `json:"p99"`
	Quality  Quality       `json:"quality"`
}

// Quality is what a second of load tells about the steady state.
type Quality string

// The qualities.
const (
	Good Quality = "good" // every bound of the steady state held for what was sent, and enough was
	Bad  Quality = "bad"  // a bound did not hold
	// Thin: half of what was intended or less was sent, too little to tell. It breaks
	// a run of good seconds, and is no relapse.
	Thin  Quality = "thin"
	Empty Quality = "empty" // no load was offered: as if the second were not there
)

// Measure is the recovery that a timeline tells, of a run that ended or not.
func Measure(events []timeline.Event) Recovery {
	var m Meter
	for _, e := range events {
		m.Observe(e)
	}
	return m.Recovery()
}

type wire struct {
	TTD                *float64   `json:"ttdSeconds"`
	TTA                *float64   `json:"ttaSeconds"`
	TTM                *float64   `json:"ttmSeconds"`
	TTR                *float64   `json:"ttrSeconds"`
	Capacity           *float64   `json:"capacitySeconds"`
	AvailabilityLost   *float64   `json:"availabilityLostSeconds"`
	RecoverAfterRevert *float64   `json:"recoverAfterRevertSeconds"`
	FailedRequests     int        `json:"failedRequests"`
	TotalRequests      int        `json:"totalRequests"`
	Relapses           int        `json:"relapses"`
	RestoredBy         RestoredBy `json:"restoredBy"`
}

// MarshalJSON writes the numbers in seconds, null for what did not happen, and
// leaves out what only charts need.
func (r Recovery) MarshalJSON() ([]byte, error) {
	s := func(d *time.Duration) *float64 {
		if d == nil {
			return nil
		}
		return new(float64(d.Round(time.Millisecond).Milliseconds()) / 1000)
	}
	return json.Marshal(wire{
		TTD: s(r.TTD), TTA: s(r.TTA), TTM: s(r.TTM), TTR: s(r.TTR),
		Capacity: s(r.Capacity), AvailabilityLost: s(r.AvailabilityLost), RecoverAfterRevert: s(r.RecoverAfterRevert),
		FailedRequests: r.FailedRequests, TotalRequests: r.TotalRequests,
		Relapses: r.Relapses, RestoredBy: r.RestoredBy,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote; what it left out stays empty.
func (r *Recovery) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("read recovery: %w", err)
	}
	d := func(s *float64) *time.Duration {
		if s == nil {
			return nil
		}
		return new(time.Duration(*s * float64(time.Second)).Round(time.Millisecond))
	}
	*r = Recovery{
		TTD: d(w.TTD), TTA: d(w.TTA), TTM: d(w.TTM), TTR: d(w.TTR),
		Capacity: d(w.Capacity), AvailabilityLost: d(w.AvailabilityLost), RecoverAfterRevert: d(w.RecoverAfterRevert),
		FailedRequests: w.FailedRequests, TotalRequests: w.TotalRequests,
		Relapses: w.Relapses, RestoredBy: w.RestoredBy,
	}
	return nil
}
