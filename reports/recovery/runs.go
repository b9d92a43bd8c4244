package recovery

import "time"

// slack is how far apart two seconds of load may lie and still be neighbours.
const slack = 100 * time.Millisecond

// run is a run of good seconds, one after another.
type run struct {
	start, end time.Duration
	n          int
}

// runs calls f for the run of good seconds that each second from the one that
// holds from on continues or breaks (n is then 0), until f returns false.
func (m *Meter) runs(from time.Duration, f func(p Point, r run) bool) {
	var r run
	for _, p := range m.points {
		if p.Start+second <= from {
			continue
		}
		switch {
		case p.Quality == Empty && r.n > 0:
			r.end = p.Start + second
			continue
		case p.Quality == Empty:
			continue
		case p.Quality != Good:
			r = run{}
		case r.n == 0 || p.Start-r.end > slack: // a gap is no data, and no data is not good
			r = run{start: max(p.Start, from), end: p.Start + second, n: 1}
		default:
			r.end, r.n = p.Start+second, r.n+1
		}
		if !f(p, r) {
			return
		}
	}
}

// sustained is the begin of the first run of enough good seconds that is over
// before the fault ends. A run that began with the fault may outlast it: its
// users never suffered.
func (m *Meter) sustained(from, until time.Duration) (start time.Duration, ok bool) {
	n := m.window()
	m.runs(from, func(_ Point, r run) bool {
		if r.n >= n && (r.end <= until || r.start <= from) {
			start, ok = r.start, true
		}
		return !ok
	})
	return start, ok
}

// trailing is the begin of the good run that reaches until, or until itself.
func (m *Meter) trailing(from, until time.Duration) time.Duration {
	start := until
	m.runs(from, func(p Point, r run) bool {
		if p.Start+second > until {
			return false
		}
		start = until
		if r.n > 0 && until-r.end < second {
			start = r.start
		}
		return true
	})
	return start
}

// ServedFrom is when users began to be served well after a moment, for as long as a
// recovery must hold, or until the end of the load if that was three seconds or more.
func (m *Meter) ServedFrom(moment time.Duration) (time.Duration, bool) { return m.returned(moment) }

// returned is the begin of the good run that came after our revert: a sustained
// one, or one that lasts to the end of the load for at least three seconds.
func (m *Meter) returned(reverted time.Duration) (start time.Duration, ok bool) {
	n := m.window()
	var last run
	m.runs(reverted, func(_ Point, r run) bool {
		last = r
		ok = r.n >= n
		return !ok
	})
	return last.start, ok || last.n >= min(3, n)
}

func (m *Meter) endedBad(from, until time.Duration) bool {
	var bad int
	window := time.Duration(m.window()) * second
	for _, p := range m.points {
		if p.Start >= max(from, until-window) && p.Start+second <= until && p.Quality == Bad {
			bad++
		}
	}
	return 2*bad > m.window()
}
