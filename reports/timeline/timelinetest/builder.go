package timelinetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Began is the wall clock of every built header, so that golden files are equal
// on every day.
var Began = time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC)

// Builder makes a timeline, one call after another. The clock stands at the
// begin of a second of load; [Builder.Seconds] moves it on.
type Builder struct {
	// Latency and Lag are of each request of the seconds that follow: 8 ms and
	// 200 µs at first.
	Latency time.Duration
	Lag     time.Duration
	// HostLag and ProberLag are recorded with each of the seconds that follow, as a
	// runner does, the prober's where our engine heals: 2 ms and 3 ms at first; 0:
	// none is.
	HostLag   time.Duration
	ProberLag time.Duration

	events []timeline.Event
	at     time.Duration // the begin of the present second
	within time.Duration // how far into it the next event happens
	second int
	record uint64 // the last record of the engine's journal
	act    int
}

// Header is the header that [Begin] fills the gaps of its own with: the
// catalogue's hang at 200 requests a second, healed by our engine.
func Header() timeline.Header {
	return timeline.Header{
		SchemaVersion: timeline.SchemaVersion,
		Tool:          "rebound test",
		Run:           "hang-7",
		Began:         Began,
		Scenario:      "hang",
		Layer:         "container",
		Claim:         "A replica that hangs is taken out of rotation and restarted, without a failed burst and without a herd.",
		Platform:      "process",
		Healers:       "rebound",
		Policy:        "shop",
		Seed:          7,
		Checks: []timeline.Check{
			{ID: "recoverWithin", Args: json.RawMessage(`"8s"`)},
			{ID: "capacityRestored", Args: json.RawMessage(`{"within":"15s"}`)},
			{ID: "availabilityLost", Args: json.RawMessage(`{"atMost":"3s"}`)},
			{ID: "noHerd", Args: json.RawMessage(`{"among":["restarts","reconnects"]}`)},
			{ID: "noAcknowledgedWriteLost", Args: json.RawMessage(`{}`)},
		},
		Steady: []timeline.SLI{
			{SLI: "success", AtLeast: 0.99},
			{SLI: "latency", Percentile: 99, AtMost: 250 * time.Millisecond},
		},
		Gates: timeline.Gates{
			LoadFloor: 0.95, MaxLag: 50 * time.Millisecond,
			MaxHostLag: 500 * time.Millisecond, MaxProberLag: 500 * time.Millisecond,
		},
		Rate:      200,
		Sustained: 10 * time.Second,
		Workloads: []timeline.Workload{
			{Name: "gateway", Replicas: 1}, {Name: "orders", Replicas: 3}, {Name: "store", Replicas: 1},
		},
		Faults: []timeline.Planned{{ID: "1", Fault: "hang", Target: "orders/1", At: 3 * time.Second}},
		Misses: []string{"capacityRestored"},
	}
}

// Begin writes the header, with the fields that h leaves empty taken from
// [Header], and sets the system up: every workload's instances start, become
// ready and, of orders, come into rotation; each orders instance opens its pool
// of eight connections to the store. The clock then stands at 1.5 s, in the
// baseline phase.
func Begin(h timeline.Header) *Builder {
	d := Header()
	h.SchemaVersion = cmp.Or(h.SchemaVersion, d.SchemaVersion)
	h.Tool = cmp.Or(h.Tool, d.Tool)
	h.Run = cmp.Or(h.Run, d.Run)
	h.Began = cmp.Or(h.Began, d.Began)
	h.Scenario = cmp.Or(h.Scenario, d.Scenario)
	h.Layer = cmp.Or(h.Layer, d.Layer)
	h.Claim = cmp.Or(h.Claim, d.Claim)
	h.Platform = cmp.Or(h.Platform, d.Platform)
	h.Healers = cmp.Or(h.Healers, d.Healers)
	h.Policy = cmp.Or(h.Policy, d.Policy)
	h.Seed = cmp.Or(h.Seed, d.Seed)
	h.Gates = cmp.Or(h.Gates, d.Gates)
	h.Rate = cmp.Or(h.Rate, d.Rate)
	h.Sustained = cmp.Or(h.Sustained, d.Sustained)
	if h.Checks == nil {
		h.Checks = d.Checks
	}
	if h.Steady == nil {
		h.Steady = d.Steady
	}
	if h.Workloads == nil {
		h.Workloads = d.Workloads
	}
	if h.Faults == nil {
		h.Faults = d.Faults
	}
	if h.Misses == nil {
		h.Misses = d.Misses
	}
	b := &Builder{Latency: 8 * time.Millisecond, Lag: 200 * time.Microsecond, HostLag: 2 * time.Millisecond}
	if h.Healers == d.Healers {
		b.ProberLag = 3 * time.Millisecond
	}
	b.Add(timeline.Event{Kind: timeline.KindHeader, Actor: timeline.ActorRunner, Header: &h})
	b.Phase(timeline.PhaseSetup)
	b.setUp(h.Workloads)
	b.at, b.within = 1500*time.Millisecond, 0
	return b.Phase(timeline.PhaseBaseline)
}

// Add records an event at the present moment, with the next number.
func (b *Builder) Add(e timeline.Event) *Builder {
	e.Seq, e.At = uint64(len(b.events)+1), b.at+b.within
	b.events = append(b.events, e)
	return b
}

// After moves the next events to d behind the begin of the present second; it
// should be below one second and not below that of the event before.
func (b *Builder) After(d time.Duration) *Builder {
	b.within = d
	return b
}

// Events is what was built so far.
func (b *Builder) Events() []timeline.Event { return append([]timeline.Event(nil), b.events...) }

// JSONL is what was built so far, as a recorder writes it.
func (b *Builder) JSONL() []byte {
	var out bytes.Buffer
	for _, e := range b.events {
		line, err := json.Marshal(e)
		if err != nil {
			panic(err) // only arguments that are no JSON, by a mistake in the test
		}
		out.Write(append(line, '\n'))
	}
	return out.Bytes()
}

// Now is the present moment on the run's clock.
func (b *Builder) Now() time.Duration { return b.at + b.within }

// Last is the number of the event added last, for causes.
func (b *Builder) Last() uint64 { return uint64(len(b.events)) }
