package healers

import (
	"math"
	"time"

	"github.com/rebound-chaos/rebound/healers/policy"
)

const (
	// sweepEvery is how often what is no longer asked about is forgotten, and day how
	// long what has no time of its own is kept. Back-offs are over long before.
	sweepEvery = 10 * time.Minute
	day        = policy.MostBackoff
)

// sweep forgets what no question is about any more, so that years of instances that came
// and went leave nothing. It is a part of the fold: it hangs on the records alone.
func (s *state) sweep() {
	now := s.At
	s.Swept = now
	past := func(at time.Duration) bool { return now-at >= hour }
	isBack := func(b back) time.Duration { return b.At }
	prune(s.Rates, func(at []time.Duration) bool {
		return past(latest(at, func(t time.Duration) time.Duration { return t }))
	})
	prune(s.Back, func(b []back) bool { return past(latest(b, isBack)) })
	prune(s.Broken, func(b []back) bool { return past(latest(b, isBack)) })
	prune(s.Ended, func(at time.Duration) bool { return now-at >= day })
	prune(s.Failures, func(f failure) bool { return now-f.Last >= day })
	prune(s.Healed, func(h []healed) bool {
		return now-latest(h, func(x healed) time.Duration { return x.At }) >= policy.MostRecurrence
	})
	for id, e := range s.Restarts { // each by itself: the order does not matter
		_, open := s.Findings[keyOf(FindingExited, id, "")]
		if now-e.Last >= day && !open {
			delete(s.Restarts, id)
		}
	}
}

// prune deletes what is over.
func prune[K comparable, V any](m map[K]V, over func(V) bool) {
	for k, v := range m { // each by itself: the order does not matter
		if over(v) {
			delete(m, k)
		}
	}
}

// latest is the time of the last of a list, which is in order of time; long ago for none.
func latest[T any](s []T, at func(T) time.Duration) time.Duration {
	if len(s) == 0 {
		return math.MinInt64 / 2
	}
	return at(s[len(s)-1])
}
