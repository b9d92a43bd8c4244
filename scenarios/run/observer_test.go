package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// door is a Dialer that can be shut.
type door struct{ shut atomic.Bool }

func (d *door) Dial(context.Context, sut.Target, string) (net.Conn, error) {
	if d.shut.Load() {
		return nil, errors.New("refused")
	}
	a, b := net.Pipe()
	return a, b.Close()
}

func instance(incarnation string, exits uint64, phase sut.Phase, rotation sut.State) sut.Instance {
	return sut.Instance{
		Target: sut.Target{ID: "orders/1", Incarnation: incarnation}, Workload: "orders",
		Exits: exits, Phase: phase, Rotation: rotation, LastExit: sut.Exit{Signal: 9},
	}
}

func states(events []timeline.Event) (all []string) {
	for _, e := range events {
		if e.Instance != nil {
			all = append(all, string(e.Instance.State)+" "+e.Instance.Incarnation)
		}
	}
	return all
}

func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := suttest.New(sut.Delta{Reset: true, Instances: []sut.Instance{instance("a", 0, sut.PhaseRunning, sut.Yes)}})
		d := &door{}
		sys.Verbs[sut.CanDial] = d
		rec := newRecord(&bytes.Buffer{}, time.Now())
		o := &observer{sys: sys, rec: rec, seen: map[sut.ID]*seen{}, system: &manifest.System{Spec: manifest.SystemSpec{Workloads: []manifest.Workload{{
			Name: "orders", ReadinessProbe: &corev1.Probe{
				ProbeHandler:     corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("http")}},
				FailureThreshold: 2,
			},
		}}}}}
		l := spawn(t.Context(), o.Run)
		after := func(d time.Duration) {
			<-time.After(d) // in the bubble no real time passes
			synctest.Wait()
		}
		after(lookEvery)
		if !o.full() {
			t.Error("one of one is ready, and it is not full")
		}
		d.shut.Store(true)
		after(lookEvery)
		if !o.full() {
			t.Error("one failure is below the threshold")
		}
		after(lookEvery)
		if o.full() {
			t.Error("two failures are the threshold")
		}
		d.shut.Store(false)
		// Exit and start come as one change: both are told.
		sys.Push(sut.Delta{Instances: []sut.Instance{instance("b", 1, sut.PhaseRunning, sut.No)}})
		after(2 * lookEvery)
		sys.Push(sut.Delta{Instances: []sut.Instance{instance("b", 2, sut.PhaseExited, sut.No)}})
		after(lookEvery)
		sys.Push(sut.Delta{Gone: []sut.ID{"orders/1", "orders/1:data"}})
		after(lookEvery)
		if err := l.end(); err != nil {
			t.Error(err)
		}
		want := []string{
			"started a", "in a", "ready a", "unready a",
			"exited a", "out a", "started b", "ready b", "exited b", "gone b",
		}
		if diff := cmp.Diff(want, states(rec.all())); diff != "" {
			t.Error(diff)
		}
	})
}

// TestObserverTellsInOrder what comes as one change: an end is told before that users are
// sent elsewhere, and that before a start.
func TestObserverTellsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		first, then sut.Instance
		want        []string // behind what is told of the first
	}{
		"ended":                  {instance("a", 0, sut.PhaseRunning, sut.Yes), instance("a", 1, sut.PhaseExited, sut.No), []string{"exited a", "out a"}},
		"ended and started":      {instance("a", 0, sut.PhaseRunning, sut.Yes), instance("b", 1, sut.PhaseRunning, sut.No), []string{"exited a", "out a", "started b", "ready b"}},
		"started and taken in":   {instance("a", 1, sut.PhaseExited, sut.No), instance("b", 1, sut.PhaseRunning, sut.Yes), []string{"started b", "ready b", "in b"}},
		"taken out alone":        {instance("a", 0, sut.PhaseRunning, sut.Yes), instance("a", 0, sut.PhaseRunning, sut.No), []string{"out a"}},
		"ended, and out already": {instance("a", 0, sut.PhaseRunning, sut.No), instance("a", 1, sut.PhaseExited, sut.No), []string{"exited a"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecord(&bytes.Buffer{}, time.Now())
			o := &observer{rec: rec, seen: map[sut.ID]*seen{}, system: &manifest.System{}}
			o.apply(t.Context(), sut.Delta{Reset: true, Instances: []sut.Instance{c.first}})
			before := len(rec.all())
			o.apply(t.Context(), sut.Delta{Instances: []sut.Instance{c.then}})
			if diff := cmp.Diff(c.want, states(rec.all()[before:])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func report(t *testing.T, h *healing, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	h.report(b)
}

func TestHealing(t *testing.T) {
	rec := newRecord(&bytes.Buffer{}, time.Now())
	h := newHealing(rec, &lag{rec: rec})
	target := sut.Target{ID: "orders/1", Incarnation: "a"}
	rec.Append(timeline.Event{Kind: timeline.KindFault, Target: "orders/1", Fault: &timeline.Fault{ID: "1", State: timeline.FaultActive}})
	for _, r := range []healers.Record{
		{Seq: 1, Kind: healers.RecordPolicy, Text: "shop"},
		{Seq: 2, Kind: healers.RecordFinding, Finding: &healers.Finding{Kind: healers.FindingExited, Target: target}},
		{Seq: 3, Cause: 2, Work: 1, Kind: healers.RecordWork, Change: &healers.WorkChange{State: healers.WorkActing, Plan: &healers.Plan{Healer: "restart", Targets: []sut.Target{target}}}},
		{Seq: 4, Cause: 3, Work: 1, Kind: healers.RecordDecision, Decision: &healers.Decision{Healer: "restart", Verb: "restart", Target: target, Effect: healers.Defer, Rule: healers.RuleBack, Have: 3, Limit: 10}},
		{Seq: 5, Cause: 3, Work: 1, Kind: healers.RecordState, State: []byte(`{}`)},
		{Seq: 6, Cause: 5, Work: 1, Kind: healers.RecordIntent, Act: &healers.Act{ID: 7, Work: 1, Healer: "restart", Verb: "restart", Target: target}},
		{Seq: 7, Cause: 6, Work: 1, Kind: healers.RecordOutcome, Done: &healers.Done{ID: 7, Result: healers.ResultOK}},
		{Seq: 8, Cause: 2, Kind: healers.RecordFinding, Finding: &healers.Finding{Kind: healers.FindingExited, Target: target, Ended: true}},
		{Seq: 9, Cause: 3, Work: 1, Kind: healers.RecordIntent, Act: &healers.Act{ID: 8, Work: 1, Healer: "restart", Verb: healers.VerbPage, Target: target}},
	} {
		report(t, h, r)
	}
	type row struct {
		Seq, Cause, Record                   uint64
		Target, State, Healer, Verb, Act, Is string
	}
	var got []row
	for _, e := range rec.all() {
		if e.Healing != nil {
			x := e.Healing
			got = append(got, row{e.Seq, e.Cause, x.Record, e.Target, string(x.State), x.Healer, x.Verb, x.Act, x.Effect + x.Outcome})
			if x.Text == "" {
				t.Errorf("record %d has no text", x.Record)
			}
		}
	}
	want := []row{
		{2, 1, 2, "orders/1", "finding", "", "", "", ""},
		{3, 2, 3, "orders/1", "work", "restart", "", "", ""},
		{4, 3, 4, "orders/1", "decision", "restart", "restart", "", "defer"},
		{5, 3, 6, "orders/1", "act", "restart", "restart", "7", ""},
		{6, 5, 7, "orders/1", "outcome", "restart", "restart", "7", "ok"},
		{7, 3, 9, "orders/1", "notified", "restart", "page", "8", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	select {
	case <-h.first:
	default:
		t.Error("that the engine has spoken was not told")
	}
	h.report([]byte("{"))
	last := rec.all()[len(rec.all())-1]
	if last.Note == nil || !strings.Contains(last.Note.Text, "cannot be read") {
		t.Errorf("what cannot be read is not noted: %+v", last)
	}
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecord(&bytes.Buffer{}, time.Now())
		l := &lag{rec: rec}
		h := newHealing(rec, l)
		running := spawn(t.Context(), l.Run)
		report(t, h, map[string]any{"proberLag": 3 * time.Millisecond})
		report(t, h, map[string]any{"proberLag": 9 * time.Millisecond})
		<-time.After(2*lagEvery + lagTick/2)
		synctest.Wait()
		if err := running.end(); err != nil {
			t.Fatal(err)
		}
		var got []timeline.Lag
		for _, e := range rec.all() {
			got = append(got, *e.Lag)
		}
		want := []timeline.Lag{{Of: "host"}, {Of: "prober", Max: 9 * time.Millisecond}, {Of: "host"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
