package scaler

import (
	"math"
	"time"
)

// spend reckons what the replicas have cost since the last decision.
func (s *Scaler) spend(now time.Time, current int32, h *History) {
	if s.spec.ReplicaHoursPerDay <= 0 || !s.does(CostCeiling) {
		return
	}
	now = now.UTC()
	day := now.Truncate(24 * time.Hour)
	from := h.Spent.At
	if !h.Spent.Day.Equal(day) {
		h.Spent = Spent{Day: day}
		if !from.IsZero() && from.Before(day) {
			from = day
		}
	}
	if !from.IsZero() && now.After(from) {
		h.Spent.Hours += float64(current) * now.Sub(from).Hours()
	}
	if now.After(h.Spent.At) {
		h.Spent.At = now
	}
}

// cost keeps the workload below its replica-hours of the day. minReplicas are set aside
// for what is left of it, and the rest may go within an hour: as it is spent less is
// allowed, and the end is no cliff. It comes after all other limits, and goes before them.
func (s *Scaler) cost(d *Decision, now time.Time, h *History) {
	if s.spec.ReplicaHoursPerDay <= 0 || !s.does(CostCeiling) {
		return
	}
	left := h.Spent.Day.Add(24 * time.Hour).Sub(now).Hours()
	spare := float64(s.spec.ReplicaHoursPerDay) - h.Spent.Hours - float64(s.min)*left
	ceiling := s.min
	if spare > 0 && left > 0 {
		ceiling = replicas(int64(s.min) + int64(min(spare/min(1, left), math.MaxInt32)))
	}
	if d.Desired > ceiling {
		d.bind(BoundCost, int64(d.Desired), int64(ceiling))
		d.limited(ceiling, "ReplicaHours", "the replica-hours of the day are nearly spent")
		d.Reason = "the replica-hours of the day are nearly spent"
	}
}
