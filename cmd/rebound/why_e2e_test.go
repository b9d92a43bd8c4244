package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// asked is what why answers; ok is false where there is no answer.
func asked(t *testing.T, args ...string) (e healers.Explanation, ok bool) {
	t.Helper()
	code, stdout, stderr := rebound(t, append([]string{"why", "orders", "-o", "json"}, args...)...)
	if code != exitPass {
		if code != exitUsage || !strings.Contains(stderr, "--in DIR") {
			t.Fatalf("exit code %d, and no way out: %s", code, stderr)
		}
		return e, false
	}
	if err := json.Unmarshal([]byte(stdout), &e); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	return e, true
}

func held(e healers.Explanation, rule healers.Rule) bool {
	return slices.ContainsFunc(e.Held, func(a healers.Answer) bool { return a.Rule == rule })
}

// TestWhyAndPauseDuringARunAndAfterIt: all orders lose the store at once. One leaves
// the rotation, and the budget keeps the others in it, which can be asked while it
// lasts, and is the same answer when all is over.
func TestWhyAndPauseDuringARunAndAfterIt(t *testing.T) {
	t.Parallel()
	bin, dir := binary(t), t.TempDir()
	out, state := filepath.Join(dir, "out"), filepath.Join(dir, "state")
	file := writeScenario(t, `{fault: partition, at: 200ms, target: {workload: orders, to: store, count: 3}, maxPercent: 100}`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("recoverWithin: 4s"), []byte("recoverWithin: 10s"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), bin, "run", file, "--seed", "1", "--out", out, "--state", state)
	var diag bytes.Buffer
	c.Stderr = &diag
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- c.Wait() }()
	var during healers.Explanation
	until := func(what string, holds func() bool) {
		t.Helper()
		if !within(t, time.Minute, func() bool {
			e, ok := asked(t, "--state", state)
			if ok {
				during = e
			}
			return ok && holds() || len(over) > 0
		}) || len(over) > 0 {
			_ = c.Process.Kill()
			err := <-over
			t.Fatalf("it was never so that %s: %+v\n%v: %s", what, during, err, diag.String())
		}
	}
	say := func(args ...string) {
		t.Helper()
		if code, stdout, stderr := rebound(t, append(args, "--state", state)...); code != exitPass || !strings.Contains(stdout, "on record: ") {
			t.Errorf("%v: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
	until("the budget held back", func() bool { return held(during, healers.RuleBudget) })
	i := slices.IndexFunc(during.Held, func(a healers.Answer) bool { return a.Rule == healers.RuleBudget })
	if a := during.Held[i]; a.Have != 1 || a.Limit != 2 || a.Word != "defer" {
		t.Errorf("the budget's numbers: %+v", a)
	}
	_, plain, _ := rebound(t, "why", string(during.Held[i].Target.ID), "--state", state)
	if !strings.Contains(plain, "1 would be left, and 2 must stay") {
		t.Errorf("people are not told why:\n%s", plain)
	}
	say("pause", "my", "turn")
	until("it is paused", func() bool { return held(during, healers.RulePaused) })
	say("resume")
	until("it goes on", func() bool { return len(during.Orders) == 2 })

	if err := <-over; err != nil && c.ProcessState.ExitCode() > exitInconclusive {
		t.Errorf("%v\n%s", err, diag.String())
	}
	after, ok := asked(t, "--in", out)
	if !ok || after.Seq < during.Seq {
		t.Fatalf("until record %d, then %d", during.Seq, after.Seq)
	}
	for _, d := range during.Acts {
		if !slices.ContainsFunc(after.Acts, func(x healers.Deed) bool {
			return x.Seq == d.Seq && x.ID == d.ID && x.Verb == d.Verb && x.Target == d.Target && (d.Result == "" || x.Result == d.Result) && near(x.At, d.At)
		}) {
			t.Errorf("done during the run, and not after it: %+v\n%+v", d, after.Acts)
		}
	}
	for _, h := range during.Held {
		if !slices.ContainsFunc(after.Held, func(x healers.Answer) bool {
			return x.Verb == h.Verb && x.Target.ID == h.Target.ID && x.Rule == h.Rule && x.Word == h.Word && x.Times >= h.Times && near(x.First, h.First)
		}) {
			t.Errorf("held back during the run, and not after it: %+v\n%+v", h, after.Held)
		}
	}
	if !slices.EqualFunc(during.Orders, after.Orders, func(a, b healers.Order) bool { return a.Seq == b.Seq && a.Command == b.Command && near(a.At, b.At) }) {
		t.Errorf("people said %+v, and after the run %+v", during.Orders, after.Orders)
	}
	if len(during.Acts) == 0 {
		t.Error("nothing was done")
	}
	if !slices.ContainsFunc(readTimeline(t, filepath.Join(out, "timeline.jsonl")), func(e timeline.Event) bool {
		return e.Note != nil && e.Actor == timeline.ActorUser && strings.Contains(e.Note.Text, "pause (my turn)")
	}) {
		t.Error("the timeline does not tell that people had a hand in it")
	}
	if left, err := filepath.Glob(filepath.Join(state, "engines", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, ok := asked(t, "--state", state); ok {
		t.Error("a run that is over answers")
	}
}

// near: times of a run are those of its timeline, which a record that was only just
// kept is not in yet.
func near(a, b time.Duration) bool { return (a - b).Abs() < time.Second }
