package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// scaledBy is a policy that scales orders.
func scaledBy(autoscaling string) []byte {
	return fmt.Appendf(nil, `
apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: shop}
spec:
  workloads:
    - selector: {workload: orders}
      autoscaling: %s
`, autoscaling)
}

// A kubelet measures each ten seconds, and a metrics server as seldom as each minute: what
// they say counts until the next comes, however often is decided.
func TestHowOldUsageMayBe(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"{maxReplicas: 3}":                         2 * time.Minute,
		"{maxReplicas: 3, every: 5s}":              2 * time.Minute,
		"{maxReplicas: 3, every: 1m}":              3 * time.Minute,
		"{maxReplicas: 3, every: 5s, maxAge: 20s}": 20 * time.Second,
	} {
		p, err := policy.Load("shop.yaml", scaledBy(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		sources := p.Workloads[0].Scaling.Sources
		if len(sources) != 1 || !sources[0].Usage || sources[0].MaxAge != want {
			t.Errorf("%s: expected usage that counts for %s, got %+v", text, want, sources)
		}
	}
	external := "metrics: [{type: External, external: {metric: {name: q}, target: {type: Value, value: 1}}}], sources: [{metric: q, http: {url: 'http://127.0.0.1:1/', field: q}}]"
	for text, want := range map[string]string{
		"{maxReplicas: 3, maxAge: 10s}":                  "autoscaling.maxAge: expected every (15s) or more, got 10s",
		"{maxReplicas: 3, maxAge: 1m, " + external + "}": "autoscaling.maxAge: it is of cpu and memory",
	} {
		if _, err := policy.Load("shop.yaml", scaledBy(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected %q, got %v", text, want, err)
		}
	}
}
