package replay

import (
	"encoding/json"
	"math"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// The printed form: times in seconds since the beginning, and null for what is not known.
type (
	resultForm struct {
		From     time.Time     `json:"from"`
		Until    time.Time     `json:"until"`
		Relative bool          `json:"relative"`
		Interval float64       `json:"intervalSeconds"`
		Min      int32         `json:"minReplicas"`
		Max      int32         `json:"maxReplicas"`
		Metrics  []Metric      `json:"metrics"`
		Summary  summaryForm   `json:"summary"`
		Warnings []string      `json:"warnings"`
		Short    []stretchForm `json:"short"`
		Steps    []stepForm    `json:"steps"`
	}

	summaryForm struct {
		Played       float64      `json:"playedSeconds"`
		Decisions    int          `json:"decisions"`
		ReplicaHours float64      `json:"replicaHours"`
		Least        int32        `json:"leastReplicas"`
		Most         int32        `json:"mostReplicas"`
		Mean         float64      `json:"meanReplicas"`
		ScaleUps     int          `json:"scaleUps"`
		ScaleDowns   int          `json:"scaleDowns"`
		Turns        int          `json:"turns"`
		Short        float64      `json:"shortSeconds"`
		ShortShare   float64      `json:"shortShare"`
		Longest      *stretchForm `json:"longestShort"` // null: it was never short
		AtMax        float64      `json:"atMaxSeconds"`
		Unknown      float64      `json:"unknownSeconds"`
		Bounds       []Held       `json:"bounds"`
	}

	stretchForm struct {
		From  float64 `json:"fromSeconds"`
		Until float64 `json:"untilSeconds"`
	}

	stepForm struct {
		At       float64      `json:"atSeconds"`
		Replicas int32        `json:"replicas"`
		Wanted   int32        `json:"wanted"`
		Desired  int32        `json:"desired"`
		Ready    int32        `json:"ready"`
		Short    bool         `json:"short"`
		Bound    scaler.Bound `json:"bound"`
		Reason   string       `json:"reason"`
		Metrics  []loadForm   `json:"metrics"`
	}

	loadForm struct {
		Demand *float64 `json:"demand"` // null: it is missing
		Usage  *float64 `json:"usage"`
		Ratio  *float64 `json:"ratio"` // null: it is missing, or none is ready
	}
)

// MarshalJSON writes the printed form.
func (r Result) MarshalJSON() ([]byte, error) {
	sum := &r.Summary
	f := resultForm{
		From: r.From, Until: r.Until, Relative: r.Relative, Interval: r.Interval.Seconds(), Min: r.Min, Max: r.Max,
		Metrics: append([]Metric{}, r.Metrics...), Warnings: append([]string{}, r.Warnings...),
		Short: []stretchForm{}, Steps: make([]stepForm, len(r.Steps)),
		Summary: summaryForm{
			Played: sum.Played.Seconds(), Decisions: sum.Decisions, ReplicaHours: sum.ReplicaHours,
			Least: sum.Least, Most: sum.Most, Mean: sum.Mean, ScaleUps: sum.ScaleUps, ScaleDowns: sum.ScaleDowns, Turns: sum.Turns,
			Short: sum.Short.Seconds(), ShortShare: sum.ShortShare, AtMax: sum.AtMax.Seconds(), Unknown: sum.Unknown.Seconds(),
			Bounds: append([]Held{}, sum.Bounds...),
		},
	}
	if sum.Short > 0 {
		f.Summary.Longest = new(sum.LongestShort.form())
	}
	for _, s := range r.Short {
		f.Short = append(f.Short, s.form())
	}
	for i := range r.Steps {
		f.Steps[i] = r.Steps[i].form()
	}
	return json.Marshal(f)
}

func (s Stretch) form() stretchForm { return stretchForm{s.From.Seconds(), s.Until.Seconds()} }

func (s *Step) form() stepForm {
	f := stepForm{
		At: s.At.Seconds(), Replicas: s.Replicas, Wanted: s.Wanted, Desired: s.Desired, Ready: s.Ready,
		Short: s.Short, Bound: s.Bound, Reason: s.Reason, Metrics: make([]loadForm, len(s.Loads)),
	}
	for i, l := range s.Loads {
		f.Metrics[i] = loadForm{finite(l.Demand), finite(l.Usage), finite(l.Ratio)}
	}
	return f
}

// finite is a number that JSON can hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
