package prombreaker_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/prombreaker"
)

// text is what a scrape gets, and what is wrong with it.
func text(t *testing.T, breakers ...*breaker.Breaker) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&prombreaker.Collector{Breakers: func() []*breaker.Breaker { return breakers }})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	var out strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func made(t *testing.T, config breaker.Config) *breaker.Breaker {
	t.Helper()
	b, err := breaker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExposition has one breaker that went through everything, and one that does not count.
func TestExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, breaker.Config{
			Name: "store", Count: true, OpenFor: 10 * time.Second, Jitter: breaker.Percent(0), Trials: 2,
			Listen: func(breaker.Event) { panic("boom") },
		})
		take := func() breaker.Permit {
			permit, err := b.Allow()
			if err != nil {
				t.Fatal(err)
			}
			return permit
		}
		late := take()
		for _, o := range []breaker.Outcome{breaker.OK, breaker.OK, breaker.OK, breaker.Slow, breaker.Neutral, breaker.Failure, breaker.Failure} {
			p := take()
			p.Done(o)
		}
		b.Trip()
		late.Done(breaker.Failure)
		if _, err := b.Allow(); err == nil {
			t.Fatal("admitted")
		}
		<-time.After(7500 * time.Millisecond)
		open := text(t, b)
		for _, line := range []string{
			`rebound_breaker_state{breaker="store",state="open"} 1`,
			`rebound_breaker_state{breaker="store",state="half_open"} 0`,
			`rebound_breaker_retry_after_seconds{breaker="store"} 2.5`,
		} {
			if !strings.Contains(open, line+"\n") {
				t.Errorf("no %s in\n%s", line, open)
			}
		}
		<-time.After(2500 * time.Millisecond)
		synctest.Wait()
		_ = take()
		other := made(t, breaker.Config{Name: "store", Mode: breaker.ForceClosed})
		if diff := cmp.Diff(golden, text(t, b, nil, other)); diff != "" {
			t.Error(diff)
		}
	})
}

const golden = `# HELP rebound_breaker_calls_total Admitted calls that are done, by outcome.
# TYPE rebound_breaker_calls_total counter
rebound_breaker_calls_total{breaker="store",outcome="failure"} 2
rebound_breaker_calls_total{breaker="store",outcome="neutral"} 1
rebound_breaker_calls_total{breaker="store",outcome="ok"} 3
rebound_breaker_calls_total{breaker="store",outcome="slow"} 1
# HELP rebound_breaker_listener_panics_total Panics of the listener to the breaker's events.
# TYPE rebound_breaker_listener_panics_total counter
rebound_breaker_listener_panics_total{breaker="store"} 2
rebound_breaker_listener_panics_total{breaker="store#2"} 0
# HELP rebound_breaker_opened_total Openings of the breaker, but for forced ones.
# TYPE rebound_breaker_opened_total counter
rebound_breaker_opened_total{breaker="store"} 1
rebound_breaker_opened_total{breaker="store#2"} 0
# HELP rebound_breaker_rejected_total Calls that were refused.
# TYPE rebound_breaker_rejected_total counter
rebound_breaker_rejected_total{breaker="store"} 1
# HELP rebound_breaker_retry_after_seconds Time until it is worth asking again; 0 is now.
# TYPE rebound_breaker_retry_after_seconds gauge
rebound_breaker_retry_after_seconds{breaker="store"} 0
rebound_breaker_retry_after_seconds{breaker="store#2"} 0
# HELP rebound_breaker_stale_total Calls that were done after the state had changed, and counted for nothing.
# TYPE rebound_breaker_stale_total counter
rebound_breaker_stale_total{breaker="store"} 1
# HELP rebound_breaker_state Whether the breaker is in the state.
# TYPE rebound_breaker_state gauge
rebound_breaker_state{breaker="store",state="closed"} 0
rebound_breaker_state{breaker="store",state="forced_closed"} 0
rebound_breaker_state{breaker="store",state="forced_open"} 0
rebound_breaker_state{breaker="store",state="half_open"} 1
rebound_breaker_state{breaker="store",state="open"} 0
rebound_breaker_state{breaker="store#2",state="closed"} 0
rebound_breaker_state{breaker="store#2",state="forced_closed"} 1
rebound_breaker_state{breaker="store#2",state="forced_open"} 0
rebound_breaker_state{breaker="store#2",state="half_open"} 0
rebound_breaker_state{breaker="store#2",state="open"} 0
# HELP rebound_breaker_trials Trials in flight.
# TYPE rebound_breaker_trials gauge
rebound_breaker_trials{breaker="store"} 1
rebound_breaker_trials{breaker="store#2"} 0
`

func TestNothingToShow(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&prombreaker.Collector{})
	if families, err := r.Gather(); err != nil || len(families) != 0 || text(t) != "" {
		t.Errorf("got %v, %v", families, err)
	}
}
