package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

const (
	poolsEvery = time.Second
	// scrapeWithin is less than poolsEvery: an instance that hangs must not hold up
	// what the others tell.
	scrapeWithin = 800 * time.Millisecond
	maxScrape    = 1 << 20
)

// Where an instance tells of its pools, and by which metrics. What they lead to is
// in a label; how many connections the server has needs none where the instance has
// one such server.
const (
	metricsPort = "http"
	metricsPath = "/metrics"
	labelTo     = "to"

	metricOpen   = "orders_pool_open"
	metricInUse  = "orders_pool_in_use"
	metricSize   = "orders_pool_size"
	metricOpened = "orders_pool_opened_total"
	metricWaits  = "orders_pool_waits_total"
	metricWaited = "orders_pool_wait_seconds_total"
	metricServer = "orders_store_connections"
	serverOf     = "store" // what metricServer is about where it has no label
)

// pools reads the pools of connections of every instance that tells of them, and its
// calls to others with their breakers: the same in every arm, past any link that a fault
// has cut.
type pools struct {
	observer *observer
	// scrape asks one instance; tests put their own.
	scrape func(ctx context.Context, client *http.Client) (map[string]*dto.MetricFamily, error)
	of     map[sut.ID]*told
}

// told is what an instance has told of its pools and calls so far. One goroutine at a time
// has it.
type told struct {
	target sut.Target
	client *http.Client
	asked  bool // its first answer is in
	silent bool // and told of nothing: it is not asked again
	pools  map[string]reading
	calls  map[string]calls
	server map[string]int
	err    error
}

// reading is one look at one pool. The last three are counters.
type reading struct {
	open, inUse, size, opened, waits int
	waited                           time.Duration
}

// Run reads once a second until ctx ends, which is no error.
func (p *pools) Run(ctx context.Context) error {
	p.of = map[sut.ID]*told{}
	defer func() {
		for _, t := range p.of {
			t.client.CloseIdleConnections()
		}
	}()
	tick := time.NewTicker(poolsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.round(ctx)
		}
	}
}

// round asks all at once, and then tells in the order of their IDs.
func (p *pools) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, scrapeWithin)
	defer cancel()
	var asking sync.WaitGroup
	var asked []*told
	before, called := map[sut.ID]map[string]reading{}, map[sut.ID]map[string]calls{}
	for _, target := range p.observer.serving(metricsPort) {
		t := p.follow(target)
		if t.silent {
			continue
		}
		before[target.ID], called[target.ID] = t.pools, t.calls
		asked = append(asked, t)
		asking.Go(func() { t.ask(ctx, p.scrape) })
	}
	asking.Wait()
	servers := map[string]int{}
	for _, t := range asked {
		if t.err != nil {
			continue // that it does not answer is told by its probe
		}
		for _, to := range slices.Sorted(maps.Keys(t.pools)) {
			p.tell(t.target.ID, t.pools[to].since(before[t.target.ID][to], to))
		}
		p.tellCalls(t.target.ID, t.calls, called[t.target.ID])
		for to, n := range t.server {
			servers[to] = max(servers[to], n) // all its clients ask the same server
		}
	}
	for _, to := range slices.Sorted(maps.Keys(servers)) {
		if servers[to] > 0 {
			p.tell(sut.ID(to), timeline.Pool{To: to, Server: servers[to]})
		}
	}
}

// follow is what the target has told. Counters of a new incarnation begin anew.
func (p *pools) follow(target sut.Target) *told {
	t := p.of[target.ID]
	if t != nil && t.target == target {
		return t
	}
	if t != nil {
		t.client.CloseIdleConnections()
	}
	dial := platform.DialTarget(p.observer.sys, target)
	t = &told{target: target, client: &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, metricsPort) },
		MaxIdleConnsPerHost: 1,
	}}}
	p.of[target.ID] = t
	return t
}

func (p *pools) tell(id sut.ID, pool timeline.Pool) {
	p.observer.rec.Append(timeline.Event{
		Kind: timeline.KindPool, Actor: timeline.ActorObserver, Target: string(id), Pool: &pool,
	})
}

// ask takes one reading.
func (t *told) ask(ctx context.Context, scrape func(context.Context, *http.Client) (map[string]*dto.MetricFamily, error)) {
	var families map[string]*dto.MetricFamily
	if families, t.err = scrape(ctx, t.client); t.err != nil {
		// One that has no such page will not have one later.
		t.silent = !t.asked && errors.Is(t.err, errNoMetrics)
		return
	}
	t.pools, t.server = readings(families)
	t.calls = clientsOf(families, time.Now())
	t.silent = !t.asked && len(t.pools) == 0 && len(t.calls) == 0
	t.asked = true
}

// since is what the timeline is told: counters since the last reading. One that has
// gone down was begun anew.
func (r reading) since(last reading, to string) timeline.Pool {
	if r.opened < last.opened || r.waits < last.waits || r.waited < last.waited {
		last = reading{}
	}
	return timeline.Pool{
		To: to, Open: r.open, InUse: r.inUse, Size: r.size,
		Opened: r.opened - last.opened, Waits: r.waits - last.waits, Waited: r.waited - last.waited,
	}
}

// errNoMetrics is what an instance answers that has no page of metrics.
var errNoMetrics = errors.New("there are no metrics")

// scrape reads an instance's page of metrics.
func scrape(ctx context.Context, client *http.Client) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://instance"+metricsPath, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answers %s", errNoMetrics, metricsPath, resp.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, maxScrape))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoMetrics, err)
	}
	return families, nil
}

// readings are the pools that metrics tell of, by where they lead, and how many
// connections the servers say that they have.
func readings(families map[string]*dto.MetricFamily) (map[string]reading, map[string]int) {
	pools, servers := map[string]reading{}, map[string]int{}
	each := func(name string, set func(r *reading, v float64)) {
		for _, m := range families[name].GetMetric() {
			if to := leadsTo(m); to != "" {
				r := pools[to]
				set(&r, value(m))
				pools[to] = r
			}
		}
	}
	each(metricOpen, func(r *reading, v float64) { r.open = int(v) })
	each(metricInUse, func(r *reading, v float64) { r.inUse = int(v) })
	each(metricSize, func(r *reading, v float64) { r.size = int(v) })
	each(metricOpened, func(r *reading, v float64) { r.opened = int(v) })
	each(metricWaits, func(r *reading, v float64) { r.waits = int(v) })
	each(metricWaited, func(r *reading, v float64) { r.waited = time.Duration(v * float64(time.Second)) })
	for _, m := range families[metricServer].GetMetric() {
		servers[cmp.Or(leadsTo(m), serverOf)] = int(value(m))
	}
	return pools, servers
}

// leadsTo is the workload that a metric is about; "": it does not say.
func leadsTo(m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == labelTo {
			return l.GetValue()
		}
	}
	return ""
}

// value is that of a counter, a gauge, or what has no type.
func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	default:
		return m.GetUntyped().GetValue()
	}
}
