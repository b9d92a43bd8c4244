package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/load"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// loaded is a system with the traffic that the harness sends to it, which faults may
// change: on every platform it is the same, and it is nobody's but ours.
type loaded struct {
	System
	entry   string // the workload where it comes in
	rate    float64
	traffic *load.Traffic
}

func newLoaded(s System, file *manifest.System, rate manifest.Rate, t *load.Traffic) loaded {
	return loaded{System: s, entry: file.Spec.Entry.Workload, rate: float64(rate), traffic: t}
}

// Offer implements [sut.System].
func (l loaded) Offer(c sut.Capability, t sut.Target) (any, error) {
	switch {
	case c != harm.CanSurge:
		return l.System.Offer(c, t)
	case t.ID != sut.TrafficID(l.entry):
		return nil, &sut.Missing{
			Capability: c, Target: t.ID, Reason: "the load comes in at " + l.entry,
			WayOut: "target: {workload: " + l.entry + "}",
		}
	}
	return l, nil
}

// errSurging is returned for a second surge at once: there is one load.
var errSurging = errors.New("the load is changed already")

// Surge implements [harm.Surger]. It arms nothing: the load ends with this program.
func (l loaded) Surge(_ context.Context, _ harm.Lease, _ sut.Target, factor float64) (harm.Hold, error) {
	if l.traffic.Factor() != 1 {
		return nil, errSurging
	}
	if err := l.traffic.Set(factor); err != nil {
		return nil, err
	}
	return surging{l, factor}, nil
}

type surging struct {
	loaded
	factor float64
}

// Observe counts what went out, and not what was meant to.
func (s surging) Observe(context.Context) (harm.Evidence, error) {
	over := s.over()
	sent := float64(s.traffic.Sent(over)) / over.Seconds()
	border := s.rate * (1 + s.factor) / 2
	return harm.Evidence{
		Observed: s.factor > 1 && sent > border || s.factor < 1 && sent < border,
		Proof:    fmt.Sprintf("%.0f requests a second were sent to %s in the last %s; without it they are %g", sent, s.entry, over, s.rate),
	}, nil
}

// over is for how long requests are counted: until there are some at the lower rate.
func (s surging) over() time.Duration {
	const some = 8
	return min(max(time.Second, time.Duration(some*float64(time.Second)/(s.rate*min(s.factor, 1)))), 5*time.Second)
}

// Release implements [harm.Hold]: it waits until as much is sent as without it.
func (s surging) Release(ctx context.Context) error {
	if err := s.traffic.Set(1); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if e, err := s.Observe(ctx); err != nil || !e.Observed {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until the load is as it was: %w", ctx.Err())
		}
	}
}

// peak is the largest factor of a schedule's surges.
func peak(plan faults.Schedule) float64 {
	most := 1.0
	for _, i := range plan.Items {
		var s faults.Surge
		if i.Target.Kind() == sut.KindTraffic && (len(i.Args) == 0 || json.Unmarshal(i.Args, &s) == nil) {
			most = max(most, s.Times())
		}
	}
	return most
}
