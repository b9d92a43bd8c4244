package scaler

import (
	"math"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// History is what a scaler remembers. The zero value remembers nothing. It is plain data:
// who keeps it keeps also what upstream forgets when its controller is started again (H1).
// It does not grow without bound: what is too old is written over.
type History struct {
	// Recommendations are what the metrics asked for, before any limit.
	Recommendations []Recommendation `json:"recommendations,omitempty"`
	ScaleUps        []Change         `json:"scaleUps,omitempty"`
	ScaleDowns      []Change         `json:"scaleDowns,omitempty"`
	// Failures says since when metrics cannot be had.
	Failures []Failure `json:"failures,omitempty"`
	// ScaledToZero tells a workload that was scaled to zero, and may wake up, from one that
	// a person paused by replicas: 0. nil: nobody knows, and it may wake up.
	ScaledToZero *bool `json:"scaledToZero,omitempty"`
	Spent        Spent `json:"spent,omitzero"`
}

// Recommendation is how many replicas were asked for.
type Recommendation struct {
	At       time.Time `json:"at"`
	Replicas int32     `json:"replicas"`
}

// Change is by how much the number of replicas was changed: positive in both directions.
type Change struct {
	At     time.Time `json:"at"`
	Change int32     `json:"change"`
}

// Failure is a metric that has failed since a time.
type Failure struct {
	Metric string    `json:"metric"` // type, name, and what else tells it from others
	Since  time.Time `json:"since"`
}

// Spent is how much of a day's replica-hours is gone.
type Spent struct {
	Day   time.Time `json:"day,omitzero"` // midnight, UTC
	At    time.Time `json:"at,omitzero"`  // up to when
	Hours float64   `json:"hours,omitempty"`
}

// Seed is what upstream does when it sees a workload first: the number it has counts as
// asked for, so that nothing is scaled down at once.
func (h *History) Seed(now time.Time, replicas int32) {
	if h.Recommendations == nil {
		h.Recommendations = []Recommendation{{At: now, Replicas: replicas}}
	}
	if h.ScaledToZero == nil && replicas != 0 {
		h.ScaledToZero = new(false)
	}
}

// Clone shares nothing with what it was made from.
func (h *History) Clone() *History {
	out := *h
	out.Recommendations = slices.Clone(h.Recommendations)
	out.ScaleUps, out.ScaleDowns = slices.Clone(h.ScaleUps), slices.Clone(h.ScaleDowns)
	out.Failures = slices.Clone(h.Failures)
	if h.ScaledToZero != nil {
		out.ScaledToZero = new(*h.ScaledToZero)
	}
	return &out
}

// Remember keeps what was asked for, and forgets what was longer ago than keep.
func (h *History) Remember(now time.Time, replicas int32, keep time.Duration) {
	cutoff := now.Add(-keep)
	h.Recommendations = slices.DeleteFunc(h.Recommendations, func(r Recommendation) bool { return r.At.Before(cutoff) })
	h.Recommendations = append(h.Recommendations, Recommendation{At: now, Replicas: replicas})
}

// Change keeps that the number was changed, and forgets changes of the same direction that
// were longer ago than up and down, as [Scaler.Keeps] has them, but for the last of these:
// without it nobody would know whether the next one was a turn.
func (h *History) Change(now time.Time, from, to int32, up, down time.Duration) {
	h.ScaledToZero = new(to == 0)
	add := func(changes []Change, by int32, keep time.Duration) []Change {
		old := 0
		for old < len(changes) && changes[old].At.Before(now.Add(-keep)) {
			old++
		}
		changes = slices.Delete(changes, 0, max(old-1, 0))
		return append(changes, Change{At: now, Change: by})
	}
	switch {
	case to > from:
		h.ScaleUps = add(h.ScaleUps, to-from, up)
	case to < from:
		h.ScaleDowns = add(h.ScaleDowns, from-to, down)
	}
}

// record is Remember as upstream has it: in place of the last that old says is too old.
func (h *History) record(now time.Time, replicas int32, old func(time.Time) bool) {
	slot := -1
	for i := range h.Recommendations {
		if old(h.Recommendations[i].At) {
			slot = i // the last of them, as upstream has it
		}
	}
	if slot >= 0 {
		h.Recommendations[slot] = Recommendation{At: now, Replicas: replicas}
		return
	}
	h.Recommendations = append(h.Recommendations, Recommendation{At: now, Replicas: replicas})
}

// highest are the recommendations of the last time, and one more.
func (h *History) highest(recent func(time.Time) bool, n int32) int32 {
	for i := range h.Recommendations {
		if recent(h.Recommendations[i].At) {
			n = max(n, h.Recommendations[i].Replicas)
		}
	}
	return n
}

func (h *History) lowest(recent func(time.Time) bool, n int32) int32 {
	for i := range h.Recommendations {
		if recent(h.Recommendations[i].At) {
			n = min(n, h.Recommendations[i].Replicas)
		}
	}
	return n
}

// since is by how much changes after a time changed the number.
func since(changes []Change, cutoff time.Time, a arithmetic) (n int32) {
	for i := range changes {
		if changes[i].At.After(cutoff) {
			n = a.sum(n, changes[i].Change)
		}
	}
	return n
}

// Scaled remembers that the number was changed, which has been done.
func (s *Scaler) Scaled(h *History, now time.Time, from, to int32) {
	if s.does(BothDirections) {
		_, up, down := s.Keeps()
		h.Change(now, from, to, up, down)
		return
	}
	if s.spec.Behavior == nil && !s.does(FlapLimit) {
		h.ScaledToZero = new(to == 0)
		return // upstream counts them for behaviors alone
	}
	h.Store(now, from, to, s.up.longest, s.down.longest)
}

// Keeps is how long what was asked for, and what was changed up and down, is remembered.
func (s *Scaler) Keeps() (recommendations, up, down time.Duration) {
	up, down = s.up.longest, s.down.longest
	if both := max(up, down, s.flapWithin); s.does(BothDirections) {
		up, down = both, both
	}
	return max(s.up.window, s.down.window), up, down
}

// Store is Change as upstream has it: in place of the last that was longer ago than the
// longest period of its own direction, although the other direction reads it too (H2).
func (h *History) Store(now time.Time, from, to int32, up, down time.Duration) {
	h.ScaledToZero = new(to == 0)
	store := func(changes []Change, by int32, longest time.Duration) []Change {
		slot := -1
		for i := range changes {
			if changes[i].At.Before(now.Add(-longest)) {
				slot = i
			}
		}
		if slot < 0 {
			return append(changes, Change{At: now, Change: by})
		}
		changes[slot] = Change{At: now, Change: by}
		return changes
	}
	switch {
	case to > from:
		h.ScaleUps = store(h.ScaleUps, to-from, up)
	case to < from:
		h.ScaleDowns = store(h.ScaleDowns, from-to, down)
	}
}

// turns is how often the direction changed after a time. Both lists are by time.
func (h *History) turns(cutoff time.Time) (n int32) {
	var was, up bool
	for i, j, k := 0, 0, 0; i < len(h.ScaleUps) || j < len(h.ScaleDowns); k++ {
		up = j == len(h.ScaleDowns) || i < len(h.ScaleUps) && h.ScaleUps[i].At.Before(h.ScaleDowns[j].At)
		var at time.Time
		if up {
			at = h.ScaleUps[i].At
			i++
		} else {
			at = h.ScaleDowns[j].At
			j++
		}
		if k > 0 && up != was && at.After(cutoff) {
			n++
		}
		was = up
	}
	return n
}

// limit is how far a direction may go by its policies.
func (r *rules) limit(h *History, now time.Time, current int32, a arithmetic) (int32, *autoscalingv2.HPAScalingPolicy) {
	if r.disabled {
		return current, nil
	}
	wide := r.up != r.narrow // the largest proposal goes furthest up, the smallest furthest down
	result := int32(math.MaxInt32)
	if wide {
		result = math.MinInt32
	}
	var bound *autoscalingv2.HPAScalingPolicy
	for i := range r.policies {
		p := &r.policies[i]
		n := r.proposal(p, h, now, current, a)
		if bound == nil || wide && n > result || !wide && n < result {
			result, bound = n, p
		}
	}
	return result, bound
}

// proposal is how far one policy lets go. Changes of both directions within its period
// count: what was added and taken away again is not gone.
func (r *rules) proposal(p *autoscalingv2.HPAScalingPolicy, h *History, now time.Time, current int32, a arithmetic) int32 {
	cutoff := now.Add(-time.Duration(p.PeriodSeconds) * time.Second)
	start := a.sum(a.sum(current, -since(h.ScaleUps, cutoff, a)), since(h.ScaleDowns, cutoff, a))
	switch {
	case p.Type == autoscalingv2.PodsScalingPolicy && r.up:
		return a.sum(start, p.Value)
	case p.Type == autoscalingv2.PodsScalingPolicy:
		return a.sum(start, -p.Value)
	case r.up:
		return a.grown(start, p.Value)
	}
	return a.shrunk(start, p.Value)
}
