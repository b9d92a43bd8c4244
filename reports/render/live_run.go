package render

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// liveRun is what is known of a run so far: a fold over its events.
type liveRun struct {
	name, base string
	header     timeline.Header
	zero       time.Time // the wall clock at the run's zero
	at         time.Duration

	phase   timeline.PhaseName
	phaseAt time.Duration
	waiting string    // what a long setup waits for; empty: nothing, or nobody says
	waitsAt time.Time // since when
	faults  []timeline.Fault
	faultAt []time.Duration
	targets []string
	recent  []string // what healing did last
	acts    int
	ready   map[string]bool
	sized   scaling
	unwell  bool // users were last seen to suffer

	meter    recovery.Meter
	recovery recovery.Recovery // as of the last second of load

	confirmed  bool
	confirmAt  time.Duration
	since      time.Duration // begin of the first of the good seconds in a row
	row        int           // good seconds in a row, since the confirmation
	recovered  bool
	gaveUp     bool // we reverted before users were served again
	stopReason string
	failed     int
	ended      bool
}

// keepActs bounds what is shown, and so what is kept.
const keepActs = 5

// observe folds an event in and returns what is worth a plain line.
func (r *liveRun) observe(e timeline.Event, now time.Time) []string {
	if r.zero.IsZero() || e.Kind == timeline.KindHeader {
		r.zero = now.Add(-e.At)
	}
	r.at = e.At
	r.meter.Observe(e)
	rescaled := r.sized.observe(e)
	switch {
	case e.Header != nil:
		r.header = *e.Header
		r.base = oneLine(r.header.Scenario + "/" + r.header.Healers)
		return []string{fmt.Sprintf("begin     on %s, seed %d, %.0f requests/s", oneLine(r.header.Platform), r.header.Seed, r.header.Rate)}
	case e.Phase != nil:
		return r.onPhase(e)
	case e.Load != nil:
		return r.onLoad(*e.Load)
	case e.Fault != nil:
		return r.onFault(e)
	case e.Healing != nil:
		return r.onHealing(e, rescaled)
	case e.Replicas != nil && rescaled != "":
		r.remember(e.At, "replicas", rescaled)
		return []string{"replicas  " + rescaled}
	case e.Instance != nil:
		return r.onInstance(e)
	case e.Stop != nil:
		r.stopReason = oneLine(e.Stop.Reason)
		return []string{"stop      " + r.stopReason}
	case e.Note != nil:
		return []string{"warning   " + oneLine(e.Note.Text)}
	case e.Writes != nil:
		return []string{fmt.Sprintf("writes    %d acknowledged, %d read back, %d lost", e.Writes.Acknowledged, e.Writes.Found, e.Writes.Lost)}
	case e.End != nil:
		r.ended = true
		if len(e.End.Residue) > 0 {
			return []string{"end       LEFT BEHIND: " + oneLine(strings.Join(e.End.Residue, "; "))}
		}
		return []string{"end       " + r.result()}
	}
	return nil
}

func (r *liveRun) onPhase(e timeline.Event) []string {
	r.phase, r.phaseAt, r.waiting = e.Phase.Name, e.At, ""
	said := []string{"phase     " + oneLine(string(e.Phase.Name))}
	if e.Phase.Name == timeline.PhaseRevert && r.confirmed && !r.recovered {
		r.gaveUp = true
		said = append(said, "recovery  not within "+seconds(e.At-r.confirmAt)+"; what returns from here on is no healing")
	}
	return said
}

// waits takes what a setup waits for, and returns what of it is worth a plain line.
func (r *liveRun) waits(words string, now time.Time) string {
	words = oneLine(words)
	if words == r.waiting || words == "" {
		return ""
	}
	r.waiting, r.waitsAt = words, now
	return "waits     " + words
}

func (r *liveRun) onLoad(l timeline.Load) []string {
	r.recovery = r.meter.Recovery()
	last := r.recovery.Curve[len(r.recovery.Curve)-1]
	r.failed += l.Failed + l.Dropped
	r.row = 0
	for _, p := range slices.Backward(r.recovery.Curve) {
		if p.Quality != recovery.Good || !r.confirmed || p.Start+time.Second <= r.confirmAt {
			break
		}
		r.since = p.Start
		r.row++
	}
	var said []string
	if good := last.Quality == recovery.Good || last.Quality == recovery.Empty; good == r.unwell {
		r.unwell = !good
		if good {
			said = append(said, "users     good again")
		} else {
			said = append(said, fmt.Sprintf("users     %d of %d failed, p99 %s", l.Intended-l.OK, l.Intended, seconds(last.P99)))
		}
	}
	if !r.recovered && r.recovery.TTM != nil {
		r.recovered = true
		said = append(said, fmt.Sprintf("recovery  users served again after %s, held for %d s", seconds(*r.recovery.TTM), r.hold()))
	}
	return said
}

// hold is how many good seconds in a row are recovery.
func (r *liveRun) hold() int {
	if r.header.Sustained <= 0 {
		return 10
	}
	return int(math.Ceil(r.header.Sustained.Seconds()))
}

func (r *liveRun) onFault(e timeline.Event) []string {
	f := *e.Fault
	f.Fault, f.Proof = oneLine(f.Fault), oneLine(f.Proof)
	i := slices.IndexFunc(r.faults, func(g timeline.Fault) bool { return g.ID == f.ID })
	if i < 0 {
		i = len(r.faults)
		r.faults, r.faultAt, r.targets = append(r.faults, f), append(r.faultAt, e.At), append(r.targets, oneLine(e.Target))
	}
	r.faults[i], r.faultAt[i] = f, e.At
	if f.State == timeline.FaultActive && !r.confirmed {
		r.confirmed, r.confirmAt = true, e.At
	}
	if f.State == timeline.FaultInjecting {
		return nil
	}
	words := []string{fmt.Sprintf("fault     %s %s", broken(f.Fault, e.Target), f.State), r.does(f), f.Proof}
	words = slices.DeleteFunc(words, func(s string) bool { return s == "" })
	return []string{strings.Join(words, ": ")}
}

// does is what users do by a fault that has just begun.
func (r *liveRun) does(f timeline.Fault) string {
	if f.State != timeline.FaultActive {
		return ""
	}
	return effect(r.header, f.ID)
}

// remember keeps what is shown of healing.
func (r *liveRun) remember(at time.Duration, state timeline.HealingKind, text string) {
	when := offset((at - r.confirmAt).Seconds())
	if !r.confirmed {
		when = seconds(at)
	}
	r.recent = append(r.recent, fmt.Sprintf("%9s  %-8s  %s", when, state, text))
	if over := len(r.recent) - keepActs; over > 0 {
		r.recent = slices.Delete(r.recent, 0, over)
	}
}

// onHealing takes what healing did; rescaled is what an act that scales does, in words.
func (r *liveRun) onHealing(e timeline.Event, rescaled string) []string {
	h := e.Healing
	if r.sized.tells(e) {
		return nil
	}
	text := cmp.Or(rescaled, oneLine(h.Text))
	if text == "" {
		text = oneLine(strings.Join([]string{string(h.State), h.Verb, e.Target, h.Outcome}, " "))
	}
	switch h.State {
	case timeline.HealingDecision:
		if h.Effect == "allow" {
			return nil // the act follows
		}
	case timeline.HealingWork:
		return nil // its acts tell it
	case timeline.HealingAct:
		r.acts++
	case timeline.HealingFinding, timeline.HealingOutcome, timeline.HealingNotified:
	default:
	}
	r.remember(e.At, h.State, text)
	return []string{fmt.Sprintf("%-9s %s", h.State, text)}
}

func (r *liveRun) onInstance(e timeline.Event) []string {
	if r.ready == nil {
		r.ready = map[string]bool{}
	}
	target := oneLine(e.Target)
	switch e.Instance.State {
	case timeline.InstanceReady:
		r.ready[target] = true
	case timeline.InstanceUnready, timeline.InstanceExited:
		delete(r.ready, target)
	case timeline.InstanceGone:
		delete(r.ready, target)
	case timeline.InstanceStarted, timeline.InstanceIn, timeline.InstanceOut:
		return nil
	default:
		return nil
	}
	if r.phase == timeline.PhaseSetup || r.phase == timeline.PhaseTeardown || r.phase == "" {
		return nil
	}
	return []string{fmt.Sprintf("instance  %s %s", target, e.Instance.State)}
}

// result is the run in one phrase.
func (r *liveRun) result() string {
	switch {
	case r.stopReason != "":
		return "stopped: " + r.stopReason
	case r.recovered:
		return fmt.Sprintf("recovered in %s, %s failed", seconds(*r.recovery.TTM), plural(r.failed, "request", "requests"))
	case r.confirmed:
		return fmt.Sprintf("not recovered, %s failed", plural(r.failed, "request", "requests"))
	default:
		return "no fault was confirmed"
	}
}
