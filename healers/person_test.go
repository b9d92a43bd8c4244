package healers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// What needs approval is not done, however long it waits, and a person is woken
// once: until there are approvals it can only be done by hand.
func TestAskDeniesAndPages(t *testing.T) {
	tp := newTape()
	tp.step(healers.Input{Policy: with(func(p *policy.Policy) { p.Guard.Approval = []string{"restart"} }), Trial: true})
	acts := tp.step(at(time.Second, delta(order(1, exited, out))))
	if len(acts) != 1 || acts[0].Verb != healers.VerbPage || !strings.Contains(string(acts[0].Args), "approval needed: restart orders/1") {
		t.Fatalf("acts %v", verbs(acts))
	}
	tp.step(done(healers.ResultOK, acts[0].ID))
	tp.step(say("approve"))
	for now := 2 * time.Second; now < time.Hour; now += time.Minute {
		tp.step(at(now, delta(order(1, exited, out))))
	}
	if len(tp.acts) != 1 {
		t.Errorf("acts %v", verbs(tp.acts))
	}
	tp.step(delta(order(1, out, reborn)))
	tp.expect(t, "restart orders/1 needs approval: a person must approve", "eve: approve, refused: it is not known", "dropped (the finding is over)")
}

func TestUnknownCommandsChangeNothing(t *testing.T) {
	for _, row := range []struct {
		name   string
		before []healers.Input
		acts   int
	}{
		{"it goes on", []healers.Input{say("abort")}, 1},
		{"it stays paused", []healers.Input{say("pause"), say("unpause")}, 0},
		{"it stays stopped", []healers.Input{say("kill"), say("")}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			tp := newTape()
			for _, in := range row.before {
				tp.step(in)
			}
			last := tp.records[len(tp.records)-1]
			if last.Kind != healers.RecordCommand || !strings.Contains(healers.Text(last), "refused: it is not known") {
				t.Errorf("recorded: %s", healers.Text(last))
			}
			if acts := tp.step(delta(order(1, exited, out))); len(acts) != row.acts {
				t.Errorf("acts %v", verbs(acts))
			}
		})
	}
}

// A command that was refused stays refused in an engine that knows it.
func TestRefusedCommandsAreNotFolded(t *testing.T) {
	tp := newTape()
	tp.step(say("pause"))
	i := slices.IndexFunc(tp.records, func(r healers.Record) bool { return r.Kind == healers.RecordCommand })
	tp.records[i].Text = "it is not known"
	tp.restart()
	acts := tp.boot(0, order(0), order(1, exited, out), order(2))
	if !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "restart" && a.Target.ID == sut.ID("orders/1") }) {
		t.Errorf("acts %v", verbs(acts))
	}
}
