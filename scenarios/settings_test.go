package scenarios_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/scenarios"
)

// settings are what the shop's workloads read of what a scenario adds to their environment.
func settings(t *testing.T, s *scenarios.Scenario, platform string, control bool) map[string]shop.Config {
	t.Helper()
	system, err := s.System(platform, control)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]shop.Config{}
	for _, w := range system.Spec.Workloads {
		var environ []string
		for name, value := range w.Env {
			environ = append(environ, name+"="+value)
		}
		c, err := shop.FromEnvironment(environ)
		if err != nil {
			t.Errorf("%s on %s, control %t: %s: %v", s.Name(), platform, control, w.Name, err)
		}
		all[w.Name] = c
	}
	return all
}

// What a scenario sets is read when an instance starts, which is late to hear of a slip.
func TestSettingsOfTheCatalogueAreTheShops(t *testing.T) {
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, control := range []bool{false, true} {
			for _, platform := range []string{"process", "containers", "kind"} {
				settings(t, s, platform, control)
			}
			system, _ := s.System("process", control)
			all := settings(t, s, "process", control)
			for _, w := range system.Spec.Workloads {
				for to := range all[w.Name].Breakers {
					if !slices.Contains(w.Links, to) {
						t.Errorf("%s: %s does not call %s", name, w.Name, to)
					}
				}
				for to := range all[w.Name].Retries {
					if !slices.Contains(w.Links, to) {
						t.Errorf("%s: %s does not call %s", name, w.Name, to)
					}
				}
			}
		}
	}
}

// Clients that never try again amplify nothing, whatever they have besides: it proves
// something only of those who do.
func TestAmplificationIsOfClientsThatTryAgain(t *testing.T) {
	asked := 0
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Spec.Expect, func(c scenarios.Check) bool { return c.ID == "amplification" })
		if i < 0 {
			continue
		}
		asked++
		var of struct{ To string }
		if err := json.Unmarshal(s.Spec.Expect[i].Args, &of); err != nil {
			t.Fatal(err)
		}
		for _, control := range []bool{false, true} {
			again := false
			for _, c := range settings(t, s, "process", control) {
				again = again || c.Retries[of.To].Max > 0
			}
			if !again {
				t.Errorf("%s, control %t: nobody calls %s again", name, control, of.To)
			}
		}
	}
	if asked == 0 {
		t.Error("no scenario asks for it")
	}
}

// What is set for all must be there in the control's own system too.
func TestEnvOfAControlWithASystemOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("sys.yaml", `
apiVersion: rebound.dev/v1
kind: System
metadata: {name: other}
spec:
  entry: {workload: orders, port: http}
  workloads:
    - {name: orders, command: [./orders], ports: [{name: http}]}
`)
	for env, want := range map[string]string{
		"":            `spec.env.store: expected a workload (orders), got "store"`,
		", env: {}":   "",
		", env: null": `spec.env.store: expected a workload (orders), got "store"`,
	} {
		file := write("mine.yaml", `
apiVersion: rebound.dev/v1
kind: Scenario
metadata: {name: mine}
spec:
  env: {store: {MODE: fast}, orders: {MODE: fast}}
  load: {rate: 10/s, requests: [{path: /}]}
  faults: [{fault: kill, target: {workload: orders}}]
  healing: {policy: shop}
  expect: [{recoverWithin: 5s}]
  control: {healers: rebound, system: ./sys.yaml`+env+`}
`)
		if _, err := scenarios.Load(file); (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("control%s: %v", env, err)
		}
	}
}
