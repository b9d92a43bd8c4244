package run

import (
	"net"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/scenarios"
)

func TestJoinFleet(t *testing.T) {
	some := []policy.Breaker{{Dependency: "store", Probe: true}}
	for _, row := range []struct {
		name     string
		breakers []policy.Breaker
		arm      sut.Arm
		platform Platform
		lent     bool
		joins    bool
		note     string
	}{
		{name: "HAPPY processes", breakers: some, arm: sut.ArmRebound, platform: Platform{Name: "process", Loopback: true}, joins: true},
		{name: "HAPPY and of what is not there", breakers: []policy.Breaker{{Dependency: "sotre", Probe: true}, {Dependency: "stripe"}}, arm: sut.ArmRebound, platform: Platform{Name: "process", Loopback: true}, joins: true, note: "the policy has breakers of sotre, which is no workload of the system"},
		{name: "no breakers", arm: sut.ArmRebound, platform: Platform{Name: "process", Loopback: true}},
		{name: "nobody heals", breakers: some, arm: sut.ArmOff, platform: Platform{Name: "process", Loopback: true}},
		{name: "out of reach", breakers: some, arm: sut.ArmRebound, platform: Platform{Name: "containers"}, note: "not shared on containers"},
		{name: "somebody else's", breakers: some, arm: sut.ArmRebound, platform: Platform{Name: "process", Loopback: true}, lent: true, note: "started by somebody else"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := sessionOn(row.platform, faults.Schedule{})
			s.policy, s.cfg.Healers = &policy.Policy{Breakers: row.breakers}, row.arm
			s.system = &manifest.System{Spec: manifest.SystemSpec{Workloads: []manifest.Workload{
				{Name: "orders", Env: map[string]string{"A": "b"}}, {Name: "store"}, {Name: "own", Env: map[string]string{FleetVariable: "http://elsewhere"}},
			}}}
			if row.lent {
				s.cfg.System = &lent{Scripted: suttest.New(sut.Delta{})}
			}
			before := s.system
			if err := s.joinFleet(); err != nil {
				t.Fatal(err)
			}
			if (s.fleet != "") != row.joins || (s.system != before) != row.joins || len(s.cleanups) > 0 != row.joins {
				t.Fatalf("it is served at %q", s.fleet)
			}
			notes := ""
			for _, e := range s.rec.all() {
				notes += e.Note.Text
			}
			if (notes == "") != (row.note == "") || !strings.Contains(notes, row.note) {
				t.Errorf("noted %q", notes)
			}
			if !row.joins {
				return
			}
			all, url := s.system.Spec.Workloads, "http://"+s.fleet
			if all[0].Env[FleetVariable] != url || all[0].Env["A"] != "b" || all[1].Env[FleetVariable] != url || all[2].Env[FleetVariable] != "http://elsewhere" {
				t.Errorf("%+v", all)
			}
			if before.Spec.Workloads[0].Env[FleetVariable] != "" || !strings.HasPrefix(url, "http://127.0.0.1:") {
				t.Errorf("the scenario's own system was changed, or %s is not ours alone", url)
			}
			for range 2 { // an engine, and the one after it
				ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", s.fleet)
				if err != nil {
					t.Fatal(err)
				}
				if err := ln.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.undo(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a scenario sets for workloads that run already changes nothing.
func TestEnvOfALentSystem(t *testing.T) {
	for _, env := range []map[string]map[string]string{nil, {"orders": {"A": "b"}}} {
		s := sessionOn(Platform{Name: "process"}, faults.Schedule{})
		s.cfg.System, s.cfg.Scenario = &lent{Scripted: suttest.New(sut.Delta{})}, &scenarios.Scenario{Spec: scenarios.Spec{Env: env}}
		if err := s.startSystem(t.Context()); err != nil {
			t.Fatal(err)
		}
		notes := ""
		for _, e := range s.rec.all() {
			notes += e.Note.Text
		}
		if strings.Contains(notes, "env of the scenario") != (env != nil) {
			t.Errorf("with %v it is noted: %s", env, notes)
		}
	}
}
