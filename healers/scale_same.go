package healers

import (
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// brief is the record of a decision that changes nothing and says what the last one said:
// most do, one in each interval of each day. What the history of a scaler is made of stays,
// and so do the numbers; texts are not repeated. nil: it says something else.
func (s *Scale) brief(last *Scale) *Scale {
	if last == nil || s.Desired != s.Current || !s.repeats(last) {
		return nil
	}
	out := *s
	out.Same, out.Reason, out.Says, out.Metrics, out.Failures = true, "", "", nil, nil
	out.Keep, out.KeepChanges, out.Compat = 0, [2]time.Duration{}, false
	for i := range s.Metrics {
		out.Ratios = append(out.Ratios, s.Metrics[i].Ratio)
	}
	return &out
}

// repeats: they differ in nothing that people are told but the ratios.
func (s *Scale) repeats(last *Scale) bool {
	metric := func(a, b ScaleMetric) bool {
		return a.Name == b.Name && a.Error == b.Error && (a.Proposal == nil) == (b.Proposal == nil) && (a.Proposal == nil || *a.Proposal == *b.Proposal)
	}
	failure := func(a, b scaler.Failure) bool { return a.Metric == b.Metric && a.Since.Equal(b.Since) }
	return s.Current == last.Current && s.Wanted == last.Wanted && s.Desired == last.Desired &&
		s.Reason == last.Reason && s.Bound == last.Bound && s.Have == last.Have && s.Limit == last.Limit && s.Says == last.Says &&
		s.Asked == last.Asked && s.Keep == last.Keep && s.KeepChanges == last.KeepChanges && s.Compat == last.Compat &&
		slices.EqualFunc(s.Metrics, last.Metrics, metric) && slices.EqualFunc(s.Failures, last.Failures, failure)
}

// Whole is the decision of a record with what it left out, by the last one that had it; nil:
// nobody knows that one.
func (s *Scale) Whole(last *Scale) *Scale {
	switch {
	case !s.Same:
		return s
	case last == nil:
		return nil
	}
	out := *last
	out.Spent = s.Spent
	out.Metrics = slices.Clone(last.Metrics)
	for i := range min(len(out.Metrics), len(s.Ratios)) {
		out.Metrics[i].Ratio = s.Ratios[i]
	}
	return &out
}
