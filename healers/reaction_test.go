package healers_test

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strconv"
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
)

func thresholds() *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3}
}

// called tells when a verb is called.
type called struct{ at chan time.Time }

func (c called) Do(context.Context, sut.Target, json.RawMessage) error {
	c.at <- time.Now()
	return nil
}

// BenchmarkReactionToExit is the time from an exit that the platform has seen
// to the restart that it is asked for, over everything that a run has between
// the two: the socket, the engine, the journal on disk. At most 20 ms.
func BenchmarkReactionToExit(b *testing.B) {
	s := suttest.New(oneOrder())
	verb := called{at: make(chan time.Time, 1)}
	s.Verbs[repair.CanRestart] = verb
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
	// Nothing but the work itself may hold an act back.
	p.Guard.MaxActionsPerHour, p.Guard.MaxPerTargetPerHour = 1<<30, 1<<30
	p.Workloads[0].Restart.Initial, p.Workloads[0].Restart.Max, p.Workloads[0].Restart.Reset = 1, 1, 1
	back := make(chan struct{}, 1)
	l := &healers.Live{
		System: client, Policy: p, Journal: j, Actuator: act.New(client),
		Notify: func(healers.Message, bool) {},
		Sink: func(r healers.Record) {
			if raw, err := json.Marshal(r); err == nil {
				_ = client.Report(raw)
			}
			// Not before: who dies while a repair is being verified is backed off.
			if r.Change != nil && r.Change.State == healers.WorkDone {
				back <- struct{}{}
			}
		},
	}
	go func() { healed <- l.Run(ctx) }()

	var took []time.Duration
	n := 0
	for b.Loop() {
		n++
		begin := time.Now()
		s.Push(sut.Delta{Instances: []sut.Instance{orders(strconv.Itoa(n), uint64(n), sut.PhaseExited)}})
		took = append(took, (<-verb.at).Sub(begin))
		s.Push(sut.Delta{Instances: []sut.Instance{orders(strconv.Itoa(n+1), uint64(n), sut.PhaseRunning)}})
		<-back
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	if median > 20*time.Millisecond {
		b.Errorf("the median is %s, above 20 ms", median)
	}
	cancel()
	for _, err := range []error{<-healed, client.Close(), <-served, j.Close()} {
		if err != nil {
			b.Error(err)
		}
	}
}
