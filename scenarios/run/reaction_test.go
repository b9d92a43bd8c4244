package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// BenchmarkReaction is the time from the order to kill a replica of the shop to the
// restart that is issued for it, on real ground: the kernel's or the container engine's
// word of its end, the observation, the engine's decision, and its record on the disk.
// Medians of at most 20 ms on process and 100 ms on containers are asked for.
func BenchmarkReaction(b *testing.B) {
	for _, on := range []struct {
		platform string
		most     time.Duration
	}{{PlatformProcess, 20 * time.Millisecond}, {PlatformContainers, 100 * time.Millisecond}} {
		b.Run(on.platform, func(b *testing.B) {
			p, err := PlatformNamed(on.platform)
			if err != nil {
				b.Fatal(err)
			}
			b.Setenv("XDG_STATE_HOME", b.TempDir())
			binary, err := host.Binary(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			file, _ := shop.System(on.platform)
			sys, err := p.Start(b.Context(), platform.Config{System: file, Run: fmt.Sprintf("reaction-%d", time.Now().UnixNano()), Binary: binary}, cluster.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := sys.Close(context.Background()); err != nil {
					b.Error(err)
				}
			})
			took := reactions(b, sys)
			slices.Sort(took)
			median := took[len(took)/2]
			b.ReportMetric(float64(median.Microseconds())/1000, "restart-median-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "restart-p99-ms")
			if median > on.most {
				b.Errorf("the median is %s, above %s", median, on.most)
			}
		})
	}
}

// issued tells when a restart is given to the system.
type issued struct {
	*act.Actuator
	at chan time.Time
}

func (i issued) Do(ctx context.Context, g healers.Grant, a healers.Act) healers.Done {
	if a.Verb == "restart" {
		i.at <- time.Now()
	}
	return i.Actuator.Do(ctx, g, a)
}

// reactions kills a replica of orders again and again, and heals it with an engine that
// nothing holds back.
func reactions(b *testing.B, sys sut.System) (took []time.Duration) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	j, err := journal.Open(ctx, filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	healed, healing := make(chan struct{}, 1), make(chan error, 1)
	actuator := issued{act.New(sys), make(chan time.Time, 1)}
	l := &healers.Live{
		System: sys, Journal: j, Actuator: actuator, Trial: true, Notify: func(healers.Message, bool) {},
		Policy: &policy.Policy{
			Name: "reaction", Digest: "1",
			Workloads: []policy.Workload{{
				Selector: policy.Selector{"workload": "orders"}, MinAvailable: "0",
				Restart: policy.Restart{Initial: 1, Max: 1, Reset: 1, AtOnce: "100%"},
			}},
			Guard: policy.Guardrails{MaxActionsPerHour: 1 << 30, MaxPerTargetPerHour: 1 << 30, Recurrence: policy.Recurrence{Count: 1 << 30}},
		},
		Sink: func(r healers.Record) {
			if r.Change != nil && r.Change.State == healers.WorkDone {
				healed <- struct{}{}
			}
		},
	}
	go func() { healing <- l.Run(ctx) }()
	for b.Loop() {
		target := living(ctx, b, sys, "orders/0")
		killer, err := sut.Find[harm.Killer](sys, harm.CanKill, target)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := killer.Kill(ctx, target, syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		took = append(took, (<-actuator.at).Sub(began))
		<-healed
	}
	cancel()
	if err := <-healing; err != nil {
		b.Error(err)
	}
	if err := j.Close(); err != nil {
		b.Error(err)
	}
	return took
}

// living waits until an instance runs, and is its incarnation.
func living(ctx context.Context, b *testing.B, sys sut.System, id sut.ID) (t sut.Target) {
	b.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_ = sys.Watch(ctx, func(d sut.Delta) error { // it ends because we end it
		for _, in := range d.Instances {
			if in.ID == id && in.Phase == sut.PhaseRunning {
				t = in.Target
				cancel()
			}
		}
		return nil
	})
	if t.ID == "" {
		b.Fatalf("%s does not run", id)
	}
	return t
}
