package run

import (
	"io"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// record is the timeline being written, and what the runner itself reads in it
// while it goes on. It is safe for concurrent use.
type record struct {
	*timeline.Recorder

	mu     sync.Mutex
	events []timeline.Event // guarded by mu, as is all below
	meter  recovery.Meter
	steady assertions.Check
	faults map[string]bool   // by ID: was it ever seen active
	fault  map[string]uint64 // the last fault event by instance
	act    map[string]uint64 // the last act by target
	good   chan struct{}     // closed when the load has begun to be served well
	isGood bool
	// goodRun is how many of the last seconds of load were good.
	goodRun int
	served  bool // some request was answered well
}

func newRecord(w io.Writer, began time.Time, readers ...func(timeline.Event)) *record {
	r := &record{faults: map[string]bool{}, fault: map[string]uint64{}, act: map[string]uint64{}, good: make(chan struct{})}
	if c, err := assertions.New(timeline.Check{ID: "steadyBaseline"}); err == nil {
		r.steady = c
	}
	r.Recorder = timeline.NewRecorder(w, began, append([]func(timeline.Event){r.read}, readers...)...)
	return r
}

// read is called by the Recorder for every event, in order.
func (r *record) read(e timeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.meter.Observe(e)
	if r.steady != nil {
		r.steady.Observe(e)
	}
	switch {
	case e.Fault != nil:
		r.faults[e.Fault.ID] = r.faults[e.Fault.ID] || e.Fault.State == timeline.FaultActive
		r.fault[instanceOf(e.Target)] = e.Seq
	case e.Healing != nil && e.Healing.State == timeline.HealingAct:
		r.act[instanceOf(e.Target)] = e.Seq
	case e.Load != nil && !r.isGood:
		r.served = r.served || e.Load.OK > 0
		r.goodRun++
		if curve := r.meter.Recovery().Curve; curve[len(curve)-1].Quality != recovery.Good {
			r.goodRun = 0
		}
		if r.isGood = r.goodRun == warmSeconds; r.isGood {
			close(r.good)
		}
	}
}

// anyServed tells whether any request was answered well.
func (r *record) anyServed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.served
}

// confirmed tells whether each of n faults was seen active.
func (r *record) confirmed(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, active := range r.faults {
		if !active {
			return false
		}
	}
	return len(r.faults) >= n
}

// unsteady tells why the baseline is known not to be steady. Empty: it is not.
func (r *record) unsteady() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.steady == nil {
		return ""
	}
	if v := r.steady.Verdict(); v.Verdict == timeline.Fail {
		return v.Reason
	}
	return ""
}

// recovered tells whether users were served again while the faults lasted.
func (r *record) recovered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meter.Recovery().TTM != nil
}

func (r *record) all() []timeline.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// causeOf is what brought a change of an instance about, as far as the record
// tells: the engine's last act on it, or the fault that hit it, whichever was later.
func (r *record) causeOf(target string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.fault[target], r.act[target])
}

func (r *record) note(text string) {
	r.Append(timeline.Event{Kind: timeline.KindNote, Actor: timeline.ActorRunner, Note: &timeline.Note{Text: text}})
}
