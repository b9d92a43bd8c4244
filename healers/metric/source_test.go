package metric_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/metric"
)

func TestComplete(t *testing.T) {
	given := metric.Source{Metric: "queue", Workload: "orders", Scrape: &metric.Scrape{Port: "http"}}
	want := metric.Source{
		Metric: "queue", Workload: "orders", Scrape: &metric.Scrape{Port: "http", Path: "/metrics", Name: "queue"},
		Every: 15 * time.Second, MaxAge: 45 * time.Second, Timeout: 2 * time.Second,
	}
	if diff := cmp.Diff(want, given.Complete()); diff != "" {
		t.Error(diff)
	}
	if given.Scrape.Path != "" {
		t.Error("what was given is changed")
	}
	quick := metric.Source{Every: time.Second, MaxAge: time.Minute}.Complete()
	if quick.Timeout != 500*time.Millisecond || quick.MaxAge != time.Minute {
		t.Errorf("%+v", quick)
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var back metric.Source
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Error(diff)
	}
}

func TestValidate(t *testing.T) {
	page := func(s metric.Scrape) metric.Source {
		return metric.Source{Metric: "queue", Workload: "orders", Scrape: &s}
	}
	document := func(h metric.HTTP) metric.Source { return metric.Source{Metric: "queue", HTTP: &h} }
	timed := func(every, maxAge, timeout time.Duration) metric.Source {
		return metric.Source{Workload: "orders", Usage: true, Every: every, MaxAge: maxAge, Timeout: timeout}
	}
	for _, c := range []struct {
		name string
		s    metric.Source
		want []string
	}{
		{"usage", metric.Source{Workload: "orders", Usage: true}, nil},
		{"usage of cpu", metric.Source{Metric: "cpu", Workload: "orders", Usage: true}, nil},
		{"scrape", page(metric.Scrape{Port: "http", Path: "/metrics?all=1", Name: "a.b", Labels: map[string]string{"a": ""}}), nil},
		{"prometheus", metric.Source{Metric: "queue", Prometheus: &metric.Prometheus{URL: "https://p:9090/prefix/", Query: "up"}}, nil},
		{"http", document(metric.HTTP{URL: "http://q?x=1", Field: `items[0]["a.b"].c`, TimestampField: "at"}), nil},
		{"times", timed(time.Second, time.Second, time.Second), nil},

		{"nothing", metric.Source{}, []string{"at: expected scrape, prometheus, http or usage", "at.metric: expected the name of the metric"}},
		{
			"two",
			metric.Source{Workload: "orders", Usage: true, HTTP: &metric.HTTP{URL: "http://q"}},
			[]string{"at: expected one of scrape, prometheus, http and usage, got 2"},
		},
		{"usage of disks", metric.Source{Metric: "disk", Workload: "orders", Usage: true}, []string{`at.metric: expected cpu or memory, which is what is metered, got "disk"`}},
		{"containers of a query", metric.Source{Metric: "q", Containers: true, HTTP: &metric.HTTP{URL: "http://q", Field: "q"}}, []string{"at.containers: leave it out: containers are told apart by usage alone"}},
		{"nobody's usage", metric.Source{Usage: true}, []string{"at.workload: expected the workload whose instances are asked"}},
		{"no workload", metric.Source{Workload: "Orders/0", Usage: true}, []string{`at.workload: expected the name of a workload, got "Orders/0"`}},
		{"no port", page(metric.Scrape{}), []string{"at.scrape.port: expected the name of a port, like http"}},
		{"no path", page(metric.Scrape{Port: "http", Path: "metrics"}), []string{`at.scrape.path: expected a path that begins with /, got "metrics"`}},
		{"two lines", page(metric.Scrape{Port: "http", Name: "a\nb"}), []string{`at.scrape.name: expected the name of a series, got "a\nb"`}},
		{"a label without a name", page(metric.Scrape{Port: "http", Labels: map[string]string{"": "x"}}), []string{`at.scrape.labels: expected the name of a label, got ""`}},
		{"the name as a label", page(metric.Scrape{Port: "http", Labels: map[string]string{"__name__": "x"}}), []string{"at.scrape.labels: write scrape.name for the name of the series"}},
		{
			"no prometheus",
			metric.Source{Metric: "queue", Prometheus: &metric.Prometheus{URL: "http://p/api/v1/query?query=up", Query: " "}},
			[]string{"at.prometheus.url: expected the address below which the API is, without a query, got ?query=up", "at.prometheus.query: expected a query in PromQL"},
		},
		{"no scheme", document(metric.HTTP{URL: "queue:80"}), []string{`at.http.url: expected an address that begins with http:// or https://, got "queue:80"`}},
		{"no file", document(metric.HTTP{URL: "file:///etc/passwd"}), []string{`at.http.url: expected an address that begins with http:// or https://, got "file:///etc/passwd"`}},
		{"no address", document(metric.HTTP{URL: "http://a b"}), []string{`at.http.url: expected an address: invalid character " " in host name`}},
		{"a secret", document(metric.HTTP{URL: "ftp://u:secret@a"}), []string{`at.http.url: expected an address that begins with http:// or https://, got "ftp://u:xxxxx@a"`}},
		{"fragment", document(metric.HTTP{URL: "http://a#b"}), []string{"at.http.url: expected an address without a fragment, which nobody is sent: #b"}},
		{
			"paths", document(metric.HTTP{URL: "http://a", Field: "a..b", TimestampField: "a[x]"}),
			[]string{
				`at.http.field: expected a path like queue.depth or items[0].value: expected a name, got ".b"`,
				`at.http.timestampField: expected a path like queue.depth or items[0].value: expected a number from 0 and ], got "x]"`,
			},
		},
		{"too often", timed(time.Millisecond, 0, 0), []string{"at.every: expected 100ms or more, got 1ms"}},
		{"back in time", timed(-time.Second, 0, 0), []string{"at.every: expected 100ms or more, got -1s"}},
		{"always too old", timed(0, time.Second, 0), []string{"at.maxAge: expected every (15s) or more, got 1s: a sample would be too old before the next comes"}},
		{"negative age", timed(time.Second, -1, 0), []string{"at.maxAge: expected every (1s) or more, got -1ns: a sample would be too old before the next comes"}},
		{"too patient", timed(time.Second, 0, 2*time.Second), []string{"at.timeout: expected every (1s) or less, got 2s"}},
		{"negative timeout", timed(0, 0, -1), []string{"at.timeout: expected every (15s) or less, got -1ns"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range c.s.Validate("at") {
				got = append(got, p.Error())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// What was measured too long ago is missing, and not zero; a clock that is a little ahead is
// taken for ours.
func TestStaleIsMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		behind time.Duration
		age    time.Duration // that is told
		err    string
	}{
		{"young", 3 * time.Second, 3 * time.Second, ""},
		{"as old as it may be", 30 * time.Second, 30 * time.Second, ""},
		{"stale", 31 * time.Second, 0, "it is 31s old, more than 30s"},
		{"ahead", -5 * time.Second, 0, ""},
		{"far ahead", -time.Hour, 0, "its time is 1h0m0s ahead of ours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := metric.Source{Metric: "depth", HTTP: &metric.HTTP{URL: "http://queue", Field: "v", TimestampField: "at"}, Every: 10 * time.Second}
				r := start(t, &metric.Reader{Sources: []metric.Source{s}, Client: by(func(*http.Request) (*http.Response, error) {
					at, err := time.Now().Add(-c.behind).UTC().MarshalText()
					return ok(`{"v": 4, "at": "` + string(at) + `"}`), err
				})})
				defer r.stop()
				pass(time.Second)
				b := r.last(t, 0)
				if b.Err != c.err || (b.Err == "") != (len(b.Samples) == 1) || (b.Err != "") != (len(b.Failed) == 1) {
					t.Fatalf("%+v", b)
				}
				if c.err == "" && (b.At.Sub(b.Samples[0].At) != c.age || b.Samples[0].Value != 4) {
					t.Errorf("%+v", b)
				}
			})
		})
	}
}

// One reading of the meter is two samples, with its own time and window.
func TestUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "a"), instance("orders/1", "b"), instance("orders/2", "c"), instance("orders/3", "d"), instance("orders/4", "e"))
		begin := time.Now()
		used := func(u sut.Usage, err error) func() (sut.Usage, error) {
			return func() (sut.Usage, error) { return u, err }
		}
		p.uses("orders/0", used(sut.Usage{At: begin, Window: 200 * time.Millisecond, CPU: 0.25, Memory: 1 << 30}, nil))
		p.uses("orders/1", used(sut.Usage{}, sut.ErrGone))
		p.uses("orders/2", used(sut.Usage{At: begin, CPU: math.NaN(), Memory: -1}, nil))
		p.uses("orders/3", used(sut.Usage{CPU: 1, Memory: 1}, nil))
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{{Workload: "orders", Usage: true, Every: 4 * time.Second}}})
		defer r.stop()
		pass(5 * time.Second)
		b := r.last(t, 0)
		one := metric.Sample{Metric: "cpu", Workload: "orders", Instance: "orders/0", Incarnation: "a", Value: 0.25, At: begin, Window: 200 * time.Millisecond}
		other := one
		other.Metric, other.Value = "memory", 1<<30
		if diff := cmp.Diff([]metric.Sample{one, other}, b.Samples); diff != "" || b.Err != "" {
			t.Errorf("%s %s", b.Err, diff)
		}
		const noTime = "it does not say when it was measured"
		want := []metric.Failure{
			{Instance: "orders/1", Incarnation: "b", Reason: "target is gone"},
			{Instance: "orders/2", Incarnation: "c", Metric: "memory", Reason: "-1 is no value: nobody uses less than nothing"},
			{Instance: "orders/2", Incarnation: "c", Metric: "cpu", Reason: "NaN is no value"},
			{Instance: "orders/3", Incarnation: "d", Metric: "cpu", Reason: noTime},
			{Instance: "orders/3", Incarnation: "d", Metric: "memory", Reason: noTime},
			{Instance: "orders/4", Incarnation: "e", Reason: "no answer within 2s"},
		}
		if diff := cmp.Diff(want, b.Failed); diff != "" {
			t.Error(diff)
		}
		// It is not measured again, and so is too old at last.
		pass(12 * time.Second)
		if b := r.last(t, 0); len(b.Samples) > 0 || b.Err == "" || b.Failed[0].Instance != "orders/0" {
			t.Errorf("%+v", b)
		}
	})
}

// Of those who are asked for their containers each is a sample too.
func TestUsageOfContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "a"), instance("orders/1", "b"))
		begin := time.Now()
		p.uses("orders/0", func() (sut.Usage, error) {
			return sut.Usage{At: begin, CPU: 3, Memory: 30, Containers: map[string]sut.Resources{"proxy": {CPU: 1, Memory: -10}, "main": {CPU: 2, Memory: 20}}}, nil
		})
		p.uses("orders/1", func() (sut.Usage, error) { return sut.Usage{At: begin, CPU: 5, Memory: 50}, nil })
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{{Workload: "orders", Usage: true, Containers: true, Every: 4 * time.Second}}})
		defer r.stop()
		pass(5 * time.Second)
		b := r.last(t, 0)
		got := map[string]float64{}
		for _, s := range b.Samples {
			got[string(s.Instance)+" "+s.Metric] = s.Value
		}
		if diff := cmp.Diff(map[string]float64{
			"orders/0 cpu": 3, "orders/0 memory": 30, "orders/0 cpu/main": 2, "orders/0 memory/main": 20, "orders/0 cpu/proxy": 1,
			"orders/1 cpu": 5, "orders/1 memory": 50,
		}, got); diff != "" {
			t.Error(diff)
		}
		if len(b.Failed) != 1 || b.Failed[0].Metric != metric.OfContainer(metric.Memory, "proxy") {
			t.Errorf("%+v", b.Failed)
		}
	})
}

// A platform that cannot do it says why.
func TestWhatThePlatformLacksIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "1"))
		clear(p.Verbs)
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{{Workload: "orders", Usage: true, Every: time.Second}, scrape(time.Second)}})
		defer r.stop()
		pass(time.Second)
		for i, c := range []string{"meter", "dial"} {
			want := "orders/0: " + c + " is not offered for orders/0: the test's script has no such verb (way out: put it into Verbs)"
			if b := r.last(t, i); b.Err != want {
				t.Errorf("%+v", b)
			}
		}
	})
}

func TestErrorsOfTheWayAreTold(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"down", errors.New("connection refused"), "connection refused"},
		{"too slow", context.DeadlineExceeded, "no answer within 2s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := metric.Source{Metric: "depth", HTTP: &metric.HTTP{URL: "http://user:secret@queue/?key=secret"}}
				r := start(t, &metric.Reader{Sources: []metric.Source{s}, Client: by(func(req *http.Request) (*http.Response, error) {
					if errors.Is(c.err, context.DeadlineExceeded) {
						<-req.Context().Done()
					}
					return nil, c.err
				})})
				defer r.stop()
				pass(5 * time.Second)
				if b := r.last(t, 0); b.Err != c.want || len(b.Samples) > 0 {
					t.Errorf("%+v", b)
				}
			})
		})
	}
}
