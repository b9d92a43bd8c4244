package run_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

var times = run.Times{
	Baseline: 4 * time.Second, Baselines: 3, Inject: 8 * time.Second, Observe: 20 * time.Second,
	Revert: 30 * time.Second, Settle: 3 * time.Second, Audit: 20 * time.Second,
}

func TestPhases(t *testing.T) {
	type step struct {
		after  time.Duration
		signal run.Signal
	}
	const s = time.Second
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{
			"a whole run",
			[]step{{2 * s, run.Done}, {4 * s, run.Tick}, {1 * s, run.Done}, {20 * s, run.Tick}, {s, run.Done}, {s, run.Done}, {s, run.Done}, {s, run.Done}},
			"setup baseline inject observe revert settle audit teardown end",
		},
		{
			"time alone never ends setup",
			[]step{{1000 * s, run.Tick}},
			"setup setup",
		},
		{
			"a phase does not end before its time",
			[]step{{s, run.Done}, {3 * s, run.Tick}, {s, run.Tick}},
			"setup baseline baseline inject",
		},
		{
			"setup fails",
			[]step{{s, run.Failed}, {s, run.Done}},
			"setup teardown end",
		},
		{
			"a baseline is taken again until it is steady",
			[]step{{s, run.Done}, {4 * s, run.Failed}, {4 * s, run.Failed}, {4 * s, run.Tick}},
			"setup baseline baseline baseline inject",
		},
		{
			"one that is never steady breaks nothing",
			[]step{{s, run.Done}, {4 * s, run.Failed}, {4 * s, run.Failed}, {4 * s, run.Failed}},
			"setup baseline baseline baseline audit",
		},
		{
			"each baseline has its time",
			[]step{{s, run.Done}, {4 * s, run.Failed}, {3 * s, run.Tick}, {s, run.Tick}},
			"setup baseline baseline baseline inject",
		},
		{
			"what was not confirmed is not observed",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {s, run.Failed}},
			"setup baseline inject revert",
		},
		{
			"what is not confirmed in time is not observed",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {8 * s, run.Tick}},
			"setup baseline inject revert",
		},
		{
			"a revert that hangs is left to the guardian",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {s, run.Done}, {20 * s, run.Tick}, {30 * s, run.Tick}},
			"setup baseline inject observe revert settle",
		},
		{
			"stopped in setup",
			[]step{{s, run.Stopped}},
			"setup teardown",
		},
		{
			"stopped in the baseline",
			[]step{{s, run.Done}, {s, run.Stopped}},
			"setup baseline teardown",
		},
		{
			"stopped in observe",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {s, run.Done}, {s, run.Stopped}, {s, run.Done}, {s, run.Done}},
			"setup baseline inject observe revert teardown end",
		},
		{
			"stopped in revert",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {s, run.Done}, {20 * s, run.Tick}, {s, run.Stopped}, {s, run.Done}},
			"setup baseline inject observe revert revert teardown",
		},
		{
			"stopped twice",
			[]step{{s, run.Done}, {4 * s, run.Tick}, {s, run.Stopped}, {s, run.Stopped}, {s, run.Done}},
			"setup baseline inject revert revert teardown",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Duration(0)
			p := run.Begin(times, now)
			got := []string{string(p.Name)}
			for _, st := range c.steps {
				now += st.after
				p = p.Next(now, st.signal)
				name := string(p.Name)
				if p.Ended() {
					name = "end"
				}
				got = append(got, name)
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("got %s, want %s", g, c.want)
			}
		})
	}
}

// Whatever happens: a run that was injecting or observing reverts before it tears
// down, no phase comes twice, and enough signals end it.
func TestPhasesAlwaysRevert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Duration(0)
		p := run.Begin(times, now)
		broken, reverted := false, false
		seen := map[string]bool{}
		for range 200 {
			if p.Ended() {
				break
			}
			now += time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond
			signal := run.Signal(rapid.IntRange(0, 3).Draw(t, "signal"))
			next := p.Next(now, signal)
			if next.Name != p.Name {
				if seen[string(next.Name)] {
					t.Fatalf("%s comes again", next.Name)
				}
				seen[string(next.Name)] = true
			}
			p = next
			broken = broken || p.Name == timeline.PhaseInject || p.Name == timeline.PhaseObserve
			reverted = reverted || p.Name == timeline.PhaseRevert
			if p.Name == timeline.PhaseTeardown && broken && !reverted {
				t.Fatal("teardown without revert")
			}
		}
		for range 10 {
			p = p.Next(now, run.Done)
		}
		if !p.Ended() {
			t.Fatalf("it does not end: %s", p.Name)
		}
	})
}

// Whichever phase it comes in, a stop is told of once, and the run goes on to its
// end without measuring any more.
func TestStopIsToldOnce(t *testing.T) {
	all := []timeline.PhaseName{
		timeline.PhaseSetup, timeline.PhaseBaseline, timeline.PhaseInject, timeline.PhaseObserve,
		timeline.PhaseRevert, timeline.PhaseSettle, timeline.PhaseAudit, timeline.PhaseTeardown,
	}
	after := map[timeline.PhaseName]string{
		timeline.PhaseSetup:    "teardown end",
		timeline.PhaseBaseline: "teardown end",
		timeline.PhaseInject:   "revert teardown end",
		timeline.PhaseObserve:  "revert teardown end",
		timeline.PhaseRevert:   "teardown end",
		timeline.PhaseSettle:   "teardown end",
		timeline.PhaseAudit:    "teardown end",
		timeline.PhaseTeardown: "end",
	}
	for _, at := range all {
		t.Run(string(at), func(t *testing.T) {
			now := time.Duration(0)
			p := run.Begin(times, now)
			var told int
			var got []string
			for stop := false; !p.Ended(); {
				stop = stop || p.Name == at // and from then on, as a context is
				now += 30 * time.Second
				next, first := p.After(now, run.Done, stop)
				if first {
					told++
				}
				if p = next; stop {
					name := string(p.Name)
					if p.Ended() {
						name = "end"
					}
					got = append(got, name)
				}
			}
			if told != 1 {
				t.Errorf("it is told %d times", told)
			}
			if g := strings.Join(got, " "); g != after[at] {
				t.Errorf("got %s, want %s", g, after[at])
			}
		})
	}
}
