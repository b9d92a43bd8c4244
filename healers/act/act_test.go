package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/repair"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// granted is an act with a grant that a guard has made: the restart of an
// instance that has exited.
func granted(t *testing.T) (healers.Act, healers.Grant) {
	t.Helper()
	e := healers.New(1, healers.Checkpoint{})
	p := &policy.Policy{
		Name: "p",
		Workloads: []policy.Workload{{
			Selector: policy.Selector{"workload": "orders"}, MaxUnavailable: "1",
			Restart: policy.Restart{Initial: time.Second, Max: time.Minute, Reset: time.Hour, AtOnce: "1"},
		}},
		Guard: policy.Guardrails{MaxActionsPerHour: 60, MaxPerTargetPerHour: 10},
	}
	out := e.Step(&healers.Input{Now: time.Second, Epoch: 1, Policy: p, Trial: true, System: sut.Delta{
		Reset: true, Rev: 1,
		Instances: []sut.Instance{{Target: sut.Target{ID: "orders/0", Incarnation: "1"}, Workload: "orders", Phase: sut.PhaseExited, Exits: 1}},
		Workloads: []sut.Workload{{Name: "orders", Desired: 1}},
	}})
	for i, a := range out.Acts {
		if a.Verb == "restart" {
			return a, out.Grant(i)
		}
	}
	t.Fatalf("the engine does not restart what has exited: %+v", out.Records)
	return healers.Act{}, healers.Grant{}
}

type verb func(ctx context.Context, t sut.Target, args json.RawMessage) error

func (v verb) Do(ctx context.Context, t sut.Target, args json.RawMessage) error {
	return v(ctx, t, args)
}

func TestOutcomes(t *testing.T) {
	a, g := granted(t)
	for _, c := range []struct {
		name string
		err  error
		want healers.Result
	}{
		{"done", nil, healers.ResultOK},
		{"gone", fmt.Errorf("restart: %w", sut.ErrGone), healers.ResultRefused},
		{"already", fmt.Errorf("restart: %w", sut.ErrAlready), healers.ResultAlready},
		{"missing", &sut.Missing{Capability: repair.CanRestart, Reason: "no hands"}, healers.ResultRefused},
		{"a time-out inside", fmt.Errorf("start: %w", context.DeadlineExceeded), healers.ResultUnknown},
		{"cancelled by itself", context.Canceled, healers.ResultFailed},
		{"failed", errors.New("exec format error"), healers.ResultFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := suttest.New(sut.Delta{})
			s.Record(repair.CanRestart, c.err)
			got := act.New(s).Do(t.Context(), g, a)
			if got.ID != a.ID || got.Result != c.want || (got.Detail == "") != (c.err == nil) {
				t.Errorf("got %+v, want %s", got, c.want)
			}
			calls := s.Calls()
			if len(calls) != 1 || calls[0].Target != a.Target || string(calls[0].Args) != string(a.Args) {
				t.Errorf("calls: %+v", calls)
			}
		})
	}
}

func TestEndOfContext(t *testing.T) {
	a, g := granted(t)
	s := suttest.New(sut.Delta{})
	s.Verbs[repair.CanRestart] = verb(func(ctx context.Context, _ sut.Target, _ json.RawMessage) error {
		<-ctx.Done()
		return fmt.Errorf("restart: %w", ctx.Err())
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := act.New(s).Do(ctx, g, a); got.Result != healers.ResultUnknown {
		t.Errorf("cancelled half way: %+v", got)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if got := act.New(s).Do(ctx, g, a); got.Result != healers.ResultUnknown {
		t.Errorf("past its deadline: %+v", got)
	}
}

func TestNotOffered(t *testing.T) {
	a, g := granted(t)
	if got := act.New(suttest.New(sut.Delta{})).Do(t.Context(), g, a); got.Result != healers.ResultRefused || got.Detail == "" {
		t.Errorf("%+v", got)
	}
}

func TestWithoutGrantNothingIsTouched(t *testing.T) {
	a, g := granted(t)
	other := a
	other.Target.ID = "store/0"
	for name, try := range map[string]struct {
		act   healers.Act
		grant healers.Grant
	}{
		"no grant":      {a, healers.Grant{}},
		"another act's": {other, g},
	} {
		s := suttest.New(sut.Delta{})
		s.Record(repair.CanRestart, nil)
		if got := act.New(s).Do(t.Context(), try.grant, try.act); got.Result != healers.ResultRefused {
			t.Errorf("%s: %+v", name, got)
		}
		if len(s.Calls()) != 0 {
			t.Errorf("%s: it was done", name)
		}
	}
}
