package sidecar

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

const namespace = "rebound_proxy"

// metrics are those of one proxy, in a registry of its own.
type metrics struct {
	registry    *prometheus.Registry
	calls       *prometheus.CounterVec
	degraded    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	connections *prometheus.GaugeVec
}

func newMetrics() *metrics {
	route := []string{"route"}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "calls_total", Help: "Requests or connections by how they ended: ok, failure, slow, neutral, or rejected by the breaker.",
		}, []string{"route", "outcome"}),
		degraded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "degraded_total", Help: "Answers that were the fallback.",
		}, route),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "upstream_seconds", Help: "Time until the headers of the upstream's answer, or until a TCP connection was made.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, route),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "connections", Help: "TCP connections that are open.",
		}, route),
	}
	m.registry.MustRegister(m.calls, m.degraded, m.seconds, m.connections)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// route are the metrics of one: all are there from the start, since what is not there is
// not 0 to who asks.
func (m *metrics) route(name string, b *breaker.Breaker) *routeMetrics {
	for _, s := range []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen, breaker.ForcedOpen, breaker.ForcedClosed} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "breaker_state", Help: "1 for the state that the breaker is in.",
			ConstLabels: prometheus.Labels{"route": name, "state": s.String()},
		}, func() float64 {
			if b.State() == s {
				return 1
			}
			return 0
		}))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "trials_in_flight", Help: "Trials that are out.", ConstLabels: prometheus.Labels{"route": name},
	}, func() float64 { return float64(b.Snapshot().Trials) }))
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Name: "breaker_opened_total", Help: "Times that the breaker opened.", ConstLabels: prometheus.Labels{"route": name},
	}, func() float64 { return float64(b.Snapshot().Opened) }))
	r := &routeMetrics{outcomes: map[breaker.Outcome]prometheus.Counter{}}
	for _, o := range []breaker.Outcome{breaker.OK, breaker.Failure, breaker.Slow, breaker.Neutral} {
		r.outcomes[o] = m.calls.WithLabelValues(name, o.String())
	}
	r.refusals, r.fallbacks = m.calls.WithLabelValues(name, "rejected"), m.degraded.WithLabelValues(name)
	r.seconds, r.connections = m.seconds.WithLabelValues(name), m.connections.WithLabelValues(name)
	return r
}

// routeMetrics are those of one route.
type routeMetrics struct {
	outcomes            map[breaker.Outcome]prometheus.Counter
	refusals, fallbacks prometheus.Counter
	seconds             prometheus.Observer
	connections         prometheus.Gauge
}

func (r *routeMetrics) ended(o breaker.Outcome) { r.outcomes[o].Inc() }
func (r *routeMetrics) rejected()               { r.refusals.Inc() }
func (r *routeMetrics) degraded()               { r.fallbacks.Inc() }
func (r *routeMetrics) took(d time.Duration)    { r.seconds.Observe(d.Seconds()) }
func (r *routeMetrics) connected(n float64)     { r.connections.Add(n) }
