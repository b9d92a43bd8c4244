package assertions

import (
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// answered is what became of the requests of one second, or of several.
type answered struct {
	start                 time.Duration
	intended, failed, cut int // cut: a connection was refused or reset under them
}

// cuts are the outcomes of requests whose connection was refused or reset: the user's
// own, or that of who stands between.
var cuts = []string{"refused", "reset", "502"}

// answers are those of all seconds of load.
type answers []answered

func (s *answers) observe(e timeline.Event) {
	if e.Load == nil {
		return
	}
	a := answered{start: e.Load.Start, intended: e.Load.Intended, failed: e.Load.Failed + e.Load.Dropped}
	for _, o := range cuts {
		a.cut += e.Load.Outcomes[o]
	}
	*s = append(*s, a)
}

// during sums up the seconds that overlap one of some periods, each once, until the end
// of observation.
func (s answers) during(some []period, end time.Duration) answered {
	var sum answered
	for _, a := range s {
		if a.start < end && slices.ContainsFunc(some, a.overlaps) {
			sum.intended += a.intended
			sum.failed += a.failed
			sum.cut += a.cut
		}
	}
	return sum
}

// overlaps tells whether the second and a period do. One that is but a moment overlaps
// the second in which it lies.
func (a answered) overlaps(p period) bool {
	return a.start < max(p.until, p.from+1) && a.start+time.Second > p.from
}
