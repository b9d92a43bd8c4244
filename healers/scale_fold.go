package healers

import (
	"math"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// scaled is what the engine remembers of how a workload was scaled.
type scaled struct {
	At      time.Duration    `json:"at"`             // of the last decision
	Last    *Scale           `json:"last,omitempty"` // what it said, without Spent
	Keep    [2]time.Duration `json:"keep,omitzero"`  // of changes, up and down
	History scaler.History   `json:"history"`
}

// foldScale takes a decision in.
func (s *state) foldScale(r *Record) {
	d := r.Scale
	was := s.Scaled[d.Workload]
	if was == nil {
		was = &scaled{}
		s.Scaled[d.Workload] = was
	}
	was.At = r.At
	if d = d.Whole(was.Last); d == nil {
		return // a part of the history is lost
	}
	if was.Last != nil && was.Last.Current == 0 && d.Current > 0 {
		was.History.ScaledToZero = new(false) // whoever sets it to none next without us pauses it
	}
	last := *d
	last.Spent = scaler.Spent{}
	was.Last, was.Keep = &last, d.KeepChanges
	was.History.Seed(at(r.At), d.Current)
	if d.Asked {
		was.History.Remember(at(r.At), d.Wanted, d.Keep)
	}
	was.History.Failures, was.History.Spent = d.Failures, d.Spent
}

// foldScaled takes in that a workload was scaled.
func (s *state) foldScaled(a *openAct, now time.Duration) {
	to, scales := a.scaledTo()
	was := s.Scaled[string(a.Target.ID)]
	if !scales || was == nil {
		return
	}
	size, up, down := int32(min(to, math.MaxInt32)), was.Keep[0], was.Keep[1]
	switch compat := was.Last != nil && was.Last.Compat; {
	case !compat:
		was.History.Change(at(now), a.From, size, up, down)
	case up > 0 || down > 0:
		was.History.Store(at(now), a.From, size, up, down)
	default: // upstream counts them for behaviors alone
		was.History.ScaledToZero = new(size == 0)
	}
}
