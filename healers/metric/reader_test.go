package metric_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/metric"
)

// All instances are asked once in each period, spread over half of it, and told together.
func TestLooksAreSpreadOverHalfOfThePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const replicas, every = 50, 10 * time.Second
		var all []sut.Instance
		for i := range replicas {
			all = append(all, instance(sut.InstanceID("orders", i), "1"))
		}
		p := newPlace(append(all, instance("store/0", "1"))...)
		for i := range replicas {
			p.says(sut.InstanceID("orders", i), fmt.Sprintf("queue %d\n", i))
		}
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{scrape(every)}, Seed: 7})
		defer r.stop()
		pass(3 * every)
		var seconds [6]int
		for i := range replicas {
			at := p.looks(sut.InstanceID("orders", i))
			if len(at) != 3 || at[1]-at[0] != every || at[2]-at[1] != every {
				t.Fatalf("orders/%d was asked at %v", i, at)
			}
			seconds[at[0]/time.Second]++
		}
		if slices.Min(seconds[:5]) < 3 || slices.Max(seconds[:5]) > 20 {
			t.Errorf("looks by second: %v", seconds)
		}
		if len(p.looks("store/0")) > 0 {
			t.Error("an instance of another workload was asked")
		}
		batches, when := r.batches()
		if len(batches) != 3 || when[1]-when[0] != every {
			t.Fatalf("%d batches at %v", len(batches), when)
		}
		for _, b := range batches {
			if len(b.Samples) != replicas || len(b.Failed) > 0 || b.Err != "" {
				t.Fatalf("%+v", b)
			}
			if !slices.IsSortedFunc(b.Samples, func(x, y metric.Sample) int { return strings.Compare(string(x.Instance), string(y.Instance)) }) {
				t.Error("the samples are not sorted")
			}
			for _, s := range b.Samples {
				if want := sut.InstanceID("orders", int(s.Value)); s.Instance != want || s.Incarnation != "1" || s.Workload != "orders" || s.Metric != "queue" {
					t.Errorf("%+v", s)
				}
			}
		}
	})
}

// Two runs of one seed ask at the same times, whatever the incarnations are called.
func TestPhasesAreTheSeeds(t *testing.T) {
	looks := func(seed uint64, incarnation string) (at []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(instance("orders/0", incarnation), instance("orders/1", incarnation))
			r := start(t, &metric.Reader{System: p, Sources: []metric.Source{scrape(time.Second)}, Seed: seed})
			defer r.stop()
			pass(5 * time.Second)
			at = append(p.looks("orders/0"), p.looks("orders/1")...)
		})
		return at
	}
	one, again, other := looks(1, "101+5"), looks(1, "7+9000"), looks(2, "101+5")
	if len(one) != 10 || !slices.Equal(one, again) {
		t.Errorf("looks at %v\n and then at %v", one, again)
	}
	if slices.Equal(one, other) {
		t.Errorf("another seed asks at the same times: %v", one)
	}
}

// Who does not answer is missing, and not zero; the others count.
func TestOneThatDoesNotAnswerIsMissingAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "a"), instance("orders/1", "b"), instance("orders/2", "c"), instance("orders/3", "d"), instance("orders/4", "e"))
		p.says("orders/0", "queue 5\n")
		p.hangs("orders/1")
		p.serves("orders/3", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusServiceUnavailable) })
		p.says("orders/4", "queue NaN\n")
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{scrape(10 * time.Second)}})
		defer r.stop()
		pass(9 * time.Second)
		b := r.last(t, 0)
		if len(b.Samples) != 1 || b.Samples[0].Instance != "orders/0" || b.Samples[0].Value != 5 || b.Err != "" {
			t.Errorf("%+v", b)
		}
		want := []metric.Failure{
			{Instance: "orders/1", Incarnation: "b", Reason: "no answer within 2s"},
			{Instance: "orders/2", Incarnation: "c", Reason: "dial: connection refused"},
			{Instance: "orders/3", Incarnation: "d", Reason: `status 503: "not now"`},
			{Instance: "orders/4", Incarnation: "e", Reason: "queue: NaN is no value"},
		}
		if !slices.Equal(b.Failed, want) {
			t.Errorf("failed:\n%+v\nwant:\n%+v", b.Failed, want)
		}
		p.refuses("orders/0")
		pass(10 * time.Second)
		if b = r.last(t, 0); len(b.Samples) > 0 || b.Err != "none of 5 gave a value; orders/0: dial: connection refused" {
			t.Errorf("%+v", b)
		}
	})
}

// Five that hang, one at a time, take five periods: the rounds between are left out.
func TestLooksDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []sut.Instance
		for i := range 5 {
			all = append(all, instance(sut.InstanceID("orders", i), "1"))
		}
		p := newPlace(all...) // a meter that hangs
		s := metric.Source{Workload: "orders", Usage: true, Every: 2 * time.Second, Timeout: 2 * time.Second}
		quick := metric.Source{Metric: "depth", HTTP: &metric.HTTP{URL: "http://queue"}, Every: time.Second}
		r := start(t, &metric.Reader{
			System: p, Sources: []metric.Source{s, quick}, Workers: 1,
			Client: by(func(*http.Request) (*http.Response, error) { return ok("7"), nil }),
		})
		defer r.stop()
		pass(30 * time.Second)
		if p.atOnce() != 1 {
			t.Errorf("%d looks at once", p.atOnce())
		}
		if at := p.looks("orders/0"); len(at) != 3 {
			t.Errorf("asked at %v", at)
		}
		var slow, others int
		batches, _ := r.batches()
		for _, b := range batches {
			if b.Source == 0 {
				slow++
				if b.Err == "" || len(b.Failed) != 5 {
					t.Errorf("%+v", b)
				}
			} else if others++; len(b.Samples) != 1 || b.Samples[0].Value != 7 {
				t.Errorf("%+v", b)
			}
		}
		if slow != 2 || others != 30 {
			t.Errorf("%d batches of the slow source, %d of the other", slow, others)
		}
	})
}

// One that hangs costs the others no period.
func TestOneThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "a"), instance("orders/1", "b"), instance("orders/2", "c"))
		p.says("orders/0", "queue 5\n")
		p.hangs("orders/1")
		p.says("orders/2", "queue 6\n")
		s := scrape(2 * time.Second)
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{s}})
		defer r.stop()
		pass(30 * time.Second)
		batches, _ := r.batches()
		for _, b := range batches {
			if len(b.Samples) != 2 || len(b.Failed) != 1 {
				t.Errorf("%+v", b)
			}
		}
		if len(batches) != 15 {
			t.Errorf("%d batches in 15 periods", len(batches))
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []sut.Instance
		for i := range 40 {
			all = append(all, instance(sut.InstanceID("orders", i), "1"))
		}
		p := newPlace(all...)
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{{Workload: "orders", Usage: true, Every: time.Second}}, Workers: 3})
		defer r.stop()
		pass(20 * time.Second)
		if p.atOnce() != 3 {
			t.Errorf("%d looks at once", p.atOnce())
		}
	})
}

// A new incarnation, one that ended and one that is gone are seen at the next round; of who
// ended while it was asked nothing is told.
func TestInstancesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "1"), instance("orders/1", "1"), instance("orders/2", "1"))
		for _, id := range []sut.ID{"orders/0", "orders/1", "orders/2", "orders/3"} {
			p.says(id, "queue 1\n")
		}
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{scrape(4 * time.Second)}})
		defer r.stop()
		told := func() (out []sut.Target) {
			for _, s := range r.last(t, 0).Samples {
				out = append(out, sut.Target{ID: s.Instance, Incarnation: s.Incarnation})
			}
			return out
		}
		pass(3 * time.Second)
		if got := told(); len(got) != 3 {
			t.Fatalf("%v", got)
		}
		ended := instance("orders/1", "1")
		ended.Phase = sut.PhaseExited
		p.Push(sut.Delta{Instances: []sut.Instance{instance("orders/0", "2"), ended, instance("orders/3", "1")}, Gone: []sut.ID{"orders/2"}})
		pass(4 * time.Second)
		if got, want := told(), []sut.Target{{ID: "orders/0", Incarnation: "2"}, {ID: "orders/3", Incarnation: "1"}}; !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		p.hangs("orders/0")
		for n := len(p.looks("orders/0")); len(p.looks("orders/0")) == n; {
			pass(10 * time.Millisecond)
		}
		before, _ := r.batches()
		p.Push(sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/3", "1")}})
		pass(3 * time.Second)
		if after, _ := r.batches(); len(after) != len(before)+1 {
			t.Errorf("%d batches of the round that was under way", len(after)-len(before))
		}
		if b := r.last(t, 0); len(b.Failed) > 0 || len(b.Samples) != 1 || b.Samples[0].Instance != "orders/3" {
			t.Errorf("%+v", b)
		}
		p.Push(sut.Delta{Reset: true})
		pass(6 * time.Second)
		if b := r.last(t, 0); b.Err != "" || len(b.Failed) > 0 || len(b.Samples) > 0 {
			t.Errorf("of no instances: %+v", b)
		}
	})
}

// blind is a system that cannot be watched at first.
type blind struct {
	*place
	tries int
}

func (b *blind) Watch(ctx context.Context, f func(sut.Delta) error) error {
	if b.tries++; b.tries < 8 {
		return errors.New("socket closed")
	}
	return b.place.Watch(ctx, f)
}

// While nobody knows which instances there are, the source has failed: that there are none
// is another thing.
func TestUnknownInstancesAreNoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "1"))
		p.says("orders/0", "queue 1\n")
		r := start(t, &metric.Reader{System: &blind{place: p}, Sources: []metric.Source{scrape(time.Second)}})
		defer r.stop()
		pass(time.Second)
		if b := r.last(t, 0); b.Err != "watch the system: socket closed" {
			t.Errorf("%+v", b)
		}
		pass(20 * time.Second)
		if b := r.last(t, 0); b.Err != "" || len(b.Samples) != 1 {
			t.Errorf("%+v", b)
		}
	})
}

// The looks that the end calls off tell nothing of anybody, and Run waits for them.
func TestTheEndIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(instance("orders/0", "1"))
		p.hangs("orders/0")
		s := scrape(time.Minute)
		s.Timeout = time.Minute
		slow := metric.Source{Metric: "depth", HTTP: &metric.HTTP{URL: "http://queue"}, Every: time.Minute, Timeout: time.Minute}
		r := start(t, &metric.Reader{System: p, Sources: []metric.Source{s, slow}, Client: by(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})})
		pass(40 * time.Second)
		if len(p.looks("orders/0")) != 1 {
			t.Fatal("nothing is under way")
		}
		r.stop()
		if batches, _ := r.batches(); len(batches) > 0 {
			t.Errorf("told %+v", batches)
		}
	})
}

func TestRunRefusesWhatIsNotValid(t *testing.T) {
	none := func(metric.Batch) { t.Error("somebody was asked") }
	r := &metric.Reader{Sources: []metric.Source{{Metric: "a"}, {Metric: "b", HTTP: &metric.HTTP{URL: "queue"}}}}
	want := "read metrics: sources[0]: expected scrape, prometheus, http or usage\n" +
		`sources[1].http.url: expected an address that begins with http:// or https://, got "queue"`
	if err := r.Run(t.Context(), none); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	r = &metric.Reader{Sources: []metric.Source{{Workload: "orders", Usage: true}}}
	if err := r.Run(t.Context(), none); err == nil || !strings.Contains(err.Error(), "no system") {
		t.Errorf("%v", err)
	}
}
