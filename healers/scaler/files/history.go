package files

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

type history struct {
	Recommendations []recommendation `json:"recommendations,omitempty"`
	ScaleUps        []change         `json:"scaleUps,omitempty"`
	ScaleDowns      []change         `json:"scaleDowns,omitempty"`
	ScaledToZero    *bool            `json:"scaledToZero,omitempty"`
	Failures        []failure        `json:"failures,omitempty"`
	Spent           *spent           `json:"spent,omitempty"`
}

// failure is a metric, by its name, that could not be had since a time: a fallback waits
// for that.
type failure struct {
	Metric string      `json:"metric"`
	Since  metav1.Time `json:"since"`
}

// spent are the replica-hours of the day up to a time.
type spent struct {
	Hours float64      `json:"hours"`
	At    *metav1.Time `json:"at,omitempty"` // default: now
}

type recommendation struct {
	At       metav1.Time `json:"at"`
	Replicas int32       `json:"replicas"`
}

type change struct {
	At     metav1.Time `json:"at"`
	Change int32       `json:"change"`
}

func (h *history) read(now time.Time) *scaler.History {
	out := &scaler.History{ScaledToZero: h.ScaledToZero}
	for _, r := range h.Recommendations {
		out.Recommendations = append(out.Recommendations, scaler.Recommendation{At: r.At.Time, Replicas: r.Replicas})
	}
	changes := func(in []change) (out []scaler.Change) {
		for _, c := range in {
			out = append(out, scaler.Change{At: c.At.Time, Change: c.Change})
		}
		slices.SortStableFunc(out, func(a, b scaler.Change) int { return a.At.Compare(b.At) })
		return out
	}
	for _, f := range h.Failures {
		out.Failures = append(out.Failures, scaler.Failure{Metric: f.Metric, Since: f.Since.Time})
	}
	if s := h.Spent; s != nil {
		at := now
		if s.At != nil {
			at = s.At.Time
		}
		out.Spent = scaler.Spent{Day: at.UTC().Truncate(24 * time.Hour), At: at.UTC(), Hours: s.Hours}
	}
	out.ScaleUps, out.ScaleDowns = changes(h.ScaleUps), changes(h.ScaleDowns)
	return out
}
