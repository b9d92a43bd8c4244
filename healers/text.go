package healers

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// String names the effect in a word.
func (x Effect) String() string {
	switch x {
	case Allow:
		return "allow"
	case Defer:
		return "defer"
	case Ask:
		return "ask"
	case Deny:
		return "deny"
	default:
		return "deny"
	}
}

// Text says a record in one plain line, for people.
func Text(r Record) string {
	switch {
	case r.Kind == RecordPolicy:
		name, _, _ := strings.Cut(r.Text, " ")
		return "policy " + name + " holds"
	case r.Kind == RecordFinding && r.Finding != nil:
		return textFinding(r.Finding)
	case r.Kind == RecordDecision && r.Decision != nil:
		return textDecision(r.Decision, r.At)
	case r.Kind == RecordWork && r.Change != nil:
		return textChange(r.Work, r.Change)
	case r.Kind == RecordIntent && r.Act != nil:
		return textAct(r.Act)
	case r.Kind == RecordOutcome && r.Done != nil:
		return fmt.Sprintf("act %d: %s%s", r.Done.ID, r.Done.Result, behind(r.Done.Detail))
	case r.Kind == RecordCommand && r.Command != nil:
		return textCommand(r.Command, r.Text)
	case r.Kind == RecordScale && r.Scale != nil:
		return r.Scale.Workload + ": " + r.Scale.detail()
	case r.Kind == RecordState:
		return textState(r.State)
	default:
		return string(r.Kind)
	}
}

// findingWords are the findings as people say them.
var findingWords = map[FindingKind]string{
	FindingExited: "has ended", FindingNotLive: "does not live", FindingNotReady: "is not ready",
	FindingReady: "is ready and out of rotation", FindingVolumeFull: "is full", FindingAsked: "is to be restarted",
	FindingShared: "is down for want of what it shares, it seems", FindingStorm: "is in a storm",
	FindingBlind: "cannot be probed", FindingRecurring: "hides a problem",
	FindingSize: "is to be scaled",
}

// called is what people call a target.
func called(id sut.ID) string {
	if id == Everything {
		return "the system"
	}
	return string(id)
}

func textFinding(f *Finding) string {
	words, ok := findingWords[f.Kind]
	if !ok {
		words = string(f.Kind)
	}
	if f.Ended {
		return fmt.Sprintf("no longer: %s %s", called(f.Target.ID), words)
	}
	return fmt.Sprintf("%s %s%s", called(f.Target.ID), words, behind(f.Detail))
}

func textDecision(d *Decision, at time.Duration) string {
	what := string(d.Verb) + " " + string(d.Target.ID)
	if d.Effect == Allow {
		return what + " is allowed"
	}
	var why string
	switch d.Rule {
	case RuleKill:
		why = "the engine was stopped"
	case RulePaused:
		why = "the engine is paused"
	case RuleScope:
		why = "it is outside what the policy covers"
	case RuleTrust:
		why = "a person must approve"
	case RuleActor:
		why = "another act holds " + string(d.By)
	case RuleBlind:
		why = "the engine cannot see"
		switch {
		case d.By == Everything:
			why = fmt.Sprintf("the prober itself cannot carry out %d of %d probes", d.Have, d.Limit)
		case d.Limit > 0 && d.Have > d.Limit:
			why = fmt.Sprintf("%d of the workload are there and %d should be, so the replacement before may be half done", d.Have, d.Limit)
		case d.Until > 0:
			why = "one has just become ready, and the others may do so too"
		case d.Limit > 0:
			why = fmt.Sprintf("%d of %d are unready at once, so what they share is suspected", d.Have, d.Limit)
		}
	case RuleShared:
		why = fmt.Sprintf("%d of %d fail their liveness probes, and a while is waited for others to", d.Have, d.Limit)
		if d.By != "" {
			why = fmt.Sprintf("%d of %d fail their liveness probes together, so what they share is suspected", d.Have, d.Limit)
		}
	case RuleStorm:
		why = fmt.Sprintf("%d of %d are unhealthy at once: a storm", d.Have, d.Limit)
	case RuleRamp:
		why = fmt.Sprintf("after a pause %d may be under way at first, and %d are", d.Limit, d.Have)
	case RuleBudget:
		why = textBudget(d)
	case RuleRate:
		why = fmt.Sprintf("%d within an hour, and %d may be", d.Have, d.Limit)
	case RuleBack:
		why = fmt.Sprintf("too soon after the last: %s of %s", milliseconds(d.Have), milliseconds(d.Limit))
	case RuleStag:
		why = fmt.Sprintf("%d of the workload are away or come first (%s before it), and %d may be away at once", d.Have, d.By, d.Limit)
	case RuleBroken:
		why = fmt.Sprintf("%d of the workload in a row did not come back from a restart (%s)", d.Have, d.By)
	case RuleNone:
		why = "no rule"
	}
	said := map[Effect]string{Defer: "waits", Ask: "needs approval", Deny: "is denied"}[d.Effect]
	if d.Until > at {
		said += " for " + seconds(d.Until-at)
	}
	return what + " " + said + ": " + why
}

// textBudget says what a budget compared, in the words in which a dry run states it.
func textBudget(d *Decision) string {
	why := fmt.Sprintf("%d would be left, and %d must stay", d.Have, d.Limit)
	if d.Have >= d.Limit { // of nothing that is asked for, nothing may go
		why = fmt.Sprintf("none may go while %d are available and %d must stay", d.Have, d.Limit)
	}
	switch {
	case d.By == "":
		return why
	case d.By.Kind() == sut.KindBudget:
		return why + " by the " + budgetName(d.By)
	default:
		return why + " by the policy"
	}
}

func textChange(id WorkID, c *WorkChange) string {
	if c.Plan != nil {
		return textWork(id, c.Plan.name(), c.Plan.target().ID)
	}
	return fmt.Sprintf("work %d: %s%s", id, c.State, behind(c.Reason))
}

func textWork(id WorkID, name string, target sut.ID) string {
	return fmt.Sprintf("work %d: %s %s", id, name, target)
}

func textCommand(c *Command, refused string) string {
	said := fmt.Sprintf("%s: %s%s", c.By, strings.TrimSpace(c.Verb+" "+string(c.Target)), behind(c.Text))
	if refused != "" {
		said += ", refused: " + refused
	}
	return said
}

func textAct(a *Act) string {
	if a.Verb.tells() {
		var m Message
		if json.Unmarshal(a.Args, &m) == nil {
			return string(a.Verb) + ": " + m.Text
		}
	}
	return fmt.Sprintf("%s %s%s", a.Verb, a.Target.ID, behind(string(a.Args)))
}

func textState(raw json.RawMessage) string {
	var n stateNote
	switch {
	case json.Unmarshal(raw, &n) != nil:
		return string(raw)
	case n.Settled != nil:
		return fmt.Sprintf("act %d: %s%s", n.Settled.ID, n.Settled.Result, behind(n.Settled.Detail))
	case n.Woke:
		return "the engine was started again"
	case n.Late != nil:
		return fmt.Sprintf("act %d: %s, too late to count%s", n.Late.ID, n.Late.Result, behind(n.Late.Detail))
	default:
		return string(raw)
	}
}

func textReplicas(current, desired int32) string {
	switch {
	case desired > current:
		return fmt.Sprintf("up from %d to %d", current, desired)
	case desired < current:
		return fmt.Sprintf("down from %d to %d", current, desired)
	}
	return fmt.Sprintf("%d stay", current)
}

// behind adds a detail in brackets, where there is one.
func behind(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}

func milliseconds(ms int64) string { return seconds(time.Duration(ms) * time.Millisecond) }

// tenth of a second is as exact as people are told.
const tenth = 100 * time.Millisecond

// seconds writes a duration as people do.
func seconds(d time.Duration) string { return d.Round(tenth).String() }
