package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/control"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// refused is a history in which the budget held a restart back.
func refused() []healers.Record {
	orders := sut.Target{ID: "orders/1", Incarnation: "1"}
	return []healers.Record{
		{Seq: 1, Epoch: 1, At: time.Second, Kind: healers.RecordFinding, Finding: &healers.Finding{Kind: healers.FindingNotLive, Target: orders, Since: time.Second}},
		{Seq: 2, Epoch: 1, At: time.Second, Kind: healers.RecordDecision, Decision: &healers.Decision{
			Healer: "restart", Verb: "restart", Target: orders, Rule: healers.RuleBudget, Effect: healers.Defer, Have: 1, Limit: 2,
		}},
	}
}

const refusal = "restart orders/1 waits: 1 would be left, and 2 must stay"

// results is a folder for results with a journal of records, and a timeline in which
// the run began 10 s before the engine.
func results(t *testing.T, dir string, records []healers.Record) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, "timeline.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rec := timeline.NewRecorder(file, time.Now())
	rec.Append(timeline.Event{Kind: timeline.KindHeader, Header: &timeline.Header{SchemaVersion: timeline.SchemaVersion}})
	for _, r := range records {
		rec.Append(timeline.Event{At: r.At + 10*time.Second, Kind: timeline.KindHealing, Healing: &timeline.Healing{Record: r.Seq}})
	}
	j, err := journal.Open(t.Context(), filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append(t.Context(), 1, records), j.Close(), rec.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWhyOfAFinishedRun(t *testing.T) {
	base := t.TempDir()
	one := results(t, filepath.Join(base, "one", "crash", "rebound", "1"), refused())
	for _, dir := range []string{one, one + "/", filepath.Join(base, "one"), filepath.Join(one, "journal.db")} {
		out, err := command(t, "why", "orders", "--in", dir)
		if err != nil || !strings.Contains(out, "11s  "+refusal) {
			t.Errorf("--in %s: %v\n%s", dir, err, out)
		}
	}
	out, err := command(t, "why", "orders/7", "--in", one)
	if err != nil || !strings.Contains(out, "Nothing is on record of it") || !strings.Contains(out, "orders/1") {
		t.Errorf("of what nothing is known: %v\n%s", err, out)
	}
	// Without a timeline the engine's own times are better than none.
	if err := os.Remove(filepath.Join(one, "timeline.jsonl")); err != nil {
		t.Fatal(err)
	}
	out, err = command(t, "why", "orders/1", "--in", one, "-o", "json")
	var e healers.Explanation
	if err != nil || json.Unmarshal([]byte(out), &e) != nil || len(e.Held) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	if h := e.Held[0]; h.Rule != healers.RuleBudget || h.Word != "defer" || h.Have != 1 || h.Limit != 2 || h.At != time.Second {
		t.Errorf("%+v", h)
	}
	two := results(t, filepath.Join(base, "one", "crash", "rebound", "2"), refused())
	_, err = command(t, "why", "orders", "--in", base)
	if err == nil || !strings.Contains(err.Error(), "--in "+one) || !strings.Contains(err.Error(), "--in "+two) {
		t.Errorf("of several runs: %v", err)
	}
}

// serve serves the engine of a run below state, and does as it is told.
func serve(t *testing.T, state, run, dir string) {
	t.Helper()
	ln, err := control.Listen(t.Context(), control.Path(state, run))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "journal.db")
	s := control.NewServer(control.Info{Run: run, Policy: "shop", Journal: file}, func(ctx context.Context) iter.Seq2[healers.Record, error] {
		return journal.Read(ctx, file)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() {
		if err := s.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	loops.Go(func() {
		for {
			select {
			case c := <-s.Commands():
				r := healers.Record{Kind: healers.RecordCommand, Command: &c}
				if strings.Contains(c.Text, "please") {
					r.Text = "it is not known"
				}
				s.Recorded(r)
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		loops.Wait()
	})
}

func TestVerbsOfALiveRun(t *testing.T) {
	state := t.TempDir()
	_, err := command(t, "why", "orders", "--state", state)
	if err == nil || !strings.Contains(err.Error(), "no run is live") || !strings.Contains(err.Error(), "--in DIR") {
		t.Errorf("no way out: %v", err)
	}
	if _, err := command(t, "pause", "--state", state); err == nil || strings.Contains(err.Error(), "--in") {
		t.Errorf("what is over cannot be paused: %v", err)
	}
	dir := results(t, filepath.Join(t.TempDir(), "out"), refused())
	serve(t, state, "3f9a00", dir)
	out, err := command(t, "why", "orders/1", "--state", state)
	if err != nil || !strings.Contains(out, "11s  "+refusal) {
		t.Errorf("%v\n%s", err, out)
	}
	if in, err := command(t, "why", "orders/1", "--in", dir); err != nil || in != out {
		t.Errorf("two answers about one run: %v\n%s\n%s", err, in, out)
	}
	for _, row := range []struct{ args, want string }{
		{"pause my turn", ": pause (my turn)"},
		{"pause --kill", ": kill"},
		{"resume --run 3f", ": resume"},
		{"resume --kill", ": revive"},
		{"restart orders new certificates", ": restart orders (new certificates)"},
		{"restart orders --withdraw", ": withdraw orders"},
	} {
		out, err := command(t, append(strings.Fields(row.args), "--state", state)...)
		if err != nil || !strings.Contains(out, "run 3f9a00, on record: ") || !strings.Contains(out, row.want+"\n") {
			t.Errorf("%s: %v\n%s", row.args, err, out)
		}
	}
	out, err = command(t, "resume", "please", "--state", state)
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitFail || !strings.Contains(out, "refused: it is not known") {
		t.Errorf("refused: %v\n%s", err, out)
	}

	serve(t, state, "77b200", dir)
	_, err = command(t, "why", "orders/1", "--state", state)
	if err == nil || !strings.Contains(err.Error(), "--run ID") || !strings.Contains(err.Error(), "77b200") || !strings.Contains(err.Error(), dir) {
		t.Errorf("which of two: %v", err)
	}
	if out, err := command(t, "why", "orders/1", "--state", state, "--run", "77"); err != nil || !strings.Contains(out, refusal) {
		t.Errorf("the one that was chosen: %v\n%s", err, out)
	}
	if _, err := command(t, "pause", "--state", state, "--run", "ff"); err == nil || !strings.Contains(err.Error(), "77b200") {
		t.Errorf("none of them: %v", err)
	}
}
