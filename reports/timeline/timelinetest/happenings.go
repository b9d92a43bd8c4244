package timelinetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Phase begins a phase.
func (b *Builder) Phase(name timeline.PhaseName) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindPhase, Actor: timeline.ActorRunner, Phase: &timeline.Phase{Name: name}})
}

// Seconds lets n seconds of load pass, each with ok good and failed failed
// requests; failed ones timed out after a second.
func (b *Builder) Seconds(n, ok, failed int) *Builder {
	for range n {
		l := timeline.Load{Intended: ok + failed, Sent: ok + failed, OK: ok, Failed: failed, Outcomes: map[string]int{}}
		if ok > 0 {
			l.Outcomes["201"] = ok
		}
		if failed > 0 {
			l.Outcomes["timeout"] = failed
		}
		for i := range ok + failed {
			l.Lag.Add(b.Lag)
			if i < ok {
				l.Latency.Add(b.Latency)
			} else {
				l.Latency.Add(time.Second)
			}
		}
		b.Load(l)
	}
	return b
}

// Load lets one second pass with this load; Second and Start are set here.
func (b *Builder) Load(l timeline.Load) *Builder {
	l.Second, l.Start = b.second, b.at
	b.second++
	b.at, b.within = b.at+time.Second, 0
	if b.HostLag > 0 {
		b.Lagged("host", b.HostLag)
	}
	if b.ProberLag > 0 {
		b.Lagged("prober", b.ProberLag)
	}
	return b.Add(timeline.Event{Kind: timeline.KindLoad, Actor: timeline.ActorLoad, Load: &l})
}

// Quiet lets n seconds pass without load: neither offered nor counted.
func (b *Builder) Quiet(n int) *Builder {
	b.at, b.within = b.at+time.Duration(n)*time.Second, 0
	b.second += n
	return b
}

// Fault records a state of the planned fault with this id.
func (b *Builder) Fault(id string, state timeline.FaultState, proof string) *Builder {
	f := timeline.Fault{ID: id, State: state, Proof: proof}
	var target string
	for _, p := range b.events[0].Header.Faults {
		if p.ID == id {
			f.Fault, target = p.Fault, p.Target
		}
	}
	return b.Add(timeline.Event{Kind: timeline.KindFault, Actor: timeline.ActorInjector, Target: target, Fault: &f})
}

// Instance records a state of an instance ("orders/1"), as the observer saw it.
func (b *Builder) Instance(id string, state timeline.InstanceState) *Builder {
	workload, _, _ := strings.Cut(id, "/")
	return b.Add(timeline.Event{
		Kind: timeline.KindInstance, Actor: timeline.ActorObserver, Target: id,
		Instance: &timeline.Instance{Workload: workload, Incarnation: "1000+1", State: state},
	})
}

// Connections records that from opened n connections to to.
func (b *Builder) Connections(from, to string, n int) *Builder {
	return b.Add(timeline.Event{
		Kind: timeline.KindConnection, Actor: timeline.ActorObserver, Target: from + ">" + to,
		Connection: &timeline.Connection{From: from, To: to, Opened: n},
	})
}

// Pool records what an instance told of its pool of connections, or a server, by
// its Server alone, of those that it has.
func (b *Builder) Pool(target string, p timeline.Pool) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindPool, Actor: timeline.ActorObserver, Target: target, Pool: &p})
}

// Breaker records what a client told of its calls to a dependency and its breaker there.
func (b *Builder) Breaker(client string, c timeline.Breaker) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindBreaker, Actor: timeline.ActorObserver, Target: client, Breaker: &c})
}

// Desired records that the platform is asked for so many replicas of a workload.
func (b *Builder) Desired(workload string, n int) *Builder {
	return b.Add(timeline.Event{
		Kind: timeline.KindReplicas, Actor: timeline.ActorObserver, Target: workload,
		Replicas: &timeline.Replicas{Workload: workload, Desired: n},
	})
}

// Scale records a decision of the engine about how many replicas a workload is to have.
func (b *Builder) Scale(s timeline.Scale) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindScale, Actor: timeline.ActorEngine, Target: s.Workload, Scale: &s})
}

// Healing records what the engine did about a target; Record is set here.
func (b *Builder) Healing(target string, h timeline.Healing) *Builder {
	b.record++
	h.Record = b.record
	return b.Add(timeline.Event{Kind: timeline.KindHealing, Actor: timeline.ActorEngine, Target: target, Healing: &h})
}

// Finding records that the engine saw a condition of a target.
func (b *Builder) Finding(target, finding string) *Builder {
	return b.Healing(target, timeline.Healing{State: timeline.HealingFinding, Finding: finding, Text: target + " is " + finding})
}

// Act records a decision that allows an act, the act and its outcome, all now.
func (b *Builder) Act(target, healer, verb, outcome string) *Builder {
	b.act++
	id := strconv.Itoa(b.act)
	h := timeline.Healing{Healer: healer, Verb: verb, Work: id, Act: id}
	say := func(state timeline.HealingKind, text string) {
		e := h
		e.State, e.Text = state, fmt.Sprintf(text, verb, target)
		if state == timeline.HealingDecision {
			e.Effect, e.Act = "allow", ""
		}
		if state == timeline.HealingOutcome {
			e.Outcome = outcome
			e.Text += ": " + outcome
		}
		b.Healing(target, e)
	}
	say(timeline.HealingDecision, "%s %s: allowed")
	say(timeline.HealingAct, "%s %s")
	say(timeline.HealingOutcome, "%s %s")
	return b
}

// Writes records the audit of acknowledged writes.
func (b *Builder) Writes(acknowledged, lost, unread int) *Builder {
	w := timeline.Writes{Acknowledged: acknowledged, Asked: acknowledged, Found: acknowledged - lost - unread, Lost: lost, Unread: unread}
	for i := range lost {
		w.LostIDs = append(w.LostIDs, fmt.Sprintf("o-%04d", i+1))
	}
	return b.Add(timeline.Event{Kind: timeline.KindWrites, Actor: timeline.ActorLoad, Writes: &w})
}

// Lagged records how late a timer was: of "host" or "prober".
func (b *Builder) Lagged(of string, most time.Duration) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindLag, Actor: timeline.ActorRunner, Lag: &timeline.Lag{Of: of, Max: most}})
}

// Stop records that the run ends early.
func (b *Builder) Stop(reason string) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindStop, Actor: timeline.ActorRunner, Stop: &timeline.Stop{Reason: reason}})
}

// Note records a warning.
func (b *Builder) Note(text string) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindNote, Actor: timeline.ActorRunner, Note: &timeline.Note{Text: text}})
}

// End closes the record.
func (b *Builder) End(residue ...string) *Builder {
	return b.Add(timeline.Event{Kind: timeline.KindEnd, Actor: timeline.ActorRunner, End: &timeline.End{Residue: residue}})
}

func (b *Builder) setUp(workloads []timeline.Workload) {
	var stores, clients []string
	each := func(f func(id, workload string)) {
		for _, w := range workloads {
			for n := range w.Replicas {
				f(fmt.Sprintf("%s/%d", w.Name, n), w.Name)
			}
		}
	}
	each(func(id, _ string) { b.Instance(id, timeline.InstanceStarted) })
	b.within = 600 * time.Millisecond
	each(func(id, workload string) {
		b.Instance(id, timeline.InstanceReady)
		switch workload {
		case "orders":
			b.Instance(id, timeline.InstanceIn)
			clients = append(clients, id)
		case "store":
			stores = append(stores, id)
		default:
		}
	})
	b.within = 700 * time.Millisecond
	for _, c := range clients {
		for _, s := range stores {
			b.Connections(c, s, 8)
		}
	}
}
