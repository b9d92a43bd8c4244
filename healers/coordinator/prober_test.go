package coordinator_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// stores is a system of one store, which takes connections or refuses them.
type stores struct{ away atomic.Bool }

func (s *stores) Watch(ctx context.Context, report func(sut.Delta) error) error {
	err := report(sut.Delta{Reset: true, Instances: []sut.Instance{{
		Target: sut.Target{ID: "store/0", Incarnation: "1"}, Workload: "store", Phase: sut.PhaseRunning,
	}}})
	<-ctx.Done()
	return err
}

func (s *stores) Offer(sut.Capability, sut.Target) (any, error) { return s, nil }

func (s *stores) Dial(context.Context, sut.Target, string) (net.Conn, error) {
	if s.away.Load() {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	_ = far.Close()
	return near, nil
}

// TestTheProberIsTheTrial has the engine's prober look at a store that is away for a while.
// Its clients know within the passes and the ramp that it is back, and none had to ask it.
func TestTheProberIsTheTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &stores{}, begin(t)
		p := load(t, shop)
		p.Workloads[0].Liveness.PeriodSeconds = 1
		runner := &probe.Runner{System: s, Policy: p, Answered: c.Answered}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		began := time.Now()
		running.Go(func() {
			if err := runner.Run(ctx, func() time.Duration { return time.Since(began) }, func(probe.Change) {}); err != nil {
				t.Error(err)
			}
		})
		members(t, c, 10, func(all []*breaker.Breaker) {
			s.away.Store(true)
			<-time.After(2 * time.Second) // the engine has seen it
			tried := 0
			call := func(d time.Duration) {
				for range d / (50 * time.Millisecond) {
					for _, b := range all {
						permit, err := b.Allow()
						if err != nil {
							continue
						}
						if permit.Trial() {
							tried++
						}
						o := breaker.OK
						if s.away.Load() {
							o = breaker.Failure
						}
						permit.Done(o)
					}
					<-time.After(50 * time.Millisecond)
				}
			}
			call(30 * time.Second)
			if n := closed(all); n != 0 || tried != 0 {
				t.Errorf("%d are closed and %d trials were made while it was away", n, tried)
			}
			s.away.Store(false)
			call(9 * time.Second) // three looks, and a ramp of five seconds
			if n := closed(all); n != len(all) || tried != 0 {
				t.Errorf("%d of %d are closed, after %d trials", n, len(all), tried)
			}
		})
		stop()
		running.Wait()
	})
}
