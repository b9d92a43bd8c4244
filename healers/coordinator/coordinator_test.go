package coordinator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
	"github.com/rebound-chaos/rebound/healers/coordinator"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = `apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: shop}
spec:
  workloads:
    - {selector: {workload: store}, livenessProbe: {tcpSocket: {port: http}}}
  breakers:
    - {dependency: store, consecutive: 1, openFor: 1s, jitter: 0%, spread: 10s, trialsPerSecond: 2, rampOver: 5s, holdFor: 4s}
    - {dependency: stripe, probe: false}
`

func load(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("shop.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func begin(t *testing.T) *coordinator.Coordinator {
	t.Helper()
	c, err := coordinator.New(load(t, shop))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// near is a network without one: requests go to the handler.
type near struct{ to http.Handler }

func (n near) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	n.to.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// members runs clients of the store in a bubble, until the test is over.
func members(t *testing.T, c *coordinator.Coordinator, count int, test func(all []*breaker.Breaker)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var all []*breaker.Breaker
	for i := range count {
		identity := fmt.Sprintf("orders/%d", i)
		client, err := fleet.NewClient(fleet.ClientConfig{
			URL: "http://engine", Dependency: "store", Name: "orders", Identity: identity, HTTP: &http.Client{Transport: near{c}},
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := client.Settings(ctx)
		if err != nil {
			t.Fatal(err)
		}
		config, err := settings.ReadShared("store", raw, identity)
		if err != nil {
			t.Fatal(err)
		}
		b, err := client.New(config)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
		running.Go(func() { _ = client.Run(ctx) })
	}
	<-time.After(100 * time.Millisecond)
	test(all)
	stop()
	running.Wait()
}

func closed(all []*breaker.Breaker) (n int) {
	for _, b := range all {
		if b.State() == breaker.Closed {
			n++
		}
	}
	return n
}

func answer(id sut.ID, r probe.Result) probe.Answer {
	return probe.Answer{Target: sut.Target{ID: id, Incarnation: "1"}, Result: r}
}

// TestTheEnginesProbeClosesBreakers: no user's request is a trial. They close one after
// another, over the time that the policy gives them.
func TestTheEnginesProbeClosesBreakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := begin(t)
		members(t, c, 20, func(all []*breaker.Breaker) {
			for _, b := range all {
				b.Trip()
			}
			tried := 0
			ask := func(d time.Duration) {
				for range d / (100 * time.Millisecond) {
					for _, b := range all {
						if permit, err := b.Allow(); err == nil {
							if permit.Trial() {
								tried++
							}
							permit.Done(breaker.OK)
						}
					}
					<-time.After(100 * time.Millisecond)
				}
			}
			for range 4 { // the hold outlasts the delays of all
				c.Answered(answer("store/0", probe.Failure))
				ask(time.Second)
			}
			if n := closed(all); n != 0 || tried != 0 {
				t.Fatalf("%d closed and %d trials while the engine sees that it is away", n, tried)
			}
			for range 3 {
				c.Answered(answer("store/0", probe.Success))
			}
			synctest.Wait()
			at := map[int]int{}
			for second := 1; second <= 6; second++ {
				ask(time.Second)
				at[second] = closed(all)
			}
			if at[1] > 8 || at[3] < 8 || at[6] != 20 || tried != 0 {
				t.Errorf("closed after so many seconds: %v; %d trials", at, tried)
			}
		})
	})
}

// TestTrialsAreShared: without a word of the engine, users find out, two in a second.
func TestTrialsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members(t, begin(t), 20, func(all []*breaker.Breaker) {
			for _, b := range all {
				b.Trip()
			}
			tried := 0
			for range 50 {
				for _, b := range all {
					if permit, err := b.Allow(); err == nil {
						if permit.Trial() {
							tried++
						}
						permit.Done(breaker.Failure)
					}
				}
				<-time.After(100 * time.Millisecond)
			}
			if tried == 0 || tried > 10 {
				t.Errorf("%d trials in five seconds", tried)
			}
		})
	})
}

// TestADependencyIsUpWhenAnyInstanceIs looks at what members are told.
func TestADependencyIsUpWhenAnyInstanceIs(t *testing.T) {
	well := func(id sut.ID) probe.Answer { return answer(id, probe.Success) }
	ill := func(id sut.ID) probe.Answer { return answer(id, probe.Failure) }
	unseen := func(id sut.ID) probe.Answer { return answer(id, probe.Unknown) }
	for _, row := range []struct {
		name string
		says []probe.Answer
		want fleet.Do
	}{
		{"three of one", []probe.Answer{well("store/0"), well("store/0"), well("store/0")}, fleet.Close},
		{"three of several", []probe.Answer{well("store/0"), well("store/1"), well("store/2")}, fleet.Close},
		{"one is ill", []probe.Answer{well("store/0"), ill("store/1"), well("store/0"), ill("store/1"), well("store/0")}, fleet.Close},
		{"two are too few", []probe.Answer{well("store/0"), well("store/0")}, fleet.Nothing},
		{"none is well", []probe.Answer{ill("store/0")}, fleet.Hold},
		{"the last fell ill", []probe.Answer{well("store/0"), well("store/1"), ill("store/0"), ill("store/1")}, fleet.Hold},
		{"who ended is well no more", []probe.Answer{well("store/0"), unseen("store/0"), ill("store/1")}, fleet.Hold},
		{"nobody is left", []probe.Answer{well("store/0"), unseen("store/0")}, fleet.Nothing},
		{"what the prober could not see", []probe.Answer{well("store/0"), well("store/0"), unseen("store/0"), well("store/0")}, fleet.Close},
		{"of another", []probe.Answer{ill("orders/0"), well("orders/0"), ill("stripe/0")}, fleet.Nothing},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := begin(t)
			var m struct{ Member string }
			call(t, c, http.MethodPost, "/v1/members", `{"dependency": "store", "name": "orders", "identity": "orders/0"}`, &m)
			call(t, c, http.MethodPut, "/v1/members/"+m.Member, `{"open": true}`, &struct{}{})
			for _, a := range row.says {
				c.Answered(a)
			}
			var told struct{ Do fleet.Do }
			call(t, c, http.MethodGet, "/v1/directives?member="+m.Member, "", &told)
			if told.Do != row.want {
				t.Errorf("members are told to %q, expected %q", told.Do, row.want)
			}
		})
	}
}

func call(t *testing.T, h http.Handler, method, path, body string, into any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsAreThoseOfThePolicy(t *testing.T) {
	c := begin(t)
	var got json.RawMessage
	call(t, c, http.MethodGet, "/v1/breakers/stripe", "", &got)
	const want = `{"name":"stripe","failures":5,"within":"30s","openFor":"30s","max":"5m0s","growth":2,"jitter":"50%","trials":1,"successes":1}`
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("%s", got)
	}
}

func TestAPolicyWithoutBreakersHasNoCoordinator(t *testing.T) {
	head, _, _ := strings.Cut(shop, "  breakers:")
	if _, err := coordinator.New(load(t, head)); !errors.Is(err, coordinator.ErrNone) {
		t.Error(err)
	}
}
