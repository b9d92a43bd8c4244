package replay

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Result is what a HorizontalPodAutoscaler would have done.
type Result struct {
	From, Until time.Time
	Relative    bool          // nobody knows when it was; From is in 1970
	Interval    time.Duration // between two decisions
	Min, Max    int32
	Metrics     []Metric
	// Tolerated is the ratio above which too few are ready.
	Tolerated float64
	Steps     []Step
	// Short are the stretches in which too few were ready, in order.
	Short    []Stretch
	Summary  Summary
	Warnings []string
}

// Step is a decision, and what is from then on until the next.
type Step struct {
	At       time.Duration // since the beginning
	Replicas int32         // that were there
	Wanted   int32         // by the metrics, before any limit; none could be had: as many as were there
	Desired  int32         // that are there from then on
	Ready    int32         // of those
	Short    bool          // they are too few
	Bound    scaler.Bound  // the rule that bound; empty: none
	Reason   string        // of the change; empty: nothing was changed
	Loads    []Load        // one for each metric
}

// Load is what the ready replicas bear of one metric.
type Load struct {
	Demand float64 // as it was recorded, of the whole workload; NaN: it is missing
	Usage  float64 // of each ready replica
	Ratio  float64 // of it to the target: 1 is on target; +Inf: there is something to do and nobody ready
}

// Stretch is a time without a break, since the beginning.
type Stretch struct{ From, Until time.Duration }

// Summary is a replay in numbers.
type Summary struct {
	Played       time.Duration
	Decisions    int
	ReplicaHours float64
	Least, Most  int32
	Mean         float64 // over time
	ScaleUps     int
	ScaleDowns   int
	Turns        int           // changes that went the other way than the one before
	Short        time.Duration // in which too few were ready
	ShortShare   float64       // of the time
	LongestShort Stretch       // without a break; the first of several
	AtMax        time.Duration // with maxReplicas
	Unknown      time.Duration // in which a metric was missing
	Bounds       []Held        // that which held most often first
}

// Held is how many decisions a rule bound.
type Held struct {
	Bound     scaler.Bound `json:"bound"`
	Decisions int          `json:"decisions"`
}

// account is what a summary is made from.
type account struct {
	bounds    map[scaler.Bound]int
	direction int32
}

// note keeps what was decided, and what it costs until the next time.
func (p *player) note(now time.Time, d *scaler.Decision) {
	at := now.Sub(p.From)
	until := min(at+p.Interval, p.Until.Sub(p.From))
	s := Step{
		At: at, Replicas: d.Current, Wanted: d.Wanted, Desired: d.Desired, Ready: int32(p.fleet.ready),
		Bound: d.Bound, Loads: p.loads[:len(p.gauges):len(p.gauges)],
	}
	p.loads = p.loads[len(p.gauges):]
	if d.Metrics == nil {
		s.Wanted = d.Desired // the metrics were not asked
	}
	unknown := false
	for i := range p.gauges {
		v := p.values[i]
		ratio := p.gauges[i].ratio(v, p.fleet.ready)
		s.Loads[i] = Load{Demand: v, Usage: p.gauges[i].usage(v, p.fleet.ready), Ratio: ratio}
		unknown = unknown || math.IsNaN(v)
		// What is as much as is tolerated is tolerated, however it was rounded.
		s.Short = s.Short || ratio > p.bar+1e-9
	}
	sum := &p.Summary
	held := until - at
	if s.Desired != s.Replicas {
		s.Reason = d.Reason
		p.changed(s.Desired - s.Replicas)
	}
	if s.Short {
		sum.Short += held
		if n := len(p.Short); n > 0 && p.Short[n-1].Until == at {
			p.Short[n-1].Until = until
		} else {
			p.Short = append(p.Short, Stretch{at, until})
		}
	}
	if s.Desired == p.Max {
		sum.AtMax += held
	}
	if unknown {
		sum.Unknown += held
	}
	if s.Bound != scaler.BoundNone {
		if p.bounds == nil {
			p.bounds = map[scaler.Bound]int{}
		}
		p.bounds[s.Bound]++
	}
	if sum.Decisions == 0 {
		sum.Least, sum.Most = s.Desired, s.Desired
	}
	sum.Decisions++
	sum.Least, sum.Most = min(sum.Least, s.Desired), max(sum.Most, s.Desired)
	sum.ReplicaHours += float64(s.Desired) * held.Hours()
	p.Steps = append(p.Steps, s)
}

// changed counts a change and whether it turned.
func (p *player) changed(by int32) {
	direction := int32(1)
	p.Summary.ScaleUps++
	if by < 0 {
		direction = -1
		p.Summary.ScaleUps--
		p.Summary.ScaleDowns++
	}
	if p.direction == -direction {
		p.Summary.Turns++
	}
	p.direction = direction
}

// finish makes of the sums what is told.
func (p *player) finish() {
	sum := &p.Summary
	sum.Played = p.Until.Sub(p.From)
	sum.Mean = sum.ReplicaHours / sum.Played.Hours()
	sum.ShortShare = float64(sum.Short) / float64(sum.Played)
	for _, s := range p.Short {
		if s.Until-s.From > sum.LongestShort.Until-sum.LongestShort.From {
			sum.LongestShort = s
		}
	}
	for b, n := range p.bounds {
		sum.Bounds = append(sum.Bounds, Held{b, n})
	}
	slices.SortFunc(sum.Bounds, func(a, b Held) int {
		return cmp.Or(cmp.Compare(b.Decisions, a.Decisions), cmp.Compare(a.Bound, b.Bound))
	})
}
