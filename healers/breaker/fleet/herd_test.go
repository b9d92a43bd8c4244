package fleet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// The herd: a thousand clients with a job a second each. A job that is refused or fails
// waits, at most five of them, for the time that the refusal names: what was not done in
// the outage wants to be done after it. The server is away from 60 s to 180 s, and comes
// back cold: a sixth of what it can do, which grows to all in 20 s.
const (
	clients  = 1000
	waiting  = 5
	away     = 60 * time.Second
	back     = 180 * time.Second
	end      = 700 * time.Second
	capacity = 1250.0 // calls a second; there are 1000 jobs
	cold     = 200.0
	warm     = 20 * time.Second
	latency  = 5 * time.Millisecond
	network  = 20 * time.Millisecond
)

// arm is what the clients do.
type arm struct {
	config func(i int) breaker.Config
	fleet  *fleet.Config // nil: each for itself
	probe  bool          // the coordinator is told by a probe
	lost   time.Duration // when the coordinator goes away; 0: never
}

// figures are what the server saw.
type figures struct {
	trials     int           // in the busiest second
	atOnce     int           // trials of one breaker
	overshoot  float64       // of the busiest second after the return, over the median before
	failed     int           // calls after the return
	allClosed  time.Duration // after the return; 0: never
	mostTrials int           // in all
}

func (f figures) String() string {
	return fmt.Sprintf("%4d trials in the busiest second (%d in all), %d of a breaker at once, overshoot %3.0f %%, %6d calls failed after the return, all closed after %v",
		f.trials, f.mostTrials, f.atOnce, 100*f.overshoot, f.failed, f.allClosed.Round(100*time.Millisecond))
}

// judge names what is over its limit: the same for all arms.
func (f figures) judge(trials int) (bad []string) {
	if f.trials > trials {
		bad = append(bad, fmt.Sprintf("%d trials in a second, at most %d", f.trials, trials))
	}
	if f.atOnce > 1 {
		bad = append(bad, fmt.Sprintf("%d trials of one breaker at once", f.atOnce))
	}
	if f.overshoot > .25 {
		bad = append(bad, fmt.Sprintf("overshoot %.0f %%", 100*f.overshoot))
	}
	if f.allClosed == 0 {
		bad = append(bad, "not all closed again")
	}
	return bad
}

func calm(i int) breaker.Config {
	return breaker.Config{Seed: uint64(i + 1), RampOver: 20 * time.Second, TrialTimeout: time.Second}
}

func TestHerd(t *testing.T) {
	config := fleet.Config{Trials: 5, Per: time.Second, RampOver: 45 * time.Second}
	for _, c := range []struct {
		name   string
		arm    arm
		trials int // in a second
		herds  bool
	}{
		{name: "control: fixed delay, no jitter, unlimited trials", herds: true, trials: clients / 20, arm: arm{config: func(int) breaker.Config {
			return breaker.Config{Jitter: breaker.Percent(0), Growth: breaker.Percent(100), Trials: 1 << 20, Successes: 1}
		}}},
		{name: "configuration alone", trials: clients / 20, arm: arm{config: func(i int) breaker.Config {
			b := calm(i)
			b.Spread, b.Identity = time.Minute, identity(i)
			return b
		}}},
		{name: "fleet: trials of members", trials: config.Trials, arm: arm{config: calm, fleet: &config}},
		{name: "fleet: a probe closes", trials: 0, arm: arm{config: func(i int) breaker.Config {
			b := calm(i)
			b.ProbeOnly, b.TrialTimeout = true, 0
			return b
		}, fleet: &config, probe: true}},
		{name: "fleet: the coordinator goes away", trials: clients / 20, arm: arm{config: calm, fleet: &config, lost: 100 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := play(t, c.arm)
			t.Log(f)
			bad := f.judge(c.trials)
			if (len(bad) > 0) != c.herds {
				t.Errorf("over the limits: %q", bad)
			}
			if c.herds && (f.trials <= c.trials || f.overshoot <= .25) {
				t.Errorf("the control does not herd: %q", bad)
			}
		})
	}
}

func identity(i int) string { return fmt.Sprintf("orders/%d", i+1) }

// server counts what arrives, and does what it can.
type server struct {
	arrivals, trials []time.Duration
	tokens           float64
	last             time.Duration
	failed           int
}

func (s *server) call(now time.Duration) bool {
	s.arrivals = append(s.arrivals, now)
	if now >= away && now < back {
		s.last, s.tokens = now, 0
		return false
	}
	rate := capacity
	if d := now - back; d >= 0 && d < warm {
		rate = cold + (capacity-cold)*float64(d)/float64(warm)
	}
	s.tokens = min(rate/4, s.tokens+rate*(now-s.last).Seconds())
	s.last = now
	if s.tokens < 1 {
		if now >= back {
			s.failed++
		}
		return false
	}
	s.tokens--
	return true
}

// busiest is the most in any second from a time on.
func busiest(times []time.Duration, from time.Duration) (most int) {
	first, _ := slices.BinarySearch(times, from)
	times = times[first:]
	for i, j := 0, 0; j < len(times); j++ {
		for times[j]-times[i] >= time.Second {
			i++
		}
		most = max(most, j-i+1)
	}
	return most
}

func (s *server) figures(atOnce int, closed time.Duration) figures {
	before, _ := slices.BinarySearch(s.arrivals, away)
	usual := float64(before) / away.Seconds()
	f := figures{
		trials: busiest(s.trials, 0), atOnce: atOnce, mostTrials: len(s.trials),
		overshoot: float64(busiest(s.arrivals, back))/usual - 1, failed: s.failed,
	}
	if closed > 0 {
		f.allClosed = closed - back
	}
	return f
}
