package assertions_test

import (
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

func TestControl(t *testing.T) {
	control := func(events []timeline.Event, misses ...string) []timeline.Event {
		h := *events[0].Header
		h.Control, h.Misses = true, misses
		events[0].Header = &h
		return events
	}
	for name, row := range map[string]struct {
		events []timeline.Event
		missed bool
		reason string
		exit   int
	}{
		"it missed":                              {control(timelinetest.Missed().Events(), "capacityRestored"), true, "missed capacityRestored", 0},
		"it missed both":                         {control(timelinetest.Missed().Events(), "recoverWithin", "capacityRestored"), true, "missed recoverWithin and capacityRestored, as it must", 0},
		"it missed one of two and met the other": {control(timelinetest.Missed().Events(), "noHerd", "capacityRestored"), false, "met noHerd as well", 3},
		"it missed one of two and cannot tell": {
			control(without(timelinetest.Missed().Events(), timeline.KindWrites), "capacityRestored", "noAcknowledgedWriteLost"),
			false, "inconclusive: noAck", 3,
		},
		"it missed one of two and was not asked": {control(timelinetest.Missed().Events(), "capacityRestored", "healedBy"), false, "not asked for healedBy", 3},
		"it missed what nobody named":            {control(timelinetest.Missed().Events()), true, "missed recoverWithin", 0},
		"it missed only something else":          {control(timelinetest.Missed().Events(), "noHerd"), false, "met noHerd as well", 3},
		"it met the objective":                   {control(timelinetest.Healed().Events()), false, "proves nothing", 3},
		"its gates did not hold":                 {control(timelinetest.Placebo().Events()), false, "inconclusive: evidence", 3},
		"it cannot tell":                         {control(without(timelinetest.Missed().Events(), timeline.KindWrites), "noAcknowledgedWriteLost"), false, "inconclusive: noAck", 3},
		"it was stopped":                         {control(broken().Seconds(2, 0, 200).Stop("Ctrl-C").End().Events()), false, "stopped early", 4},
		"it was asked for nothing":               {control(timelinetest.Missed().Events(), "healedBy"), false, "nothing that it could miss", 3},
	} {
		t.Run(name, func(t *testing.T) {
			j := judge(t, row.events)
			missed, reason := assertions.ControlVerdict(j, *row.events[0].Header)
			if missed != row.missed || !strings.Contains(reason, row.reason) {
				t.Errorf("got %v: %s\nwant %v: …%s…", missed, reason, row.missed, row.reason)
			}
			if !j.Control || j.Missed != missed || j.MissReason != reason {
				t.Errorf("the judgement says %v %v: %s", j.Control, j.Missed, j.MissReason)
			}
			if code := assertions.ExitCode(j); code != row.exit {
				t.Errorf("exit %d, want %d", code, row.exit)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	pass := assertions.Judgement{Verdict: timeline.Pass}
	fail := assertions.Judgement{Verdict: timeline.Fail}
	unsure := assertions.Judgement{}
	aborted := assertions.Judgement{Aborted: true}
	missed := assertions.Judgement{Verdict: timeline.Fail, Control: true, Missed: true}
	met := assertions.Judgement{Verdict: timeline.Pass, Control: true}
	for name, row := range map[string]struct {
		runs []assertions.Judgement
		want int
	}{
		"all were skipped":                 {nil, 0},
		"pass":                             {[]assertions.Judgement{pass, pass}, 0},
		"fail":                             {[]assertions.Judgement{pass, fail}, 1},
		"inconclusive":                     {[]assertions.Judgement{unsure, pass}, 3},
		"fail before inconclusive":         {[]assertions.Judgement{unsure, fail}, 1},
		"aborted before all":               {[]assertions.Judgement{fail, unsure, aborted}, 4},
		"a control that missed":            {[]assertions.Judgement{pass, missed}, 0},
		"a control that met":               {[]assertions.Judgement{pass, met}, 3},
		"a control that met, and a failed": {[]assertions.Judgement{met, fail}, 1},
	} {
		if got := assertions.ExitCode(row.runs...); got != row.want {
			t.Errorf("%s: got %d, want %d", name, got, row.want)
		}
	}
}

func TestStopWatch(t *testing.T) {
	when := []timeline.SLI{
		{SLI: "success", Below: 0.01, For: 4e9},
		{SLI: "latency", AtMost: 500 * ms},
	}
	for name, row := range map[string]struct {
		run  *timelinetest.Builder
		want string
	}{
		"never":             {timelinetest.Healed(), ""},
		"long enough":       {begin().Seconds(4, 1, 199), "success below 1 % for 4s"},
		"not long enough":   {begin().Seconds(3, 1, 199).Seconds(1, 2, 198).Seconds(3, 1, 199), ""},
		"load that stopped": {begin().Seconds(3, 0, 200).Load(timeline.Load{}).Seconds(1, 0, 200), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := assertions.StopWatch{When: when[:1]}
			for _, e := range row.run.Events() {
				w.Observe(e)
			}
			reason, ok := w.Tripped()
			if ok != (row.want != "") || !strings.Contains(reason, row.want) {
				t.Errorf("got %v %q, want %q", ok, reason, row.want)
			}
		})
	}
	w := assertions.StopWatch{When: when}
	b := begin()
	b.Latency = 600 * ms
	for _, e := range b.Seconds(1, 200, 0).Seconds(9, 0, 200).Events() {
		w.Observe(e)
	}
	if reason, _ := w.Tripped(); reason != "stop condition: p99 above 500ms for 1s" {
		t.Errorf("the first that tripped should stay, got %q", reason)
	}
}
