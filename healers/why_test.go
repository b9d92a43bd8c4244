package healers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
)

// story numbers records.
func story(records ...healers.Record) []healers.Record {
	for i := range records {
		records[i].Seq = uint64(i) + 1
	}
	return records
}

func began(at time.Duration, kind healers.FindingKind, id sut.ID, detail string) healers.Record {
	return healers.Record{At: at, Kind: healers.RecordFinding, Finding: &healers.Finding{
		Kind: kind, Target: sut.Target{ID: id, Incarnation: "1"}, Since: at, Detail: detail,
	}}
}

func ended(at time.Duration, kind healers.FindingKind, id sut.ID) healers.Record {
	r := began(at, kind, id, "")
	r.Finding.Ended = true
	return r
}

func work(at time.Duration, id healers.WorkID, healer string, kind healers.FindingKind, target sut.ID, verbs ...healers.Verb) healers.Record {
	p := &healers.Plan{Healer: healer, Finding: kind, Targets: []sut.Target{{ID: target, Incarnation: "1"}}}
	for _, v := range verbs {
		p.Steps = append(p.Steps, healers.PlanStep{Verb: v, Target: p.Targets[0]})
	}
	return healers.Record{At: at, Work: id, Kind: healers.RecordWork, Change: &healers.WorkChange{Plan: p, State: healers.WorkActing}}
}

func moved(at time.Duration, id healers.WorkID, state healers.WorkState, reason string) healers.Record {
	return healers.Record{At: at, Work: id, Kind: healers.RecordWork, Change: &healers.WorkChange{State: state, Reason: reason}}
}

// answer is the guard's to a restart.
func answer(at time.Duration, id healers.WorkID, target sut.ID, d healers.Decision) healers.Record {
	d.Verb, d.Target.ID = "restart", target
	return healers.Record{At: at, Work: id, Kind: healers.RecordDecision, Decision: &d}
}

func intent(at time.Duration, id healers.ActID, w healers.WorkID, verb healers.Verb, target sut.ID, args string) healers.Record {
	a := &healers.Act{ID: id, Work: w, Verb: verb, Target: sut.Target{ID: target, Incarnation: "1"}}
	if args != "" {
		a.Args = json.RawMessage(args)
	}
	return healers.Record{At: at, Work: w, Kind: healers.RecordIntent, Act: a}
}

func outcome(at time.Duration, id healers.ActID, result healers.Result, detail string) healers.Record {
	return healers.Record{At: at, Kind: healers.RecordOutcome, Done: &healers.Done{ID: id, Result: result, Detail: detail}}
}

func ordered(at time.Duration, verb, text, refused string) healers.Record {
	return healers.Record{At: at, Kind: healers.RecordCommand, Command: &healers.Command{Verb: verb, By: "eve", Text: text}, Text: refused}
}

var (
	allowed = healers.Decision{Effect: healers.Allow}
	budget  = healers.Decision{Rule: healers.RuleBudget, Effect: healers.Defer, Have: 1, Limit: 2}
)

const second = time.Second

// TestExplanationText is how people read it.
func TestExplanationText(t *testing.T) {
	outage := story(
		healers.Record{Kind: healers.RecordPolicy, Text: "shop d"},
		began(5200*time.Millisecond, healers.FindingNotLive, "orders/1", "timeout after 1s"),
		work(5200*time.Millisecond, 1, "restart", healers.FindingNotLive, "orders/1", "restart"),
		answer(5200*time.Millisecond, 1, "orders/1", budget),
		moved(5200*time.Millisecond, 1, healers.WorkDeferred, ""),
		ordered(6*second, "pause", "my turn", ""),
		answer(6*second, 1, "orders/1", healers.Decision{Rule: healers.RulePaused, Effect: healers.Defer}),
		ordered(7*second, "resume", "", ""),
		answer(7*second, 1, "orders/1", healers.Decision{Rule: healers.RuleBudget, Effect: healers.Defer, Have: 0, Limit: 2}),
	)
	for _, row := range []struct {
		name    string
		target  sut.ID
		records []healers.Record
		want    string
	}{
		{"a restart that the budget holds back", "orders/1", outage, `
orders/1, on record until 7s

The matter:
      5.2s  orders/1 does not live (timeout after 1s)

Under way:
      5.2s  work 1: restart orders/1, deferred
        7s    restart orders/1 waits: 0 would be left, and 2 must stay (2 times since 5.2s)

Held back:
        6s  restart orders/1 waits: the engine is paused
        7s  restart orders/1 waits: 0 would be left, and 2 must stay (2 times since 5.2s)

People said:
        6s  eve: pause (my turn)
        7s  eve: resume
`},
		{"and was done in the end, and failed", "orders/1", story(append(slices.Clone(outage),
			answer(9*second, 1, "orders/1", allowed),
			intent(9*second, 1, 1, "restart", "orders/1", `{"grace":1}`),
			outcome(10500*time.Millisecond, 1, healers.ResultFailed, "no such file"),
			moved(10500*time.Millisecond, 1, healers.WorkFailed, "restart was failed"),
			intent(10500*time.Millisecond, 2, 0, healers.VerbPage, "orders/1", `{"text":"wake up"}`),
		)...), `
orders/1, on record until 10.5s

The matter:
      5.2s  orders/1 does not live (timeout after 1s)

Under way:
     10.5s  nothing: no healer wants anything for it, or not yet

What was:
        9s  restart orders/1 ({"grace":1}): failed (no such file) after 1.5s
     10.5s  work 1: restart orders/1, failed (restart was failed)

Held back:
        6s  restart orders/1 waits: the engine is paused
        7s  restart orders/1 waits: 0 would be left, and 2 must stay (2 times since 5.2s)

People were told:
     10.5s  page: wake up: under way

People said:
        6s  eve: pause (my turn)
        7s  eve: resume
`},
		{"one that another hangs on", "orders/2", story(
			began(2*second, healers.FindingExited, "orders/2", "signal 9"),
			ended(4*second, healers.FindingExited, "orders/2"),
			answer(5*second, 9, "orders/0", healers.Decision{Rule: healers.RuleStag, Effect: healers.Defer, Have: 1, Limit: 1, By: "orders/2", Until: 7 * second}),
		), `
orders/2, on record until 5s

Nothing is the matter with it.

What was:
        2s  orders/2 has ended (signal 9), until 4s

Others wait for it:
        5s  restart orders/0 waits for 2s: 1 of the workload are away or come first (orders/2 before it), and 1 may be away at once
`},
		{"one of which nothing is known", "orders/7", outage, `
orders/7, on record until 7s

Nothing is on record of it: nothing that the policy asks for was the matter with it,
or there is no such target.
On record are orders/1.

People said:
        6s  eve: pause (my turn)
        7s  eve: resume
`},
		{"nothing at all", "orders", nil, `
orders, on record until 0s

Nothing is on record of it: nothing that the policy asks for was the matter with it,
or there is no such target.
Nothing is on record of any other target either.
`},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := healers.Explain(row.target, slices.Values(row.records))
			if diff := cmp.Diff(strings.TrimPrefix(row.want, "\n"), e.Text()); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

// TestExplanationOfEachRefusal: whichever rule binds, the answer has the values that
// it compared, and the words of the record.
func TestExplanationOfEachRefusal(t *testing.T) {
	for rule, d := range map[healers.Rule]healers.Decision{
		healers.RuleKill:   {Effect: healers.Deny},
		healers.RulePaused: {Effect: healers.Defer},
		healers.RuleScope:  {Effect: healers.Deny},
		healers.RuleTrust:  {Effect: healers.Ask},
		healers.RuleActor:  {Effect: healers.Defer, Have: 1, Limit: 1, By: "orders/1"},
		healers.RuleBlind:  {Effect: healers.Defer, Have: 3, Limit: 3},
		healers.RuleBudget: {Effect: healers.Defer, Have: 1, Limit: 2},
		healers.RuleRate:   {Effect: healers.Defer, Have: 10, Limit: 10, Until: time.Hour},
		healers.RuleBack:   {Effect: healers.Defer, Have: 500, Limit: 10000, Until: 12 * second},
		healers.RuleStag:   {Effect: healers.Defer, Have: 1, Limit: 1, By: "orders/0"},
		"ofTomorrow":       {Effect: healers.Defer, Have: 7, Limit: 6},
	} {
		t.Run(string(rule), func(t *testing.T) {
			d.Rule = rule
			r := answer(2*second, 1, "orders/1", d)
			e := healers.Explain("orders/1", slices.Values(story(
				began(2*second, healers.FindingExited, "orders/1", ""),
				work(2*second, 1, "restart", healers.FindingExited, "orders/1", "restart"), r,
			)))
			if len(e.Held) != 1 || len(e.Works) != 1 || e.Works[0].Answer == nil {
				t.Fatalf("%+v", e)
			}
			want := healers.Answer{Seq: 3, At: 2 * second, Decision: *r.Decision, Word: d.Effect.String(), Times: 1, First: 2 * second}
			if diff := cmp.Diff([]healers.Answer{want, want}, []healers.Answer{e.Held[0], *e.Works[0].Answer}); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
			if line := healers.Text(r); strings.Count(e.Text(), line) != 2 {
				t.Errorf("%q is not said twice in:\n%s", line, e.Text())
			}
		})
	}
}

func TestWhatATargetStandsFor(t *testing.T) {
	all := []sut.ID{"orders/1", "orders/1:data", "orders/1>store/0", "orders", "orders/11", "store/0", "store/0:data", "node:a", "node:orders", "*"}
	for target, want := range map[sut.ID][]sut.ID{
		"orders/1":         {"orders/1", "orders/1:data", "orders/1>store/0", "orders", "*"},
		"orders":           {"orders/1", "orders/1:data", "orders/1>store/0", "orders", "orders/11", "node:orders", "*"},
		"store/0:data":     {"store/0:data", "*"},
		"orders/1>store/0": {"orders/1>store/0", "*"},
		"node:a":           {"node:a", "*"},
		"a":                {"node:a", "*"},
		"order":            {"*"},
	} {
		var records []healers.Record
		for _, id := range all {
			records = append(records, began(second, healers.FindingExited, id, ""))
		}
		e := healers.Explain(target, slices.Values(story(records...)))
		var got []sut.ID
		for _, f := range e.Findings {
			got = append(got, f.Target.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s stands for %q, want %q", target, got, want)
		}
	}
}
