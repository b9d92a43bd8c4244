package otelbreaker

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// The attributes.
const (
	Name    = attribute.Key("rebound.breaker.name")
	State   = attribute.Key("rebound.breaker.state")
	Outcome = attribute.Key("rebound.breaker.outcome")
)

// instruments are what a meter makes for all breakers.
type instruments struct {
	state, trials           metric.Int64ObservableUpDownCounter
	openings, panics        metric.Int64ObservableCounter
	calls, rejections, late metric.Int64ObservableCounter
	wait                    metric.Float64ObservableGauge
}

// Register has a meter read breakers at each collection, until Unregister is called on what
// it gives. The breakers are asked for each time, by any goroutine. Keep their order: names
// hang on it where they are not different. Nil means none. Register once per meter.
func Register(m metric.Meter, breakers func() []*breaker.Breaker) (metric.Registration, error) {
	i, err := made(m)
	if err != nil {
		return nil, fmt.Errorf("make the instruments of breakers: %w", err)
	}
	return m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if breakers == nil {
			return nil
		}
		for _, s := range breaker.Snapshots(breakers()) {
			i.observe(o, s)
		}
		return nil
	}, i.state, i.trials, i.openings, i.panics, i.calls, i.rejections, i.late, i.wait)
}

// made are all instruments, or all that is wrong with them.
func made(m metric.Meter) (*instruments, error) {
	i := &instruments{}
	var errs [8]error
	i.state, errs[0] = m.Int64ObservableUpDownCounter("rebound.breaker.state",
		metric.WithUnit("{breaker}"), metric.WithDescription("Whether the breaker is in the state."))
	i.trials, errs[1] = m.Int64ObservableUpDownCounter("rebound.breaker.trials",
		metric.WithUnit("{trial}"), metric.WithDescription("Trials in flight."))
	i.openings, errs[2] = m.Int64ObservableCounter("rebound.breaker.openings",
		metric.WithUnit("{opening}"), metric.WithDescription("Openings of the breaker, but for forced ones."))
	i.panics, errs[3] = m.Int64ObservableCounter("rebound.breaker.listener_panics",
		metric.WithUnit("{panic}"), metric.WithDescription("Panics of the listener to the breaker's events."))
	i.calls, errs[4] = m.Int64ObservableCounter("rebound.breaker.calls",
		metric.WithUnit("{call}"), metric.WithDescription("Admitted calls that are done, by outcome."))
	i.rejections, errs[5] = m.Int64ObservableCounter("rebound.breaker.rejections",
		metric.WithUnit("{call}"), metric.WithDescription("Calls that were refused."))
	i.late, errs[6] = m.Int64ObservableCounter("rebound.breaker.stale",
		metric.WithUnit("{call}"), metric.WithDescription("Calls that were done after the state had changed, and counted for nothing."))
	i.wait, errs[7] = m.Float64ObservableGauge("rebound.breaker.retry_after",
		metric.WithUnit("s"), metric.WithDescription("Time until it is worth asking again; 0 is now."))
	return i, errors.Join(errs[:]...)
}

func (i *instruments) observe(o metric.Observer, s breaker.Snapshot) {
	name := Name.String(s.Name)
	one := metric.WithAttributeSet(attribute.NewSet(name))
	for _, each := range []struct {
		state breaker.State
		label string
	}{
		{breaker.Closed, "closed"},
		{breaker.Open, "open"},
		{breaker.HalfOpen, "half_open"},
		{breaker.ForcedOpen, "forced_open"},
		{breaker.ForcedClosed, "forced_closed"},
	} {
		var in int64
		if s.State == each.state {
			in = 1
		}
		o.ObserveInt64(i.state, in, metric.WithAttributeSet(attribute.NewSet(name, State.String(each.label))))
	}
	o.ObserveInt64(i.trials, int64(s.Trials), one)
	o.ObserveInt64(i.openings, int64(s.Opened), one)
	o.ObserveInt64(i.panics, int64(s.Panics), one)
	o.ObserveFloat64(i.wait, s.Wait.Seconds(), one)
	if !s.Counted {
		return
	}
	for _, each := range []struct {
		outcome breaker.Outcome
		n       uint64
	}{
		{breaker.OK, s.Counts.OK},
		{breaker.Failure, s.Counts.Failure},
		{breaker.Slow, s.Counts.Slow},
		{breaker.Neutral, s.Counts.Neutral},
	} {
		o.ObserveInt64(i.calls, int64(each.n), metric.WithAttributeSet(attribute.NewSet(name, Outcome.String(each.outcome.String()))))
	}
	o.ObserveInt64(i.rejections, int64(s.Counts.Rejected), one)
	o.ObserveInt64(i.late, int64(s.Counts.Stale), one)
}
