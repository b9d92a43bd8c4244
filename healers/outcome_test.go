package healers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// tape is an engine with the shop's orders, and all that it has said.
type tape struct {
	*healers.Engine
	records []healers.Record
	acts    []healers.Act
}

func newTape() *tape {
	tp := &tape{Engine: healers.New(1, healers.Checkpoint{})}
	tp.boot(0, order(0), order(1), order(2))
	return tp
}

// boot gives a new engine the policy and a full list, of which all are ready.
func (tp *tape) boot(now time.Duration, all ...sut.Instance) []healers.Act {
	in := says(probe.Readiness, probe.Success, all...)
	in.Now, in.Policy, in.Trial = now, shopPolicy(), true
	in.System = sut.Delta{Reset: true, Rev: 1, Instances: all, Workloads: []sut.Workload{{Name: "orders", Desired: 3}}}
	return tp.step(in)
}

func (tp *tape) step(in healers.Input) []healers.Act {
	o := tp.Step(&in)
	tp.records = append(tp.records, o.Records...)
	tp.acts = append(tp.acts, o.Acts...)
	return slices.Clone(o.Acts)
}

// restart makes a new engine of the records, as after a kill.
func (tp *tape) restart() {
	tp.Engine = healers.New(1, healers.Checkpoint{})
	for _, r := range tp.records {
		tp.Apply(r)
	}
}

func (tp *tape) expect(t *testing.T, lines ...string) {
	t.Helper()
	var all []string
	for _, r := range tp.records {
		all = append(all, healers.Text(r))
	}
	for _, line := range lines {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, line) }) {
			t.Errorf("%q is not in:\n%s", line, strings.Join(all, "\n"))
		}
	}
}

func verbs(acts []healers.Act) (out []string) {
	for _, a := range acts {
		out = append(out, fmt.Sprintf("%d %s %s", a.ID, a.Verb, a.Target.ID))
	}
	return out
}

func expectActs(t *testing.T, acts []healers.Act, want ...string) {
	t.Helper()
	if got := verbs(acts); !slices.Equal(got, want) {
		t.Errorf("got acts %q, want %q", got, want)
	}
}

func TestDeadlineThenObservation(t *testing.T) {
	tp := newTape()
	// First it leaves the rotation, then it is started again; a load balancer that
	// does not answer holds the restart no longer than an act on it may take.
	expectActs(t, tp.step(delta(order(1, exited))), "1 rotateOut orders/1")
	expectActs(t, tp.step(at(2*time.Second, healers.Input{})), "2 restart orders/1")
	tp.step(at(17*time.Second, healers.Input{})) // nobody answers
	tp.expect(t, "act 2: unknown")
	expectActs(t, tp.step(at(18*time.Second, delta(order(1, exited, out))))) // the restart holds, the rotation is so already
	tp.step(at(19*time.Second, delta(order(1, out, reborn))))
	tp.expect(t, "act 2: ok (as observed)")
	tp.step(done(healers.ResultFailed, 2))
	tp.expect(t, "act 2: failed, too late to count")
	tp.step(says(probe.Readiness, probe.Success, order(1, reborn)))
	tp.expect(t, "work 2: done")
}

func TestLostActIsTriedAgain(t *testing.T) {
	tp := newTape()
	tp.step(delta(order(1, exited, out)))
	tp.step(at(16*time.Second, healers.Input{}))
	expectActs(t, tp.step(at(25*time.Second, healers.Input{})))
	expectActs(t, tp.step(at(26*time.Second, healers.Input{})), "2 restart orders/1")
	tp.expect(t, "act 1: unknown", "act 1: failed (as observed)")
}

// replacing is an engine that has just asked for orders/1 to be replaced, by act 2.
func replacing(t *testing.T) *tape {
	t.Helper()
	tp := newTape()
	tp.step(says(probe.Readiness, probe.Failure, order(1)))
	tp.step(delta(order(1, out)))
	tp.step(done(healers.ResultOK, 1))
	expectActs(t, tp.step(at(5*time.Second, healers.Input{})), "2 replace orders/1")
	return tp
}

func TestHalfDoneReplacementIsNotRepeated(t *testing.T) {
	tp := replacing(t)
	tp.step(delta(order(3, out))) // the new one has come, the old one is still there
	tp.restart()
	acts := tp.boot(6*time.Second, order(0), order(1, out), order(2), order(3, out))
	acts = append(acts, tp.step(says(probe.Readiness, probe.Failure, order(1)))...)
	for _, now := range []time.Duration{30 * time.Second, time.Minute, 10 * time.Minute, 50 * time.Minute} {
		acts = append(acts, tp.step(at(now, healers.Input{}))...)
	}
	for _, a := range acts {
		if a.Verb == "replace" {
			t.Errorf("replaced again:\n%s", lines(tp.records))
		}
	}
}

func TestReplacementThatNeverBeganIsTriedAgain(t *testing.T) {
	tp := replacing(t)
	tp.restart()
	in := says(probe.Readiness, probe.Failure, order(1))
	in.Probes = append(in.Probes, says(probe.Readiness, probe.Success, order(0), order(2)).Probes...)
	in.Now, in.Policy, in.Trial = 6*time.Second, shopPolicy(), true
	in.System = sut.Delta{Reset: true, Rev: 1, Instances: []sut.Instance{order(0), order(1, out), order(2)}}
	expectActs(t, tp.step(in)) // not repeatable: it is observed first
	tp.step(at(20*time.Second, healers.Input{}))
	tp.step(at(31*time.Second, healers.Input{}))
	tp.expect(t, "act 2: unknown", "act 2: failed (as observed)", "page: replace on orders/1")
	if acts := tp.step(at(10*time.Minute, healers.Input{})); !slices.ContainsFunc(acts, func(a healers.Act) bool { return a.Verb == "replace" }) {
		t.Errorf("not tried again:\n%s", lines(tp.records))
	}
}

func TestRestartedEngine(t *testing.T) {
	t.Run("repeats what was not begun, as it was", func(t *testing.T) {
		tp := newTape()
		before := tp.step(delta(order(1, exited)))
		tp.restart()
		after := tp.boot(time.Second, order(0), order(1, exited), order(2))
		if fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("got %v, want %v", after, before)
		}
	})
	t.Run("takes what it sees done as done", func(t *testing.T) {
		tp := newTape()
		tp.step(delta(order(1, exited)))
		expectActs(t, tp.step(done(healers.ResultOK, 1)), "2 restart orders/1")
		tp.restart()
		expectActs(t, tp.boot(time.Second, order(0), order(1, reborn, out), order(2)), "3 rotateIn orders/1")
		tp.expect(t, "act 2: ok (as observed after a restart of the engine)", "work 2: done")
	})
	t.Run("sends a page anew whose time has passed", func(t *testing.T) {
		tp := newTape()
		p := shopPolicy()
		p.Guard.Approval = []string{"restart"}
		in := delta(order(1, exited, out))
		in.Policy, in.Trial = p, true
		expectActs(t, tp.step(in), "1 page orders/1")
		tp.restart()
		in = healers.Input{Now: time.Minute, Policy: p, Trial: true, System: sut.Delta{Reset: true, Instances: []sut.Instance{order(0), order(1, exited, out), order(2)}}}
		expectActs(t, tp.step(in), "2 page orders/1")
		expectActs(t, tp.step(done(healers.ResultOK, 2)))
	})
	t.Run("does not take an unknown probe for an answer", func(t *testing.T) {
		tp := newTape()
		tp.step(says(probe.Readiness, probe.Failure, order(1)))
		tp.step(delta(order(1, out)))
		tp.step(done(healers.ResultOK, 1))
		tp.restart()
		in := healers.Input{Now: time.Second, Policy: shopPolicy(), Trial: true}
		in.System = sut.Delta{Reset: true, Instances: []sut.Instance{order(0), order(1, out), order(2)}}
		expectActs(t, tp.step(in)) // neither in, though nothing says that it is unready, nor the others out
		if tp.View().Ready("orders/1") != sut.No || tp.View().Ready("orders/0") != sut.Unknown {
			t.Error("what was known of orders/1 is lost, or something is known of orders/0")
		}
	})
}

func TestWhatIsNotRotatedIsLeftAlone(t *testing.T) {
	tp := newTape()
	unrotated := func(in *sut.Instance) { in.Rotation = sut.Unknown }
	tp.step(delta(order(1, unrotated)))
	expectActs(t, tp.step(says(probe.Readiness, probe.Failure, order(1))))
	expectActs(t, tp.step(says(probe.Readiness, probe.Success, order(1))))
}

func TestProbeBeforeDelta(t *testing.T) {
	tp := newTape()
	tp.step(says(probe.Readiness, probe.Success, order(1, reborn))) // the prober was first
	expectActs(t, tp.step(delta(order(1, reborn, out))), "1 rotateIn orders/1")
}

func TestUndo(t *testing.T) {
	tp := newTape()
	target := order(1).Target
	plan := &healers.Plan{
		Healer: "rotate", Finding: healers.FindingNotReady, Targets: []sut.Target{target},
		Steps: []healers.PlanStep{{
			Verb: "rotateOut", Target: target, Verify: "instance.ready", Within: time.Second,
			Undo: &healers.PlanStep{Verb: "rotateIn", Target: target},
		}},
	}
	seq, _ := tp.Last()
	for i, r := range []healers.Record{
		{Kind: healers.RecordFinding, Finding: &healers.Finding{Kind: healers.FindingNotReady, Target: target}},
		{Kind: healers.RecordWork, Work: 1, Change: &healers.WorkChange{Plan: plan, State: healers.WorkActing}},
	} {
		r.Seq = seq + uint64(i) + 1
		tp.records = append(tp.records, r)
	}
	tp.restart()
	in := says(probe.Readiness, probe.Failure, order(1))
	in.Policy, in.Trial = shopPolicy(), true
	in.System = sut.Delta{Reset: true, Instances: []sut.Instance{order(0), order(1), order(2)}}
	expectActs(t, tp.step(in), "1 rotateOut orders/1")
	tp.step(done(healers.ResultOK, 1))
	expectActs(t, tp.step(at(time.Second, healers.Input{})), "2 rotateIn orders/1")
	tp.step(done(healers.ResultOK, 2))
	tp.expect(t, "work 1: undoing (rotateOut did not help within 1s)", "work 1: failed (undone: ok)")
}

func TestRecordsCrossTheWire(t *testing.T) {
	for _, row := range scenarios() {
		s := row.sc.Play(1, nil)
		for _, r := range s.Journal.Records {
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var back healers.Record
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if healers.Text(back) != healers.Text(r) || r.Urgent() != (r.Act != nil || r.Done != nil) {
				t.Errorf("%s became %s", healers.Text(r), healers.Text(back))
			}
		}
	}
}

func TestBuiltin(t *testing.T) {
	list := healers.Builtin()
	if !slices.IsSortedFunc(list, func(a, b healers.Definition) int { return strings.Compare(a.Name, b.Name) }) || len(list) != 6 {
		t.Errorf("not sorted, or not all: %v", list)
	}
	for _, d := range list {
		if d.Name == "" || d.Summary == "" || d.Healer == nil || len(d.Of) == 0 {
			t.Errorf("incomplete: %+v", d)
		}
	}
}
