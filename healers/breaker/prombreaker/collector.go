package prombreaker

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Collector is a [prometheus.Collector] of breakers. One registry takes one of them.
type Collector struct {
	// Breakers are those to show, asked for at each collection, by any goroutine. Keep
	// their order: names hang on it where they are not different. Nil means none.
	Breakers func() []*breaker.Breaker
}

var (
	state    = desc("state", "Whether the breaker is in the state.", "state")
	opened   = desc("opened_total", "Openings of the breaker, but for forced ones.")
	trials   = desc("trials", "Trials in flight.")
	wait     = desc("retry_after_seconds", "Time until it is worth asking again; 0 is now.")
	panics   = desc("listener_panics_total", "Panics of the listener to the breaker's events.")
	calls    = desc("calls_total", "Admitted calls that are done, by outcome.", "outcome")
	rejected = desc("rejected_total", "Calls that were refused.")
	stale    = desc("stale_total", "Calls that were done after the state had changed, and counted for nothing.")
)

func desc(name, about string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("rebound", "breaker", name), about, append([]string{"breaker"}, labels...), nil)
}

// Describe tells what there is.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{state, opened, trials, wait, panics, calls, rejected, stale} {
		out <- d
	}
}

// Collect tells where the breakers stand.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	if c.Breakers == nil {
		return
	}
	for _, s := range breaker.Snapshots(c.Breakers()) {
		collect(out, s)
	}
}

func collect(out chan<- prometheus.Metric, s breaker.Snapshot) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{s.Name}, labels...)...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{s.Name}, labels...)...)
	}
	for _, one := range []struct {
		state breaker.State
		label string
	}{
		{breaker.Closed, "closed"},
		{breaker.Open, "open"},
		{breaker.HalfOpen, "half_open"},
		{breaker.ForcedOpen, "forced_open"},
		{breaker.ForcedClosed, "forced_closed"},
	} {
		in := 0.0
		if s.State == one.state {
			in = 1
		}
		gauge(state, in, one.label)
	}
	counter(opened, uint64(s.Opened))
	gauge(trials, float64(s.Trials))
	gauge(wait, s.Wait.Seconds())
	counter(panics, uint64(s.Panics))
	if !s.Counted {
		return
	}
	counter(calls, s.Counts.OK, breaker.OK.String())
	counter(calls, s.Counts.Failure, breaker.Failure.String())
	counter(calls, s.Counts.Slow, breaker.Slow.String())
	counter(calls, s.Counts.Neutral, breaker.Neutral.String())
	counter(rejected, s.Counts.Rejected)
	counter(stale, s.Counts.Stale)
}
