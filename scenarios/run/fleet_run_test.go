package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

const fleetPolicy = `
apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: guarded}
spec:
  workloads:
    - {selector: {workload: orders}, readinessProbe: {httpGet: {path: /healthz/ready, port: http}, periodSeconds: 1}}
    - {selector: {workload: store}, livenessProbe: {httpGet: {path: /healthz/live, port: http}, periodSeconds: 1}}
  breakers: [{dependency: store, failures: 4, trialsPerSecond: 2}]
`

// TestTheShopJoinsTheEnginesFleet: every instance of orders is a member of its run's.
func TestTheShopJoinsTheEnginesFleet(t *testing.T) {
	t.Parallel()
	binary(t)
	dir := t.TempDir()
	_, system := shop.System(run.PlatformProcess)
	const links = "      links: [store, inventory, recommendations]\n"
	guarded := strings.Replace(string(system), links, links+"      env: {REBOUND_SHOP_BREAKERS: store=4/30s}\n", 1)
	for name, text := range map[string]string{"system.yaml": guarded, "policy.yaml": fleetPolicy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := compressed(kill(), scenarios.Expect("capacityRestored", map[string]string{"within": "10s"}))
	s.Spec.System, s.Spec.Healing.Policy = filepath.Join(dir, "system.yaml"), filepath.Join(dir, "policy.yaml")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := filepath.Join(dir, "out")
	seen := make(chan string, 1)
	carryOut(ctx, t, run.Config{
		Scenario: s, Out: out, Healers: sut.ArmRebound,
		Observe: func(e timeline.Event) {
			if e.Phase != nil && e.Phase.Name == timeline.PhaseBaseline {
				go func() { seen <- joined(ctx, filepath.Join(out, "logs", "engine.log"), 3) }()
			}
		},
	})
	cancel()
	if got := <-seen; got != "" {
		t.Error(got)
	}
}

var served = regexp.MustCompile(`at=(http://127\.0\.0\.1:\d+)`)

// joined waits until the store has so many clients, as the coordinator tells that the
// engine's log names, and says what there is where they never come.
func joined(ctx context.Context, log string, want int) (problem string) {
	problem = "nobody looked"
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return problem
		case <-tick.C:
		}
		text, err := os.ReadFile(log)
		at := served.FindSubmatch(text)
		if at == nil {
			problem = fmt.Sprintf("the engine does not say where it serves: %s %v", text, err)
			continue
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(at[1])+"/v1/dependencies", http.NoBody)
		if err != nil {
			return err.Error()
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			problem = err.Error()
			continue
		}
		var all struct{ Dependencies []fleet.Status }
		err = json.NewDecoder(answer.Body).Decode(&all)
		_ = answer.Body.Close()
		if err == nil && len(all.Dependencies) == 1 && all.Dependencies[0].Dependency == "store" && all.Dependencies[0].Members == want {
			return ""
		}
		problem = fmt.Sprintf("%+v %v", all, err)
	}
}
