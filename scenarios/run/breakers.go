package run

import (
	"maps"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// By which metrics an instance tells of its calls to others and of its breakers. What is
// called is in a label. One that is told of has calls; a breaker only if it has a state.
const (
	metricCalls    = "shop_client_calls_total"
	metricAttempts = "shop_client_attempts_total"
	metricFailures = "shop_client_failures_total"
	metricRejected = "shop_client_rejected_total"
	metricDegraded = "shop_client_degraded_total"
	metricState    = "shop_client_breaker_state"
	metricTripped  = "shop_client_breaker_opened_total"
	metricTrials   = "shop_client_breaker_trials_total"
	metricTrying   = "shop_client_breaker_trials_in_flight"
	metricPeak     = "shop_client_breaker_trials_peak"
)

// breakerStates are those of a breaker, by the number that a metric has for each. None is the
// first.
var breakerStates = []timeline.BreakerState{
	"", timeline.BreakerClosed, timeline.BreakerOpen, timeline.BreakerHalfOpen, timeline.BreakerForcedOpen, timeline.BreakerForcedClosed,
}

// calls are one look at an instance's calls to one dependency, at a time.
type calls struct {
	at time.Time
	// now is as the metrics have it: counts are from the beginning.
	now timeline.Breaker
}

// clientsOf are the calls that metrics tell of, by what is called.
func clientsOf(families map[string]*dto.MetricFamily, at time.Time) map[string]calls {
	all := map[string]calls{}
	each := func(name string, of func(b *timeline.Breaker) *int) {
		for _, m := range families[name].GetMetric() {
			to := leadsTo(m)
			c, known := all[to]
			if to == "" || !known && name != metricCalls {
				continue
			}
			c.at, c.now.To = at, to
			*of(&c.now) = int(value(m))
			all[to] = c
		}
	}
	each(metricCalls, func(b *timeline.Breaker) *int { return &b.Calls })
	each(metricAttempts, func(b *timeline.Breaker) *int { return &b.Attempts })
	each(metricFailures, func(b *timeline.Breaker) *int { return &b.Failed })
	each(metricRejected, func(b *timeline.Breaker) *int { return &b.Rejected })
	each(metricDegraded, func(b *timeline.Breaker) *int { return &b.Degraded })
	each(metricTripped, func(b *timeline.Breaker) *int { return &b.Opened })
	each(metricTrials, func(b *timeline.Breaker) *int { return &b.Trials })
	each(metricTrying, func(b *timeline.Breaker) *int { return &b.InFlight })
	each(metricPeak, func(b *timeline.Breaker) *int { return &b.Peak })
	for _, m := range families[metricState].GetMetric() {
		if c, known := all[leadsTo(m)]; known {
			if n := int(value(m)); n > 0 && n < len(breakerStates) {
				c.now.State = breakerStates[n]
			}
			all[c.now.To] = c
		}
	}
	return all
}

// since is what the timeline is told: counts since the last look, over the time between.
// Where one has gone down, all were begun anew.
func (c calls) since(last calls) timeline.Breaker {
	b, old := c.now, last.now
	if b.Calls < old.Calls || b.Attempts < old.Attempts || b.Failed < old.Failed || b.Rejected < old.Rejected ||
		b.Degraded < old.Degraded || b.Opened < old.Opened || b.Trials < old.Trials {
		return b
	}
	if !last.at.IsZero() {
		b.Over = c.at.Sub(last.at)
	}
	b.Calls -= old.Calls
	b.Attempts -= old.Attempts
	b.Failed -= old.Failed
	b.Rejected -= old.Rejected
	b.Degraded -= old.Degraded
	b.Opened -= old.Opened
	b.Trials -= old.Trials
	return b
}

func (p *pools) tellCalls(id sut.ID, now, before map[string]calls) {
	for _, to := range slices.Sorted(maps.Keys(now)) {
		b := now[to].since(before[to])
		p.observer.rec.Append(timeline.Event{
			Kind: timeline.KindBreaker, Actor: timeline.ActorObserver, Target: string(id), Breaker: &b,
		})
	}
}
