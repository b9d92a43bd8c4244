package assertions_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

var update = flag.Bool("update", false, "write testdata/judgement-v1.json anew: for words and new numbers, never for a verdict")

func judge(t *testing.T, events []timeline.Event) assertions.Judgement {
	t.Helper()
	j, err := assertions.Judge(events)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// changed is a healed run, each of its events given to f.
func changed(f func(e *timeline.Event)) []timeline.Event {
	events := timelinetest.Healed().Events()
	for i := range events {
		f(&events[i])
	}
	return events
}

func header(f func(h *timeline.Header)) []timeline.Event {
	return changed(func(e *timeline.Event) {
		if e.Header != nil {
			f(e.Header)
		}
	})
}

// Of a run that passes every check, one thing after another is spoilt.
func TestVerdicts(t *testing.T) {
	load := func(f func(l *timeline.Load)) []timeline.Event {
		return changed(func(e *timeline.Event) {
			if e.Load != nil {
				f(e.Load)
			}
		})
	}
	late := func(of string, most time.Duration) []timeline.Event {
		events := timelinetest.Healed().Events()
		i := slices.IndexFunc(events, func(e timeline.Event) bool { return e.Load != nil && e.Load.Second == 8 })
		return slices.Insert(events, i, timeline.Event{
			At: events[i].At, Kind: timeline.KindLag, Lag: &timeline.Lag{Of: of, Max: most},
		})
	}
	state := func(from, to timeline.FaultState) []timeline.Event {
		return changed(func(e *timeline.Event) {
			if e.Fault != nil && e.Fault.State == from {
				e.Fault.State, e.Fault.Proof = to, "why"
			}
		})
	}
	unmeasured := func(of string) []timeline.Event {
		return slices.DeleteFunc(timelinetest.Healed().Events(), func(e timeline.Event) bool { return e.Lag != nil && e.Lag.Of == of })
	}
	// again has a baseline in which nothing went as it should, and until bad after it.
	again := func(bad int) []timeline.Event {
		events := load(func(l *timeline.Load) {
			if l.Second < 1 {
				l.Intended += 200
				l.Dropped = 200
				l.Lag.Add(time.Minute)
			}
			if l.Second < bad {
				l.OK, l.Failed = 190, 10
			}
		})
		i := slices.IndexFunc(events, func(e timeline.Event) bool { return e.Load != nil && e.Load.Second == 0 })
		at := events[i].At
		return slices.Insert(events, i+1,
			timeline.Event{At: at, Kind: timeline.KindLag, Lag: &timeline.Lag{Of: "host", Max: time.Minute}},
			timeline.Event{At: at, Kind: timeline.KindPhase, Phase: &timeline.Phase{Name: timeline.PhaseBaseline}})
	}
	for name, row := range map[string]struct {
		events []timeline.Event
		want   timeline.Verdict
		reason string
	}{
		"the second baseline is steady":     {again(1), timeline.Pass, ""},
		"the second baseline is not either": {again(3), timeline.Inconclusive, "steadyBaseline: the system was not steady"},
		"as it is":                          {timelinetest.Healed().Events(), timeline.Pass, ""},
		"a check fails":                     {header(func(h *timeline.Header) { h.Checks[0].Args = json.RawMessage(`"1s"`) }), timeline.Fail, "recoverWithin: recovery took"},
		"a check is unsure":                 {without(timelinetest.Healed().Events(), timeline.KindWrites), timeline.Inconclusive, "noAcknowledgedWriteLost: the writes"},
		"a failed check beats an unsure one": {
			without(header(func(h *timeline.Header) { h.Checks[0].Args = json.RawMessage(`"1s"`) }), timeline.KindWrites),
			timeline.Fail, "recoverWithin",
		},
		"no checks": {header(func(h *timeline.Header) { h.Checks = nil }), timeline.Inconclusive, "no check"},
		"the baseline was not steady": {load(func(l *timeline.Load) {
			if l.Second < 3 {
				l.OK, l.Failed = 190, 10
			}
		}), timeline.Inconclusive, "steadyBaseline: the system was not steady"},
		"too little load": {load(func(l *timeline.Load) {
			l.Intended += 20
			l.Dropped = 20
		}), timeline.Inconclusive, "loadFloor"},
		"seconds without a record": {without(load(func(*timeline.Load) {}), timeline.KindLoad), timeline.Inconclusive, "loadFloor: no load"},
		"the load ended early": {slices.DeleteFunc(timelinetest.Healed().Events(), func(e timeline.Event) bool {
			return e.Load != nil && e.Load.Second > 18
		}), timeline.Inconclusive, "in 19 of"},
		"sent late":                   {load(func(l *timeline.Load) { l.Lag = timeline.Sketch{}; l.Lag.Add(70 * ms) }), timeline.Inconclusive, "sendLag"},
		"the host lagged":             {late("host", 600*ms), timeline.Inconclusive, "hostLag"},
		"the host hardly lagged":      {late("host", 400*ms), timeline.Pass, ""},
		"the prober lagged":           {late("prober", 600*ms), timeline.Inconclusive, "proberLag"},
		"the host was not measured":   {unmeasured("host"), timeline.Inconclusive, "hostLag: how late timers of the host were"},
		"the prober was not measured": {unmeasured("prober"), timeline.Inconclusive, "proberLag: how late timers of the prober were"},
		"no prober, no engine": {changed(func(e *timeline.Event) {
			if e.Header != nil {
				e.Header.Healers = "native"
			}
			if e.Lag != nil {
				e.Lag.Of = "host"
			}
		}), timeline.Pass, ""},
		"something is left behind": {changed(func(e *timeline.Event) {
			if e.End != nil {
				e.End.Residue = []string{"process 17 (orders/1)", "a mount"}
			}
		}), timeline.Inconclusive, "endedInOrder: the run left something behind: process 17 (orders/1), a mount"},
		"a fault is stuck":                      {state(timeline.FaultReverted, timeline.FaultStuck), timeline.Inconclusive, "the run left something behind: hang on orders/1, why"},
		"a fault was stuck and is not any more": {state(timeline.FaultOvertaken, timeline.FaultStuck), timeline.Pass, ""},
		"the fault was not observed":            {state(timeline.FaultActive, timeline.FaultUnseen), timeline.Inconclusive, "evidence: hang on orders/1 was injected but its effect was not observed"},
		"the fault was not injected":            {without(timelinetest.Healed().Events(), timeline.KindFault), timeline.Inconclusive, "never injected"},
		"the injection failed": {slices.DeleteFunc(state(timeline.FaultInjecting, timeline.FaultFailed), func(e timeline.Event) bool {
			return e.Fault != nil && e.Fault.State != timeline.FaultFailed
		}), timeline.Inconclusive, "could not be injected: why"},
		"one of two faults was not observed": {header(func(h *timeline.Header) {
			h.Faults = append(h.Faults, timeline.Planned{ID: "2", Fault: "kill", Target: "store/0"})
		}), timeline.Inconclusive, "kill on store/0 was never injected"},
		"no fault was planned": {header(func(h *timeline.Header) { h.Faults = nil }), timeline.Inconclusive, "no fault was planned"},
		"a placebo":            {timelinetest.Placebo().Events(), timeline.Inconclusive, "no effect within 5s"},
		"the record was cut":   {timelinetest.Healed().Events()[:60], timeline.Inconclusive, "ends before the run did"},
		"a gate beats a failed check": {
			slices.DeleteFunc(timelinetest.Missed().Events(), func(e timeline.Event) bool { return e.End != nil }),
			timeline.Inconclusive, "endedInOrder",
		},
		"off": {timelinetest.Missed().Events(), timeline.Fail, "capacityRestored"},
	} {
		t.Run(name, func(t *testing.T) {
			j := judge(t, row.events)
			why := strings.Join(j.Reasons, "\n")
			if j.Verdict != row.want || !strings.Contains(why, row.reason) || (row.want == timeline.Pass) != (why == "") {
				t.Errorf("got %s: %s\nwant %s: …%s…", j.Verdict, why, row.want, row.reason)
			}
			for _, g := range j.Gates {
				if g.Verdict == timeline.Fail {
					t.Errorf("gate %s failed; a gate is passed or inconclusive", g.ID)
				}
			}
		})
	}
}

func TestAborted(t *testing.T) {
	j := judge(t, broken().Seconds(2, 200, 0).Stop("interrupted").Phase(timeline.PhaseRevert).End().Events())
	if !j.Aborted || j.Verdict != timeline.Inconclusive || !strings.Contains(j.Reasons[0], "stopped early: interrupted") {
		t.Errorf("got %v %s %v", j.Aborted, j.Verdict, j.Reasons)
	}
	if code := assertions.ExitCode(j); code != 4 {
		t.Errorf("exit %d", code)
	}
}

func TestJudgeRefuses(t *testing.T) {
	if _, err := assertions.Judge(nil); !errors.Is(err, assertions.ErrNoHeader) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := assertions.Judge(begin().Events()[1:]); !errors.Is(err, assertions.ErrNoHeader) {
		t.Errorf("no header: %v", err)
	}
	_, err := assertions.Judge(header(func(h *timeline.Header) { h.Checks[1].ID = "noHerds" }))
	if !errors.Is(err, assertions.ErrUnknownCheck) || !strings.Contains(err.Error(), `check 2 of the timeline: unknown check: "noHerds"`) {
		t.Errorf("unknown check: %v", err)
	}
	_, err = assertions.Judge(header(func(h *timeline.Header) { h.Checks[1].Args = json.RawMessage(`{"with":"1s"}`) }))
	if !errors.Is(err, assertions.ErrArgs) {
		t.Errorf("wrong arguments: %v", err)
	}
}

func TestSummary(t *testing.T) {
	b := broken().
		After(300*ms).Finding("orders/1", "notLive").
		Healing("orders/1", timeline.Healing{State: timeline.HealingDecision, Healer: "restart", Verb: "restart", Effect: "defer", Rule: "budget", Have: 1, Limit: 2, Text: "not yet"}).
		After(400*ms).Act("orders/1", "restart", "restart", "ok").
		Healing("orders/1", timeline.Healing{State: timeline.HealingNotified, Healer: "restart", Verb: "page", Act: "2", Text: "page"}).
		After(500*ms).Fault("1", timeline.FaultOvertaken, "").
		Note("the disk is slow").
		Seconds(12, 200, 0).Phase(timeline.PhaseRevert).Fault("1", timeline.FaultStuck, "the process is stopped still").
		End("process 17 (orders/1)")
	j := judge(t, b.Events())
	wantFaults := []assertions.FaultSummary{{
		ID: "1", Name: "hang", Target: "orders/1", State: timeline.FaultStuck, Evidence: "seen", ConfirmedAtSeconds: new(4.75),
		Residue: []string{"the process is stopped still", "process 17 (orders/1)"},
	}}
	wantActions := []assertions.Action{
		{Healer: "restart", Kind: "restart", Target: "orders/1", Decision: "defer", Reason: "budget (1 of 2)", AtSeconds: 4.8},
		{ID: "1", Healer: "restart", Kind: "restart", Target: "orders/1", Decision: "allow", Reason: "restart orders/1: allowed", Outcome: "ok", AtSeconds: 4.9},
		{ID: "2", Healer: "restart", Kind: "page", Target: "orders/1", Decision: "allow", Reason: "page", AtSeconds: 4.9},
	}
	wantWarnings := []string{
		"the disk is slow", "hang on orders/1 could not be undone: the process is stopped still",
		"the run left something behind: process 17 (orders/1)",
	}
	if d := cmp.Diff(wantFaults, j.Faults) + cmp.Diff(wantActions, j.Actions) + cmp.Diff(wantWarnings, j.Warnings); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// The same events give the same judgement: no map order, no clock.
func TestJudgeIsPure(t *testing.T) {
	events := timelinetest.Healed().Events()
	first, err := json.Marshal(judge(t, events))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := json.Marshal(judge(t, events))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(first), string(again)); d != "" {
			t.Fatal(d)
		}
	}
}

// One timeline for each version of the schema stays here and keeps its verdict.
func TestOldTimelinesKeepTheirVerdict(t *testing.T) {
	if timeline.SchemaVersion != 1 {
		t.Errorf("schema version %d has no timeline in testdata", timeline.SchemaVersion)
	}
	f, err := os.Open(filepath.Join("testdata", "timeline-v1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	events, err := timeline.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(judge(t, events), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "judgement-v1.json")
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
	if j := judge(t, events); j.Verdict != timeline.Pass {
		t.Errorf("verdict %s", j.Verdict)
	}
}
