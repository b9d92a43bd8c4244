package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Lead is the replay in one sentence.
func (r *Result) Lead() string {
	s := &r.Summary
	short := "never too few ready"
	if s.Short > 0 {
		short = fmt.Sprintf("too few ready for %s (%s of the time)", span(s.Short), percent(s.ShortShare))
	}
	return fmt.Sprintf("%d to %d replicas, %s replica-hours, %s", s.Least, s.Most, number(s.ReplicaHours), short)
}

// Text is the summary for a terminal.
func (r *Result) Text() string {
	s := &r.Summary
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-16s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("played", "%s%s: %s, one each %s", span(s.Played), r.when(), times(s.Decisions, "decision", "decisions"), span(r.Interval))
	line("replicas", "%d to %d, %s on average: %s replica-hours", s.Least, s.Most, number(s.Mean), number(s.ReplicaHours))
	line("changes", "%d up, %d down, %s", s.ScaleUps, s.ScaleDowns, times(s.Turns, "turn of direction", "turns of direction"))
	if s.Short == 0 {
		line("too few ready", "never")
	} else {
		longest := s.LongestShort
		line("too few ready", "%s, %s of the time, in %s; the longest %s from %s", span(s.Short), percent(s.ShortShare),
			times(len(r.Short), "stretch", "stretches"), span(longest.Until-longest.From), r.clock(longest.From))
	}
	line("at maxReplicas", "%s", span(s.AtMax))
	if s.Unknown > 0 {
		line("metric missing", "%s", span(s.Unknown))
	}
	if len(s.Bounds) == 0 {
		line("what bound", "nothing: the metrics alone decided")
	}
	for i, h := range s.Bounds {
		name := "what bound"
		if i > 0 {
			name = ""
		}
		line(name, "%-18s %s, %s", h.Bound, times(h.Decisions, "decision", "decisions"), percent(float64(h.Decisions)/float64(s.Decisions)))
	}
	for _, w := range r.Warnings {
		line("warning", "%s", w)
	}
	return b.String()
}

// when says from when on it was played, if that is known.
func (r *Result) when() string {
	if r.Relative {
		return ""
	}
	return r.From.Format(" from 2006-01-02 15:04:05Z07:00")
}

// clock is a moment as the recording has it.
func (r *Result) clock(at time.Duration) string {
	switch {
	case r.Relative:
		return span(at) + " after the beginning"
	case r.Summary.Played > 24*time.Hour:
		return r.From.Add(at).Format("2006-01-02 15:04:05")
	}
	return r.From.Add(at).Format("15:04:05")
}

// span is a time as people say it: 45 s, 4 min 30 s, 2 h 5 min.
func span(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	}
	d = d.Round(time.Second)
	h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	parts := make([]string, 0, 3)
	if h > 0 {
		parts = append(parts, fmt.Sprintf("%d h", h))
	}
	if m > 0 {
		parts = append(parts, fmt.Sprintf("%d min", m))
	}
	if s > 0 {
		parts = append(parts, fmt.Sprintf("%d s", s))
	}
	return strings.Join(parts, " ")
}

// percent is a share; one that is not zero is not written as zero.
func percent(share float64) string {
	if share > 0 && share < 0.0005 {
		return "less than 0.1 %"
	}
	return strconv.FormatFloat(share*100, 'f', 1, 64) + " %"
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func times(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
