package files

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

type history struct {
	Recommendations []recommendation `json:"recommendations,omitempty"`
	ScaleUps        []change         `json:"scaleUps,omitempty"`
	ScaleDowns      []change         `json:"scaleDowns,omitempty"`
	ScaledToZero    *bool            `json:"scaledToZero,omitempty"`
}

type recommendation struct {
	At       metav1.Time `json:"at"`
	Replicas int32       `json:"replicas"`
}

type change struct {
	At     metav1.Time `json:"at"`
	Change int32       `json:"change"`
}

func (h *history) read() *scaler.History {
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
	out.ScaleUps, out.ScaleDowns = changes(h.ScaleUps), changes(h.ScaleDowns)
	return out
}
