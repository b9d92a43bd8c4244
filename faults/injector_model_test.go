package faults_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// legal is the oracle: what may be told of an item after what was told last.
var legal = map[timeline.FaultState][]timeline.FaultState{
	"":                      {timeline.FaultInjecting, timeline.FaultFailed},
	timeline.FaultInjecting: {timeline.FaultActive, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultReverted, timeline.FaultStuck},
	timeline.FaultActive:    {timeline.FaultReapplied, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultOvertaken, timeline.FaultReverted, timeline.FaultStuck},
	timeline.FaultReapplied: {timeline.FaultReapplied, timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultOvertaken, timeline.FaultReverted, timeline.FaultStuck},
	timeline.FaultUnseen:    {timeline.FaultReverted, timeline.FaultStuck},
	timeline.FaultOvertaken: {timeline.FaultStuck},
	timeline.FaultStuck:     {timeline.FaultReverted},
}

// act is what happens to the system at a time, besides the faults.
type act struct {
	at time.Duration
	do string
	id sut.ID
}

type randomPlan struct {
	items  []faults.Item
	acts   []act
	forget bool
	seed   uint64
	end    time.Duration // when the run is stopped and reverted
}

func drawPlan(t *rapid.T) randomPlan {
	instances := []sut.ID{"orders/0", "orders/1", "store/0"}
	// Each item and each act has microseconds of its own, so that no two change the
	// system at one instant: the watcher looks at it when an event comes.
	ms := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}
	p := randomPlan{forget: rapid.Bool().Draw(t, "forget"), seed: rapid.Uint64().Draw(t, "seed"), end: ms("end", 40_000) + 1}
	for i := range rapid.IntRange(1, 6).Draw(t, "items") {
		of := rapid.SampledFrom([]faults.Item{
			{Fault: "kill", Target: "orders/0"},
			{Fault: "kill", Target: "store/0"},
			{Fault: "hang", Target: "orders/0"},
			{Fault: "hang", Target: "orders/1"},
			{Fault: "partition", Target: "orders/0>store/0"},
			{Fault: "partition", Target: "orders/1>store/0"},
			{Fault: "disk-full", Target: "store/0:data"},
			{Fault: "crash-loop", Target: "orders/1"},
			{Fault: "stall", Target: "orders/0"},
			{Fault: "placebo", Target: "orders/1"},
		}).Draw(t, "fault")
		of.ID, of.At = fmt.Sprint(i+1), ms("at", 20_000)+time.Duration(i)*time.Microsecond
		of.For = rapid.SampledFrom([]time.Duration{0, time.Second, 7 * time.Second}).Draw(t, "for")
		p.items = append(p.items, of)
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "acts") {
		p.acts = append(p.acts, act{
			at: ms("act at", 30_000) + time.Duration(i+100)*time.Microsecond, do: rapid.SampledFrom([]string{"restart", "restart", "restart", "exit", "remove", "clean"}).Draw(t, "act"),
			id: rapid.SampledFrom(instances).Draw(t, "act on"),
		})
	}
	slices.SortStableFunc(p.acts, func(a, b act) int { return int(a.at - b.at) })
	return p
}

func (a act) on(m *faulttest.Memory) {
	switch a.do {
	case "restart":
		m.Restart(a.id)
	case "exit":
		m.Exit(a.id)
	case "remove":
		m.Remove(a.id)
	case "clean":
		m.Clean("store/0:data")
	}
}

// watcher checks every event against the oracle and against the system.
type watcher struct {
	memory *faulttest.Memory
	last   map[string]faults.Event
	at     time.Duration
	revert bool // Revert was called
	errs   []error
}

func (w *watcher) see(e faults.Event) {
	last := w.last[e.ID]
	bad := func(format string, args ...any) {
		w.errs = append(w.errs, fmt.Errorf("at %s, %s on %s: %s after %q: %s", e.At, e.Fault, e.Target, e.State, last.State, fmt.Sprintf(format, args...)))
	}
	if !slices.Contains(legal[last.State], e.State) {
		bad("not legal")
	}
	if e.At < w.at {
		bad("time goes back from %s", w.at)
	}
	if last.State == timeline.FaultStuck && !w.revert {
		bad("only Revert leaves stuck")
	}
	switch e.State {
	case timeline.FaultActive, timeline.FaultReapplied:
		if !w.memory.IsBroken(e.Fault, e.Target) {
			bad("nothing is broken")
		}
	case timeline.FaultReverted:
		if w.memory.IsBroken(e.Fault, e.Target) && e.Fault != "kill" && e.Fault != "crash-loop" {
			bad("it is still broken")
		}
	case timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultOvertaken, timeline.FaultStuck:
		if e.Proof == "" {
			bad("without a reason")
		}
	case timeline.FaultInjecting:
	}
	w.last[e.ID], w.at = e, e.At
}

func runPlan(t *testing.T, p randomPlan) (errs []error) {
	t.Helper()
	m := memory()
	m.ForgetCuts = p.forget
	var mu sync.Mutex
	r, failing := seed.Stream(p.seed, "errors"), true
	m.Fail = func(call string) error {
		mu.Lock()
		defer mu.Unlock()
		if failing && r.IntN(10) == 0 {
			return errors.New("injected error of " + call)
		}
		return nil
	}
	lease, w := faulttest.NewLease(0), &watcher{memory: m, last: map[string]faults.Event{}}
	in := &faults.Injector{System: m, Schedule: faults.Schedule{Seed: p.seed, Items: p.items}, Lease: lease, Event: w.see}
	ended := make(chan error, 1)
	go func() { ended <- in.Run(t.Context()) }()
	var at time.Duration
	for _, a := range p.acts {
		if a.at > p.end {
			break
		}
		<-time.After(a.at - at)
		at = a.at
		a.on(m)
	}
	<-time.After(p.end - at)
	synctest.Wait()
	w.revert = true
	_ = in.Revert(t.Context()) // errors are still injected: some may stay stuck
	synctest.Wait()
	select {
	case err := <-ended:
		errs = append(errs, err)
	default:
		errs = append(errs, errors.New("Run goes on after Revert"))
	}
	// What is not stuck must be gone already.
	stuck := map[string]bool{}
	for _, i := range in.Left() {
		if w.last[i.ID].State != timeline.FaultStuck {
			errs = append(errs, fmt.Errorf("fault %s is left, and is not stuck but %s", i.ID, w.last[i.ID].State))
		}
		stuck[i.Fault+" "+string(i.Target)] = true
	}
	for _, b := range m.Broken() {
		what, _, _ := strings.Cut(b, "@")
		if !stuck[what] {
			errs = append(errs, fmt.Errorf("%s is broken, and nothing of it is stuck", b))
		}
	}
	mu.Lock()
	failing = false
	mu.Unlock()
	if err := in.Revert(t.Context()); err != nil {
		errs = append(errs, fmt.Errorf("Revert without errors injected: %w", err))
	}
	if b, l := m.Broken(), in.Left(); len(b)+len(l) > 0 {
		errs = append(errs, fmt.Errorf("in the end: broken %v, left %v", b, l))
	}
	// A verb that failed behind its arm would leave an operation in the lease.
	if a := lease.Armed(); len(a) > 0 {
		errs = append(errs, fmt.Errorf("in the end: armed %v", a))
	}
	return append(errs, w.errs...)
}

func TestInjectorRandomPlans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = errors.Join(runPlan(t, p)...) })
		if err != nil {
			rt.Fatalf("%v", err)
		}
	})
}
