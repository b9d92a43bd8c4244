package render

import (
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// TestWhatHealingPapersOverIsTold: a run may pass, and yet hide a problem.
func TestWhatHealingPapersOverIsTold(t *testing.T) {
	t.Parallel()
	b := timelinetest.Begin(timeline.Header{Run: "r", Scenario: "crash-loop", Platform: "process", Healers: "rebound"}).
		Seconds(4, 200, 0).Phase(timeline.PhaseInject).Phase(timeline.PhaseObserve).
		Healing("orders/1", timeline.Healing{
			State: timeline.HealingFinding, Finding: "recurring", Text: "orders/1 hides a problem (has ended, healed 5 times in 4m0s)",
		}).Seconds(2, 200, 0).End("")
	report := Report{Runs: []Run{build(t, "", b)}}
	for _, format := range []string{"text", "html", "markdown", "json"} {
		got := strings.Join(strings.Fields(render(t, format, report)), " ")
		if !strings.Contains(got, "healing papers over a problem: orders/1 hides a problem") {
			t.Errorf("%s does not tell:\n%s", format, got)
		}
	}
}
