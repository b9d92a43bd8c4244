package healers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
)

// What the engine did in real outages is told of, without one act more or less.
func TestExplanationOfOutages(t *testing.T) {
	for _, row := range scenarios() {
		t.Run(row.name, func(t *testing.T) {
			s := row.sc.Play(1, nil)
			var got []string
			for _, target := range []sut.ID{"orders", "store"} {
				e := healers.Explain(target, slices.Values(s.Journal.Records))
				for _, d := range slices.Concat(e.Acts, e.Messages) {
					got = append(got, fmt.Sprintf("%s %s", d.Verb, d.Target.ID))
					if d.Result == "" {
						t.Errorf("act %d of %s has no outcome", d.ID, target)
					}
				}
				for _, f := range e.Findings {
					if _, open := s.Engine().View().Instance(f.Target.ID.Instance()); !open {
						t.Errorf("%s is gone, and told to be the matter", f.Target.ID)
					}
				}
			}
			want := healerstest.Acts(s)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("- done, + told:\n%s", diff)
			}
		})
	}
}

func TestSettledByObservation(t *testing.T) {
	note := healers.Record{At: 4 * second, Kind: healers.RecordState, State: json.RawMessage(`{"settled":{"id":1,"result":"ok","detail":"as observed"}}`)}
	e := healers.Explain("orders/1", slices.Values(story(
		intent(second, 1, 0, "restart", "orders/1", ""), outcome(2*second, 1, healers.ResultUnknown, "no outcome by its deadline"), note,
	)))
	if d := e.Acts[0]; d.Result != healers.ResultOK || d.Detail != "as observed" || d.Until != 4*second {
		t.Errorf("%+v", d)
	}
}

func TestTheNewestAreKept(t *testing.T) {
	var records []healers.Record
	for i := range 120 {
		id := sut.InstanceID("orders", i)
		records = append(records, began(time.Duration(i)*second, healers.FindingExited, id, ""),
			answer(time.Duration(i)*second, 0, id, budget))
	}
	e := healers.Explain("orders", slices.Values(story(records...)))
	if len(e.Findings) != 50 || len(e.Held) != 50 || e.Omitted != 140 {
		t.Errorf("%d findings, %d held back, %d left out", len(e.Findings), len(e.Held), e.Omitted)
	}
	if f := e.Findings[49]; f.Target.ID != "orders/119" {
		t.Errorf("the last is %s", f.Target.ID)
	}
	if !strings.Contains(e.Text(), "140 older entries are left out") {
		t.Error(e.Text())
	}
}

func TestShiftMovesTimesAlone(t *testing.T) {
	for _, row := range scenarios() {
		for _, r := range row.sc.Play(1, nil).Journal.Records {
			before := healers.Text(r)
			moved := r.Shift(time.Minute)
			if moved.At != r.At+time.Minute || healers.Text(moved) != before {
				t.Errorf("%s at %s became %s at %s", before, r.At, healers.Text(moved), moved.At)
			}
			if back := moved.Shift(-time.Minute); cmp.Diff(r, back) != "" {
				t.Errorf("there and back again:\n%s", cmp.Diff(r, back))
			}
		}
	}
}

// anyRecord is one that need not fit those before it.
func anyRecord(t *rapid.T, seq uint64) healers.Record {
	id := rapid.SampledFrom([]sut.ID{"orders/0", "orders/1", "orders", "store/0:data", "orders/0>store/0", "node:a", "zone:a", "*", "", "/", ":", ">"})
	target := func() sut.Target {
		return sut.Target{ID: id.Draw(t, "id"), Incarnation: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "life")}
	}
	at := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int64().Draw(t, "at")) })
	verb := rapid.SampledFrom([]healers.Verb{"restart", "replace", "rotateOut", "page", "notify", "", "odd"})
	act := rapid.Map(rapid.Uint64Range(0, 5), func(n uint64) healers.ActID { return healers.ActID(n) })
	r := healers.Record{
		Seq: seq, At: at.Draw(t, "now"), Work: healers.WorkID(rapid.Uint64Range(0, 4).Draw(t, "work")),
		Kind: rapid.SampledFrom([]healers.RecordKind{
			healers.RecordPolicy, healers.RecordFinding, healers.RecordDecision, healers.RecordWork, healers.RecordIntent,
			healers.RecordOutcome, healers.RecordCommand, healers.RecordState, "odd",
		}).Draw(t, "kind"),
	}
	has := func(kind healers.RecordKind) bool {
		return (r.Kind == kind) == (rapid.IntRange(0, 9).Draw(t, "fits") > 0)
	}
	if has(healers.RecordFinding) {
		r.Finding = &healers.Finding{
			Kind: healers.FindingKind(rapid.SampledFrom([]string{"exited", "notReady", "odd"}).Draw(t, "finding")), Target: target(),
			Since: at.Draw(t, "since"), Ended: rapid.Bool().Draw(t, "ended"),
		}
	}
	if has(healers.RecordDecision) {
		r.Decision = &healers.Decision{
			Verb: verb.Draw(t, "verb"), Target: target(), Rule: healers.Rule(rapid.SampledFrom([]string{"", "budget", "odd"}).Draw(t, "rule")),
			Effect: healers.Effect(rapid.Uint8Range(0, 5).Draw(t, "effect")), Until: at.Draw(t, "until"), By: id.Draw(t, "by"),
		}
	}
	if has(healers.RecordWork) {
		r.Change = &healers.WorkChange{
			Index: rapid.IntRange(-1, 3).Draw(t, "index"), Deadline: at.Draw(t, "deadline"),
			State: healers.WorkState(rapid.SampledFrom([]string{"", "deferred", "acting", "done", "failed", "odd"}).Draw(t, "state")),
		}
		if rapid.Bool().Draw(t, "plan") {
			r.Change.Plan = &healers.Plan{Healer: "restart", Runbook: rapid.SampledFrom([]string{"", "disk-full"}).Draw(t, "runbook")}
			for range rapid.IntRange(0, 2).Draw(t, "targets") {
				r.Change.Plan.Targets = append(r.Change.Plan.Targets, target())
				r.Change.Plan.Steps = append(r.Change.Plan.Steps, healers.PlanStep{Verb: verb.Draw(t, "verb")})
			}
		}
	}
	if has(healers.RecordIntent) {
		r.Act = &healers.Act{ID: act.Draw(t, "act"), Work: r.Work, Verb: verb.Draw(t, "verb"), Target: target(), Args: json.RawMessage(`{}`)}
	}
	if has(healers.RecordOutcome) {
		r.Done = &healers.Done{ID: act.Draw(t, "act"), Result: rapid.SampledFrom(results).Draw(t, "result")}
	}
	if has(healers.RecordCommand) {
		r.Command = &healers.Command{Verb: rapid.SampledFrom([]string{"pause", "resume", "kill", "odd"}).Draw(t, "verb"), By: "eve"}
	}
	if r.Kind == healers.RecordState {
		r.State = json.RawMessage(rapid.SampledFrom([]string{``, `{`, `{"settled":{"id":1,"result":"ok"}}`, `{"late":{"id":2}}`, `null`}).Draw(t, "state"))
	}
	return r
}

// TestExplainNonsense: whatever is on record, the answer is bounded, counts every
// refusal, and what it says of the past stays true when more comes.
func TestExplainNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []healers.Record
		var seq uint64
		for range rapid.IntRange(0, 150).Draw(t, "records") {
			seq += rapid.SampledFrom([]uint64{1, 1, 1, 1, 0, 3}).Draw(t, "gap")
			records = append(records, anyRecord(t, seq))
		}
		target := rapid.SampledFrom([]sut.ID{"orders", "orders/0", "store/0:data", "node:a", "nobody", "", "*"}).Draw(t, "target")
		e := healers.Explain(target, slices.Values(records))
		check(t, &e)
		part := records[:rapid.IntRange(0, len(records)).Draw(t, "until")]
		before := healers.Explain(target, slices.Values(part))
		check(t, &before)
		if e.Omitted > 0 {
			return
		}
		if told, want := timesHeld(&e), refusals(target, records); told != want {
			t.Fatalf("it was held back %d times, and %d are told", want, told)
		}
		for _, h := range before.Held {
			if !slices.ContainsFunc(e.Held, func(x healers.Answer) bool {
				return x.Verb == h.Verb && x.Target.ID == h.Target.ID && x.Rule == h.Rule && x.Effect == h.Effect && x.First == h.First && x.Times >= h.Times
			}) {
				t.Fatalf("%+v was held back, and is no longer said to have been", h)
			}
		}
		for _, d := range before.Acts {
			if !slices.ContainsFunc(e.Acts, func(x healers.Deed) bool { return x.Seq == d.Seq && x.At == d.At }) {
				t.Fatalf("%+v was done, and is no longer said to have been", d)
			}
		}
	})
}

// refusals counts what the guard refused about exactly a target. A record whose number
// was there before is none.
func refusals(target sut.ID, records []healers.Record) (n int) {
	var last uint64
	for _, r := range records {
		if r.Seq <= last {
			continue
		}
		last = r.Seq
		if d := r.Decision; r.Kind == healers.RecordDecision && d != nil && d.Effect != healers.Allow && d.Target.ID == target {
			n++
		}
	}
	return n
}

func timesHeld(e *healers.Explanation) (n int) {
	for _, a := range e.Held {
		if a.Target.ID == e.Target {
			n += a.Times
		}
	}
	return n
}

func check(t *rapid.T, e *healers.Explanation) {
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for name, raw := range fields {
		var list []any
		if raw[0] == '[' && (json.Unmarshal(raw, &list) != nil || len(list) > 50) || string(raw) == "null" {
			t.Fatalf("%s: %s", name, raw)
		}
	}
	if lines := strings.Count(e.Text(), "\n"); lines == 0 || lines > 600 {
		t.Fatalf("%d lines:\n%s", lines, e.Text())
	}
}

// A long history is one of many outages, most of them of others.
func BenchmarkExplain(b *testing.B) {
	var records []healers.Record
	for n := healers.WorkID(1); len(records) < 100_000; n++ {
		id, at := sut.InstanceID("orders", int(n)%100), time.Duration(n)*second
		records = append(records, began(at, healers.FindingExited, id, "signal 9"), work(at, n, "restart", healers.FindingExited, id, "restart"),
			answer(at, n, id, budget), answer(at, n, id, allowed),
			intent(at, healers.ActID(n), n, "restart", id, ""), outcome(at, healers.ActID(n), healers.ResultOK, ""),
			ended(at, healers.FindingExited, id), moved(at, n, healers.WorkDone, ""))
	}
	records = story(records...)
	b.ReportAllocs()
	for b.Loop() {
		if e := healers.Explain("orders/7", slices.Values(records)); len(e.Acts) != 50 {
			b.Fatal(len(e.Acts))
		}
	}
}
