package fleet_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// TestBudgets: each dependency has its own, and what one leaves out is the coordinator's.
func TestBudgets(t *testing.T) {
	k := core(t, fleet.Config{Trials: 2, RampOver: time.Minute, Budgets: map[string]fleet.Budget{"search": {Trials: 1, Per: 10 * time.Second, Passes: 1}}})
	member := func(dependency, identity string) string {
		id, err := k.Register(0, fleet.Registration{Dependency: dependency, Name: "orders", Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Report(0, id, true); err != nil {
			t.Fatal(err)
		}
		return id
	}
	granted := func(now time.Duration, id string) bool {
		a, err := k.Ask(now, id)
		if err != nil {
			t.Fatal(err)
		}
		return a.Granted
	}
	store, search := [2]string{member("store", "a"), member("store", "b")}, [2]string{member("search", "a"), member("search", "b")}
	if !granted(0, store[0]) || !granted(0, search[0]) {
		t.Fatal("nobody may try")
	}
	if !granted(time.Second, store[1]) || granted(time.Second, search[1]) {
		t.Error("the budget of one is that of the other")
	}
	k.Probed(time.Second, "store", breaker.OK)
	k.Probed(time.Second, "search", breaker.OK)
	for id, want := range map[string]fleet.Do{store[0]: fleet.Nothing, search[0]: fleet.Close} {
		d, err := k.Directive(time.Second, id, 0)
		if err != nil || d.Do != want || d.In > time.Minute {
			t.Errorf("%s is told %+v, %v", id, d, err)
		}
	}
}

func TestEveryProblemOfABudget(t *testing.T) {
	_, err := fleet.NewCoordinator(fleet.Config{
		Budgets:  map[string]fleet.Budget{"store": {Trials: -1, Per: 25 * time.Hour, Passes: 2_000_000, RampOver: -1, HoldFor: -1}},
		Settings: map[string]json.RawMessage{"store": json.RawMessage("{"), "search": json.RawMessage(`{"failures": 3}`)},
	})
	for _, want := range []string{
		"budget of store: fleet: config: Per 25h0m0s is more than", "RampOver -1ns is negative", "HoldFor -1ns is negative",
		"Trials -1 is negative", "Passes 2000000 is more than", "settings of store are not JSON",
	} {
		if !errors.Is(err, fleet.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 6 {
		t.Errorf("%d problems:\n%v", n, err)
	}
}

// TestSettings: a member learns from the coordinator how its breaker is to be set.
func TestSettings(t *testing.T) {
	o, err := fleet.NewCoordinator(fleet.Config{Settings: map[string]json.RawMessage{"store": json.RawMessage(`{"failures":3,"within":"10s"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(o)
	defer s.Close()
	ask := func(dependency string) (json.RawMessage, error) {
		c, err := fleet.NewClient(fleet.ClientConfig{URL: s.URL, Dependency: dependency, Name: "orders", Identity: "orders/0"})
		if err != nil {
			t.Fatal(err)
		}
		return c.Settings(t.Context())
	}
	if got, err := ask("store"); err != nil || string(got) != `{"failures":3,"within":"10s"}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := ask("no/such"); err == nil || !strings.Contains(err.Error(), "ask for the settings of no/such: GET /v1/breakers/no%2Fsuch: 404") {
		t.Errorf("%s, %v", got, err)
	}
	answer, err := http.Get(s.URL + "/v1/breakers/search")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ Error string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusNotFound || said.Error != `fleet: no settings of a breaker for "search"` {
		t.Errorf("%s %+v %v", answer.Status, said, err)
	}
}
