package run

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// One replica for each five requests a second, two to five.
const scalingPolicy = `
apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: scaled}
spec:
  workloads:
    - selector: {workload: orders}
      readinessProbe: {httpGet: {path: /healthz/ready, port: http}, periodSeconds: 1, timeoutSeconds: 1}
      disruptionBudget: {minAvailable: 1}
      autoscaling:
        minReplicas: 2
        maxReplicas: 5
        every: 1s
        metrics:
          - {type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: "5"}}}
        behavior: {scaleDown: {stabilizationWindowSeconds: 3}}
        sources: [{metric: rps, scrape: {port: http, name: shop_requests_total, rate: true}}]
`

// Real processes are scaled by what is read from their own pages: up under load, to the
// maximum, and down to the minimum when it is over.
func TestScalesWithLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	binary, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Load("scaled.yaml", []byte(scalingPolicy))
	if err != nil {
		t.Fatal(err)
	}
	file, _ := shop.System(PlatformProcess)
	sys, err := process.Start(t.Context(), platform.Config{System: file, Run: fmt.Sprintf("scale-%d", time.Now().UnixNano()), Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	j, err := journal.Open(ctx, filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	l := &healers.Live{
		System: sys, Journal: j, Actuator: act.New(sys), Trial: true, Policy: pol, Notify: func(healers.Message, bool) {},
		Prober: &probe.Runner{System: sys, Policy: pol}, Meter: &metric.Reader{System: sys, Sources: pol.Sources()},
	}
	healing := spawn(ctx, l.Run)

	loading := spawn(ctx, func(ctx context.Context) error { return order(ctx, sys.Entry()) })
	if n := reach(ctx, sys, 5); n != 5 {
		t.Errorf("expected five replicas under load, got %d", n)
	}
	if err := loading.end(); err != nil {
		t.Error(err)
	}
	if n := reach(ctx, sys, 2); n != 2 {
		t.Errorf("expected two replicas without load, got %d", n)
	}
	if err := healing.end(); err != nil {
		t.Error(err)
	}
	var scaled []string
	_, records, err := j.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		if r.Act != nil && r.Act.Verb == "scale" {
			scaled = append(scaled, string(r.Act.Args))
		}
	}
	if all := strings.Join(scaled, " "); !strings.Contains(all, `{"replicas":5}`) || !strings.HasSuffix(all, `{"replicas":2}`) {
		t.Errorf("the record has %s", all)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// order sends forty orders a second until ctx ends. How they fare is not asked here.
func order(ctx context.Context, entry string) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, entry+"/orders", strings.NewReader(`{"item":"book"}`))
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}
}

// reach waits for so many replicas of orders, and says how many there were at last.
func reach(ctx context.Context, sys sut.System, want int) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	there := map[sut.ID]bool{}
	_ = sys.Watch(ctx, func(d sut.Delta) error { // it ends because we end it
		if d.Reset {
			clear(there)
		}
		for _, in := range d.Instances {
			if in.Workload == "orders" {
				there[in.ID] = true
			}
		}
		for _, id := range d.Gone {
			delete(there, id)
		}
		if len(there) == want {
			cancel()
		}
		return nil
	})
	return len(there)
}
