package render

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// What the renderers for people share: the words and the numbers of a run.

// number is a recovery number, of the run and of its control side by side.
type number struct {
	Name, Short, Explain string
	Healed, Control      string
}

// happened is for times: what did not happen says so.
func happened(d *time.Duration, otherwise string, hit bool) string {
	if !hit {
		return none
	}
	return secondsOr(d, otherwise)
}

// numbers are the recovery numbers in the order of a recovery.
func (u Run) numbers() []number {
	one := func(u *Run) []string {
		if u == nil {
			return make([]string, 9)
		}
		r := u.Judgement.Recovery
		hit := r.InjectedAt != nil
		by := restored(string(r.RestoredBy))
		if r.RestoredBy == recovery.ByNone && hit && !r.Suffered && r.TTM != nil {
			by = "nothing was lost"
		}
		return []string{
			happened(r.TTD, "never", hit), happened(r.TTA, "never", hit && r.TTD != nil), happened(r.TTM, "never", hit),
			happened(r.Capacity, "never", hit), happened(r.TTR, "never", hit),
			happened(r.AvailabilityLost, none, hit),
			count(r.FailedRequests) + " of " + count(r.TotalRequests),
			strconv.Itoa(r.Relapses), by,
		}
	}
	rows := []number{
		{Name: "Detected", Short: "TTD", Explain: "fault confirmed until the engine's first finding"},
		{Name: "Acted on", Short: "TTA", Explain: "first finding until the engine's first act"},
		{Name: "Users served again", Short: "TTM", Explain: "fault confirmed until the first second of sustained good service"},
		{Name: "All replicas ready", Explain: "fault confirmed until full capacity was back"},
		{Name: "Fully restored", Short: "TTR", Explain: "both of the above"},
		{Name: "Availability lost", Explain: "in seconds of full outage, while observed"},
		{Name: "Failed requests", Explain: "from the injection to the end of observation"},
		{Name: "Relapses", Explain: "good seconds that turned bad again"},
		{Name: "Restored by", Explain: "who was first to bring back what was lost"},
	}
	healed, control := one(&u), one(u.Control)
	for i := range rows {
		rows[i].Healed, rows[i].Control = healed[i], control[i]
	}
	return slices.Concat(rows, u.replicaNumbers(), u.breakerNumbers(), u.poolNumbers())
}

// headline is the word of the verdict.
func headline(v timeline.Verdict, aborted bool) string {
	if aborted {
		return "STOPPED"
	}
	return strings.ToUpper(v.String())
}

// class is the verdict's CSS class.
func class(v timeline.Verdict, aborted bool) string {
	if aborted {
		return "aborted"
	}
	return v.String()
}

// mark is the sign before the word.
func verdictSign(v timeline.Verdict, aborted bool) string {
	if aborted {
		return "■"
	}
	return sign(v)
}

// lead is the verdict in a sentence.
func (u Run) lead() string {
	j, r := u.Judgement, u.Judgement.Recovery
	switch {
	case j.Aborted && u.story.stop != "":
		return "The run was stopped before its end: " + u.story.stop + "."
	case j.Aborted:
		return "The run was stopped before its end."
	case u.Header.Control:
		return u.controlLead()
	case u.Header.Healers == "native":
		return u.nativeLead()
	}
	missed, why, ok := u.missed()
	switch j.Verdict {
	case timeline.Pass:
		if ok && !missed {
			return "It healed, but so did its control, so nothing is proven: " + sentence(why)
		}
		words := passed(r)
		if ok {
			words += " Its control (" + strings.TrimSuffix(strings.TrimPrefix(u.Control.arm(), "control ("), ")") + ") missed, as it must."
		}
		return words
	case timeline.Fail:
		words := "It did not heal as promised: "
		if u.Header.Healers == "off" {
			words = "Nothing healed it: "
		}
		for _, c := range j.Checks {
			if c.Verdict == timeline.Fail {
				return words + sentence(c.Reason)
			}
		}
		return words + sentence("")
	case timeline.Inconclusive:
	}
	return u.unsure()
}

// passed is what became of users in a run that kept its promises. Recovery need not be
// among them: some faults leave nothing to heal, and the promise is to do no harm.
func passed(r recovery.Recovery) string {
	switch {
	case r.TTM != nil && *r.TTM == 0:
		return "It healed, and users did not notice."
	case r.TTM != nil:
		return "It healed: users were served again after " + seconds(*r.TTM) + ", while the fault lasted."
	case r.RecoverAfterRevert != nil:
		return "It kept its promises: users were served again " + seconds(*r.RecoverAfterRevert) + " after the fault had ended."
	default:
		return "It kept its promises."
	}
}

// nativeLead is what the platform achieved by itself, and what the checks make of it.
func (u Run) nativeLead() string {
	j, alone := u.Judgement, u.alone()
	switch j.Verdict {
	case timeline.Pass:
		return alone
	case timeline.Fail:
		for _, c := range j.Checks {
			if c.Verdict == timeline.Fail {
				return alone + " That is not what was promised: " + sentence(c.Reason)
			}
		}
		return alone
	case timeline.Inconclusive:
	}
	if j.Recovery.InjectedAt == nil || len(u.reasons()) > 0 {
		return u.unsure()
	}
	return alone
}

// alone says what the platform achieved without our engine.
func (u Run) alone() string {
	r := u.Judgement.Recovery
	who := alone(u.Header.Platform) + ": "
	back := "capacity not back"
	if r.Capacity != nil {
		back = "capacity back after " + seconds(*r.Capacity)
		if *r.Capacity == 0 {
			back = "no capacity lost"
		}
	}
	switch {
	case r.InjectedAt == nil:
		return who + "no fault was confirmed, so there was nothing to recover from."
	case r.TTM == nil:
		words := who + "did not recover within the observation"
		if r.Capacity != nil && *r.Capacity > 0 {
			words += ", though " + back
		}
		return words + "."
	case *r.TTM == 0:
		return who + "users did not notice, " + back + "."
	default:
		return who + "served again after " + seconds(*r.TTM) + ", " + back + "."
	}
}

// unsure is why nothing can be concluded, in a sentence or two.
func (u Run) unsure() string {
	why := u.reasons()
	words := "Nothing can be concluded: "
	switch len(why) {
	case 0:
		return words + sentence("")
	case 1:
		return words + sentence(why[0])
	default:
		return fmt.Sprintf("%s%s And %s.", words, sentence(why[0]), plural(len(why)-1, "more reason", "more reasons"))
	}
}

func (u Run) controlLead() string {
	missed, why := assertions.ControlVerdict(u.Judgement, u.Header)
	if missed {
		return "This is a negative control: " + sentence(why)
	}
	return "This is a negative control, and it did not miss what it must: " + sentence(why)
}

// reasons are why a run is not a pass.
func (u Run) reasons() []string {
	if len(u.Judgement.Reasons) > 0 {
		return u.Judgement.Reasons
	}
	var all []string
	for _, c := range append(append([]assertions.Result{}, u.Judgement.Gates...), u.Judgement.Checks...) {
		if c.Verdict != timeline.Pass {
			all = append(all, c.ID+": "+c.Reason)
		}
	}
	return all
}

// sentence ends words with a full stop.
func sentence(words string) string {
	words = oneLine(words)
	if words == "" {
		return "no reason was given."
	}
	if strings.ContainsAny(words[len(words)-1:], ".!?") {
		return words
	}
	return words + "."
}

// warnings are what a reader must know besides the verdict.
func (u Run) warnings() []string {
	var all []string
	for _, w := range u.Judgement.Warnings {
		all = append(all, oneLine(w))
	}
	for _, h := range u.story.hidden {
		all = append(all, "healing papers over a problem: "+h)
	}
	if !u.story.ended {
		all = append(all, "the record has no end: the run was cut off")
	}
	if u.Control != nil {
		if missed, why, _ := u.missed(); !missed {
			all = append(all, oneLine(why))
		}
		for _, w := range u.Control.warnings() {
			all = append(all, "control: "+w)
		}
	}
	return all
}

// file is the path of a file of the run, relative to the report.
func (u Run) file(name string) string { return path.Join(u.Dir, name) }

// sketchOf is the run's identity in words.
func (u Run) sketchOf() string {
	h := u.Header
	return fmt.Sprintf("%s, %s, seed %d", oneLine(h.Platform), arm(h.Healers), h.Seed)
}

// rate writes requests per second.
func rate(r float64) string { return strconv.FormatFloat(r, 'f', -1, 64) + "/s" }
