package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

func TestExitCodesOfResults(t *testing.T) {
	missing := &sut.Missing{Capability: "x", Reason: "no x", WayOut: "get x"}
	broken := errors.New("the engine does not run")
	for _, c := range []struct {
		name           string
		run, control   *timelinetest.Builder
		pair           run.Pair
		err            error
		whole, require bool
		stopped        bool
		want           int
		says           string
	}{
		{name: "healed", run: timelinetest.Healed(), control: timelinetest.Missed(), want: exitPass},
		{name: "interrupted when all was judged, as judge would say", run: timelinetest.Healed(), stopped: true, want: exitPass},
		{name: "interrupted before the next", run: timelinetest.Healed(), stopped: true, err: run.ErrInterrupted, want: exitAborted},
		{name: "stopped by a person", run: timelinetest.Healed().Stop("interrupted"), want: exitAborted},
		{name: "healed, and another broke down", run: timelinetest.Healed(), err: broken, want: exitInconclusive, says: "does not run"},
		{name: "nothing but a breakdown", err: broken, want: exitInconclusive},
		{name: "no control, though asked for", run: timelinetest.Healed(), pair: run.Pair{ControlMissing: missing}, want: exitInconclusive, says: "get x"},
		{name: "skipped", pair: run.Pair{Missing: missing}, want: exitPass, says: "skipped"},
		{name: "skipped in the demo", pair: run.Pair{Missing: missing}, whole: true, want: exitInconclusive, says: "skipped"},
		{name: "skipped where it is required", pair: run.Pair{Missing: missing}, require: true, want: exitFail, says: "REBOUND_REQUIRE"},
		{name: "skipped with a control", control: timelinetest.Missed(), pair: run.Pair{Missing: missing}, want: exitPass},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("REBOUND_REQUIRE", "")
			if c.require {
				t.Setenv("REBOUND_REQUIRE", "process")
			}
			f := runFlags{platformFlags: platformFlags{on: "process"}, out: t.TempDir(), whole: c.whole}
			c.pair.Scenario = "it"
			c.pair.Outcome, c.pair.Control = outcome(t, f.out, "rebound", c.run), outcome(t, f.out, "off", c.control)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.stopped {
				cancel()
			}
			var out bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetContext(ctx)
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			err := f.report(cmd, []run.Pair{c.pair}, c.err)
			code := exitPass
			if exit, ok := errors.AsType[*exitError](err); ok {
				code = exit.code
				out.WriteString(exit.Error())
			}
			if code != c.want || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d; it must say %q:\n%s", code, c.want, c.says, &out)
			}
			if _, err := os.Stat(filepath.Join(f.out, "report.html")); (err == nil) != (c.run != nil || c.control != nil) {
				t.Errorf("the report: %v", err)
			}
		})
	}
}

func outcome(t *testing.T, base, name string, b *timelinetest.Builder) *run.Outcome {
	t.Helper()
	if b == nil {
		return nil
	}
	dir := filepath.Join(base, name)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "timeline.jsonl"), b.JSONL(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return &run.Outcome{Dir: dir}
}

func TestNothingIsAnEmptyListInJSON(t *testing.T) {
	out, err := command(t, "faults", "active", "-o", "json", "--state", t.TempDir())
	if err != nil || strings.TrimSpace(out) != "[]" {
		t.Errorf("%q %v", out, err)
	}
}

func TestSystemFileIsNamedAsItWasGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sys.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: rebound.dev/v1\nkind: System\nmetadata: {name: x}\nspec: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "faults", "try", "hang", "--system", path); err == nil || !strings.HasPrefix(err.Error(), path+":") {
		t.Errorf("got %v", err)
	}
}
