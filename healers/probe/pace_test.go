package probe

import (
	"testing"
	"time"
)

// Lateness is remembered for five seconds at least and ten at most, and what any
// machine does is none.
func TestPace(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at, late, slack time.Duration
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"never late", []step{{0, 0, 0}, {time.Second, 0, 0}}},
		{"as any machine is", []step{{0, 19 * ms, 0}, {time.Second, 20 * ms, 20 * ms}}},
		{"the worst counts", []step{{0, 50 * ms, 50 * ms}, {time.Second, 300 * ms, 300 * ms}, {2 * time.Second, 100 * ms, 300 * ms}}},
		{"is remembered", []step{{4 * time.Second, 300 * ms, 300 * ms}, {9 * time.Second, 0, 300 * ms}}},
		{"and forgotten", []step{{time.Second, 300 * ms, 300 * ms}, {6 * time.Second, 30 * ms, 300 * ms}, {11 * time.Second, 0, 30 * ms}, {16 * time.Second, 0, 0}}},
		{"also when nothing was asked", []step{{time.Second, 300 * ms, 300 * ms}, {time.Minute, 0, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pace
			for _, s := range c.steps {
				p.add(s.at, s.late)
				if got := p.slack(s.at); got != s.slack {
					t.Errorf("at %v: %v, want %v", s.at, got, s.slack)
				}
			}
		})
	}
}

// Who waits for a worker is begun late, but not by the prober's own fault.
func TestWaitingForWorkersIsNoSlack(t *testing.T) {
	for _, c := range []struct {
		name            string
		k               *look
		lag, own, limit time.Duration
	}{
		{"in time", &look{due: 1000, begun: 1000}, 0, 0, time.Second},
		{"no worker was free", &look{due: 0, free: 2 * time.Second, begun: 2 * time.Second}, 2 * time.Second, 0, time.Second},
		{"the prober was late", &look{due: 0, begun: 300 * time.Millisecond}, 300 * time.Millisecond, 300 * time.Millisecond, 1300 * time.Millisecond},
		{"both", &look{due: 0, free: 2 * time.Second, begun: 2500 * time.Millisecond}, 2500 * time.Millisecond, 500 * time.Millisecond, 1500 * time.Millisecond},
		{"a late end", &look{due: 0, begun: 0, held: 700 * time.Millisecond}, 0, 700 * time.Millisecond, 1700 * time.Millisecond},
		{"at most doubled", &look{due: 0, begun: 9 * time.Second}, 9 * time.Second, 9 * time.Second, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h health
			c.k.ended = c.k.begun
			h.look(c.k)
			if h.now.Lag != c.lag || h.pace.slack(c.k.ended) != c.own {
				t.Errorf("lag %v, own %v; want %v, %v", h.now.Lag, h.pace.slack(c.k.ended), c.lag, c.own)
			}
			if got := h.limit(c.k.ended, time.Second); got != c.limit {
				t.Errorf("limit %v, want %v", got, c.limit)
			}
		})
	}
}
