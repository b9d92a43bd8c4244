package render

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Replay is what an autoscaler would have done over a time, for [ReplaySVG] and
// [ReplayText]. It knows no autoscaler: it is numbers over time.
type Replay struct {
	Title, Lead string
	From        time.Time
	Relative    bool          // nobody knows when it was: time counts from the beginning
	Length      time.Duration // of all steps together
	Min, Max    int           // the bounds of replicas
	// Metrics name the loads of each step.
	Metrics []string
	// Tolerated is the load above which too few are ready; 0: 1.
	Tolerated float64
	Steps     []ReplayStep // in order; each holds until the next
	Short     []ReplaySpan // in which too few were ready
}

// ReplayStep is what is from a moment on.
type ReplayStep struct {
	At                      time.Duration // since the beginning
	Replicas, Ready, Wanted int
	// Loads are, for each metric, what a ready replica bears to what it should: 1 is on
	// target; NaN: nobody knows.
	Loads []float64
}

// ReplaySpan is a time without a break, since the beginning.
type ReplaySpan struct{ From, Until time.Duration }

// most is the highest that a scale must show, and what there is beyond it.
type most struct {
	top float64
	// beyond is the highest value that is cut off; 0: none is.
	beyond float64
}

// replicasScale shows all replicas there were, and maxReplicas and what was wanted where
// that would not press them to the ground.
func (r *Replay) replicasScale() most {
	there, wanted := 1, 0
	for i := range r.Steps {
		s := &r.Steps[i]
		there, wanted = max(there, s.Replicas), max(wanted, s.Wanted)
	}
	top := there
	if r.Max <= 2*there {
		top = max(top, r.Max)
	}
	if 2*wanted <= 3*top {
		top = max(top, wanted)
	}
	m := most{top: float64(top)}
	if wanted > top {
		m.beyond = float64(wanted)
	}
	return m
}

// loadScale shows loads up to four times the target.
func (r *Replay) loadScale() most {
	const least, limit = 1.5, 4
	high := 0.0
	for i := range r.Steps {
		for _, l := range r.Steps[i].Loads {
			if !math.IsNaN(l) {
				high = max(high, l)
			}
		}
	}
	if high > limit {
		return most{top: limit, beyond: high}
	}
	return most{top: max(high, least)}
}

func (r *Replay) tolerated() float64 {
	if r.Tolerated <= 0 {
		return 1
	}
	return r.Tolerated
}

// until is when a step ends.
func (r *Replay) until(i int) time.Duration {
	if i+1 < len(r.Steps) {
		return r.Steps[i+1].At
	}
	return max(r.Length, r.Steps[i].At)
}

// roundUp is the next number that is good to read at the end of a scale with marks, and
// how far apart those are.
func roundUp(top float64, marks int) (end, every float64) {
	raw := top / float64(marks)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if every = f * unit; every >= raw-1e-9 {
			break
		}
	}
	return math.Ceil(top/every-1e-9) * every, every
}

// wholeMarks are those of what there is no half of.
func wholeMarks(top float64, marks int) (end, every float64) {
	end, every = roundUp(top, marks)
	every = max(every, 1)
	return math.Ceil(end/every-1e-9) * every, every
}

// clockMark is a moment with a label, on an axis of time.
type clockMark struct {
	at    time.Duration // since the beginning
	label string
}

const day = 24 * time.Hour

// clockSteps are how far apart marks of time may be.
var clockSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day, 3640 * day, 36400 * day,
}

// clockMarks are at most n marks at round times.
func (r *Replay) clockMarks(n int) (marks []clockMark) {
	every := clockSteps[len(clockSteps)-1]
	if i := slices.IndexFunc(clockSteps, func(d time.Duration) bool { return r.Length/d < time.Duration(n) }); i >= 0 {
		every = clockSteps[i]
	}
	var lead time.Duration // from the midnight before the beginning to the beginning
	if !r.Relative {
		y, m, d := r.From.Date()
		lead = r.From.Sub(time.Date(y, m, d, 0, 0, 0, 0, r.From.Location()))
	}
	for at := (lead + every - 1).Truncate(every) - lead; at <= r.Length; at += every {
		marks = append(marks, clockMark{at, r.clockLabel(at, every)})
	}
	return marks
}

func (r *Replay) clockLabel(at, every time.Duration) string {
	if r.Relative {
		label := strconv.Itoa(int(at/time.Hour)) + ":" + twoDigits(at%time.Hour/time.Minute)
		if every < time.Minute {
			label += ":" + twoDigits(at%time.Minute/time.Second)
		}
		return label
	}
	t := r.From.Add(at)
	midnight := t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0
	switch {
	case every > 300*day:
		return t.Format("Jan 2006")
	case every >= day || midnight && r.Length > day:
		return t.Format("Jan 2")
	case every < time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

func twoDigits(n time.Duration) string {
	if n < 10 {
		return "0" + strconv.Itoa(int(n))
	}
	return strconv.Itoa(int(n))
}

// clockName says what the marks count.
func (r *Replay) clockName() string {
	if r.Relative {
		return "hours and minutes since the beginning"
	}
	zone := "UTC"
	if name := r.From.Format("-07:00"); name != "+00:00" {
		zone = "UTC" + name
	}
	date := r.From.Format("2 January 2006") + ", " + zone
	if r.Length > day {
		return "from " + date
	}
	return date
}
