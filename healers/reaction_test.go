package healers_test

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/repair"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func thresholds() *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3}
}

// verb is a repair of the benchmark: it tells when it is called, takes a while,
// and then the system shows its effect.
type verb struct {
	called chan time.Time
	takes  time.Duration
	effect func()
}

func (v verb) Do(ctx context.Context, _ sut.Target, _ json.RawMessage) error {
	v.called <- time.Now()
	if v.takes > 0 {
		t := time.NewTimer(v.takes)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if v.effect != nil {
		v.effect()
	}
	return nil
}

// BenchmarkReactionToExit is the time from an exit that the platform has seen
// to the restart that it is asked for, over everything that a run has between
// the two: the socket, the engine, the journal on disk, and the instance taken
// out of rotation, which takes a load balancer 1 ms. At most 20 ms.
func BenchmarkReactionToExit(b *testing.B) {
	var life atomic.Uint64 // of the one instance
	order := func(phase sut.Phase, in sut.State) sut.Instance {
		n := life.Load()
		o := orders(strconv.FormatUint(n, 10), n, phase)
		o.Rotation = in
		return o
	}
	push := func(s *suttest.Scripted, in sut.Instance) { s.Push(sut.Delta{Instances: []sut.Instance{in}}) }

	first := oneOrder()
	first.Instances = []sut.Instance{order(sut.PhaseRunning, sut.Yes)}
	s := suttest.New(first)
	out, restart, in := make(chan time.Time, 1), make(chan time.Time, 1), make(chan time.Time, 1)
	s.Verbs[repair.CanRotateOut] = verb{out, time.Millisecond, func() { push(s, order(sut.PhaseExited, sut.No)) }}
	s.Verbs[repair.CanRestart] = verb{called: restart}
	s.Verbs[repair.CanRotateIn] = verb{in, 0, func() { push(s, order(sut.PhaseRunning, sut.Yes)) }}
	dir := b.TempDir()
	ctx, cancel := context.WithCancel(b.Context())
	path := filepath.Join(dir, "s")
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		b.Fatal(err)
	}
	served, healed := make(chan error, 1), make(chan error, 1)
	go func() { served <- remote.Serve(ctx, ln, s, nil) }()
	client, err := remote.Dial(ctx, path)
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(ctx, filepath.Join(dir, "journal"))
	if err != nil {
		b.Fatal(err)
	}
	p := ordersPolicy()
	p.Workloads[0].Rotate, p.Workloads[0].Readiness = true, thresholds()
	// Nothing but the work itself may hold an act back.
	p.Guard.MaxActionsPerHour, p.Guard.MaxPerTargetPerHour = 1<<30, 1<<30
	p.Workloads[0].Restart.Initial, p.Workloads[0].Restart.Max, p.Workloads[0].Restart.Reset = 1, 1, 1
	prober := ask{changes: make(chan probe.Change)}
	ready := func() {
		prober.changes <- probe.Change{Target: order(sut.PhaseRunning, "").Target, Role: probe.Readiness, Result: probe.Success}
	}
	settled := make(chan struct{}, 1)
	begun := map[healers.WorkID]healers.Verb{}
	l := &healers.Live{
		System: client, Policy: p, Trial: true, Journal: j, Actuator: act.New(client), Prober: prober,
		Notify: func(healers.Message, bool) {},
		Sink: func(r healers.Record) {
			if raw, err := json.Marshal(r); err == nil {
				_ = client.Report(raw)
			}
			switch {
			case r.Change == nil:
			case r.Change.Plan != nil:
				begun[r.Work] = r.Change.Plan.Steps[0].Verb
			case r.Change.State == healers.WorkDone && begun[r.Work] == "rotateIn":
				// Not before: who dies while a repair is being verified is backed off. The
				// restart is verified by then, since it is in rotation that it serves.
				settled <- struct{}{}
			}
		},
	}
	go func() { healed <- l.Run(ctx) }()
	ready()

	var acted, restarted []time.Duration
	for b.Loop() {
		begin := time.Now()
		push(s, order(sut.PhaseExited, sut.Yes))
		acted = append(acted, (<-out).Sub(begin))
		restarted = append(restarted, (<-restart).Sub(begin))
		life.Add(1)
		push(s, order(sut.PhaseRunning, sut.No))
		ready()
		<-in
		<-settled
	}
	report := func(of string, took []time.Duration) (median time.Duration) {
		slices.Sort(took)
		median = took[len(took)/2]
		b.ReportMetric(float64(median.Microseconds())/1000, of+"-median-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, of+"-p99-ms")
		return median
	}
	report("first-act", acted)
	if median := report("restart", restarted); median > 20*time.Millisecond {
		b.Errorf("the median is %s, above 20 ms", median)
	}
	cancel()
	for _, err := range []error{<-healed, client.Close(), <-served, j.Close()} {
		if err != nil {
			b.Error(err)
		}
	}
}
