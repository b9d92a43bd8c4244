package scaler

import "time"

// fallback is the proposal of a metric that has failed for long enough.
func (s *Scaler) fallback(m *metric, r *MetricResult, now time.Time, h *History) {
	if !s.does(MetricFallback) {
		return
	}
	slot, since := -1, now
	for j := range h.Failures {
		switch h.Failures[j].Metric {
		case m.id:
			slot = j
		case m.name:
			since = h.Failures[j].Since // as people write it: all metrics of this name
		}
	}
	if r.Proposal != nil {
		if slot >= 0 {
			h.Failures = append(h.Failures[:slot], h.Failures[slot+1:]...)
		}
		return
	}
	if slot < 0 {
		h.Failures = append(h.Failures, Failure{Metric: m.id, Since: since})
		slot = len(h.Failures) - 1
	}
	f := s.spec.Fallback
	if f == nil || now.Sub(h.Failures[slot].Since) < f.After.Duration {
		return
	}
	r.Proposal, r.Fallback = new(f.Replicas), true
	r.says = "the fallback of " + r.Name
}
