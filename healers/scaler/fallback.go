package scaler

import "time"

// fallback is the proposal of a metric that has failed for long enough.
func (s *Scaler) fallback(m *metric, r *MetricResult, now time.Time, h *History) {
	if !s.does(MetricFallback) {
		return
	}
	slot := -1
	for j := range h.Failures {
		if h.Failures[j].Metric == m.id {
			slot = j
		}
	}
	if r.Proposal != nil {
		if slot >= 0 {
			h.Failures = append(h.Failures[:slot], h.Failures[slot+1:]...)
		}
		return
	}
	if slot < 0 {
		h.Failures = append(h.Failures, Failure{Metric: m.id, Since: now})
		slot = len(h.Failures) - 1
	}
	f := s.spec.Fallback
	if f == nil || now.Sub(h.Failures[slot].Since) < f.After.Duration {
		return
	}
	r.Proposal, r.Fallback = new(f.Replicas), true
	r.says = "the fallback of " + r.Name
}
