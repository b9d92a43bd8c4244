package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// near is a network without one: requests go to the handler, unless it is cut.
type near struct {
	to  atomic.Pointer[fleet.Coordinator]
	cut atomic.Bool
}

func (n *near) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.cut.Load() {
		return nil, errors.New("unreachable")
	}
	w := httptest.NewRecorder()
	n.to.Load().ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (n *near) begin(t *testing.T, c fleet.Config) *fleet.Coordinator {
	t.Helper()
	o, err := fleet.NewCoordinator(c)
	if err != nil {
		t.Fatal(err)
	}
	n.to.Store(o)
	return o
}

// pair is a client with a breaker whose calls end as ok says.
type pair struct {
	*breaker.Breaker
	tried int
}

func (p *pair) call(ok bool) error {
	permit, err := p.Allow()
	if err != nil {
		return err
	}
	if p.State() == breaker.HalfOpen {
		p.tried++
	}
	if ok {
		permit.Done(breaker.OK)
	} else {
		permit.Done(breaker.Failure)
	}
	return nil
}

func join(t *testing.T, n *near, i int) (*fleet.Client, *pair) {
	t.Helper()
	c, err := fleet.NewClient(fleet.ClientConfig{
		URL: "http://coordinator", Dependency: "store", Name: "orders", Identity: identity(i), HTTP: &http.Client{Transport: n},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.New(breaker.Config{Consecutive: 1, OpenFor: time.Second, Jitter: breaker.Percent(0)})
	if err != nil {
		t.Fatal(err)
	}
	return c, &pair{Breaker: b}
}

// members runs clients in a bubble, until the test is over.
func members(t *testing.T, n *near, count int, test func(all []*pair)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var all []*pair
	for i := range count {
		c, p := join(t, n, i)
		all = append(all, p)
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	<-time.After(100 * time.Millisecond)
	test(all)
	stop()
	running.Wait()
}

func states(all []*pair) (closed int) {
	for _, p := range all {
		if p.State() == breaker.Closed {
			closed++
		}
	}
	return closed
}

func TestTrialsOfSomeCloseAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &near{}
		o := n.begin(t, fleet.Config{Trials: 2, RampOver: 10 * time.Second})
		members(t, n, 20, func(all []*pair) {
			for _, p := range all {
				_ = p.call(false)
			}
			<-time.After(time.Second)
			if s := o.Status(); len(s) != 1 || s[0].Members != 20 || s[0].Open != 20 {
				t.Fatalf("%+v", s)
			}
			for range 300 { // 30 s
				for _, p := range all {
					_ = p.call(true)
				}
				<-time.After(100 * time.Millisecond)
			}
			tried := 0
			for _, p := range all {
				tried += p.tried
			}
			if closed := states(all); closed != 20 || tried < 3 || tried > 6 {
				t.Errorf("%d closed after %d trials", closed, tried)
			}
			<-time.After(time.Second)
			if s := o.Status(); s[0].Open != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
}

func TestProbeClosesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &near{}
		o := n.begin(t, fleet.Config{RampOver: 10 * time.Second, HoldFor: 3 * time.Second})
		var up atomic.Bool
		var asked atomic.Int64
		p := fleet.Prober{Fleet: o, Dependency: "store", Ask: func(ctx context.Context) error {
			asked.Add(1)
			if !up.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		}}
		ctx, stop := context.WithCancel(t.Context())
		var probing sync.WaitGroup
		probing.Go(func() { _ = p.Run(ctx) })
		members(t, n, 20, func(all []*pair) {
			<-time.After(5 * time.Second)
			if n := asked.Load(); n > 0 {
				t.Errorf("it asked %d times for nobody", n)
			}
			for _, p := range all {
				_ = p.call(false)
			}
			for range 20 {
				<-time.After(500 * time.Millisecond)
				for _, p := range all {
					_ = p.call(true)
				}
			}
			tried := 0
			for _, p := range all {
				tried += p.tried
			}
			if tried > 1 || asked.Load() < 4 { // the first probe may come after the first trial
				t.Errorf("%d trials of users while %d probes failed", tried, asked.Load())
			}
			up.Store(true)
			<-time.After(8 * time.Second) // three probes, and half of the ramp
			if closed := states(all); closed < 5 || closed > 15 {
				t.Errorf("%d of 20 closed in the middle of the ramp", closed)
			}
			<-time.After(8 * time.Second)
			if closed := states(all); closed != 20 {
				t.Errorf("%d of 20 closed", closed)
			}
		})
		stop()
		probing.Wait()
	})
}

// TestCoordinatorAway: no trial but the member's own while it is away, however long it
// takes to answer, and all as before when another is there.
func TestCoordinatorAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &near{}
		n.begin(t, fleet.Config{})
		members(t, n, 30, func(all []*pair) {
			n.cut.Store(true)
			for _, p := range all {
				_ = p.call(false)
			}
			var busiest, tried int
			for range 60 {
				<-time.After(time.Second)
				before := tried
				tried = 0
				for _, p := range all {
					_ = p.call(false)
					tried += p.tried
				}
				busiest = max(busiest, tried-before)
			}
			if busiest > 4 || tried < 10 || tried > 40 {
				t.Errorf("%d trials in a second, %d in a minute, of 30 that are alone", busiest, tried)
			}
			o := n.begin(t, fleet.Config{})
			n.cut.Store(false)
			<-time.After(40 * time.Second)
			if s := o.Status(); len(s) != 1 || s[0].Members != 30 || s[0].Open != 30 {
				t.Errorf("with another: %+v", s)
			}
		})
	})
}

func TestBadRequests(t *testing.T) {
	o, err := fleet.NewCoordinator(fleet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/members", `{"dependency": "store", "name": "orders", "identity": "1"}`, 200},
		{"POST", "/v1/members", `{"dependency": "store"}`, 400},
		{"POST", "/v1/members", `{"dependency": "` + strings.Repeat("x", 5000) + `"}`, 400},
		{"POST", "/v1/members", `{"shop": 1}`, 400},
		{"POST", "/v1/members", ``, 400},
		{"PUT", "/v1/members/nobody", `{"open": true}`, 404},
		{"POST", "/v1/trials", `{"member": "nobody"}`, 404},
		{"PUT", "/v1/trials/x", `{"member": "nobody", "is": "begun"}`, 400},
		{"PUT", "/v1/trials/1", `{"member": "nobody", "is": "great"}`, 400},
		{"PUT", "/v1/trials/1", `{"member": "nobody", "is": "begun"}`, 404},
		{"GET", "/v1/directives?member=nobody&after=-1", ``, 400},
		{"GET", "/v1/directives?member=nobody&waitSeconds=1e999", ``, 400},
		{"GET", "/v1/directives?member=nobody&waitSeconds=NaN", ``, 404},
		{"GET", "/v1/dependencies", ``, 200},
		{"DELETE", "/v1/members", ``, 405},
	} {
		w := httptest.NewRecorder()
		o.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%s %s %.40s: %d %s, want %d", c.method, c.path, c.body, w.Code, w.Body, c.want)
		}
	}
}
