package probe_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// TestAnswersAreToldBeforeThresholds: of the readiness probe alone where there is one, and
// of the end.
func TestAnswersAreToldBeforeThresholds(t *testing.T) {
	for _, row := range []struct {
		name string
		w    policy.Workload
	}{
		{"of readiness", policy.Workload{Readiness: httpProbe(1, 3), Liveness: httpProbe(1, 3)}},
		{"of liveness", policy.Workload{Liveness: httpProbe(1, 3)}},
		{"after the start", policy.Workload{Startup: httpProbe(1, 30), Liveness: httpProbe(1, 3)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				r := start(t, f, row.w, 0)
				defer func() { r.stop() }()
				f.set("orders/0", 200)
				f.deltas <- sut.Delta{Reset: true, Instances: []sut.Instance{instance("orders/0", "1")}}
				pass(2500 * time.Millisecond)
				if got := r.answers(); len(got) < 2 || len(got) > 4 || strings.Trim(got, "S") != "" {
					t.Errorf("while it is well: %s", got)
				}
				f.set("orders/0", 503)
				pass(time.Second)
				if got := r.answers(); got != "F" {
					t.Errorf("below the threshold: %s", got)
				}
				ended := instance("orders/0", "1")
				ended.Phase = sut.PhaseExited
				f.deltas <- sut.Delta{Instances: []sut.Instance{ended}}
				pass(3 * time.Second)
				if got := r.answers(); got != "U" {
					t.Errorf("when it ended: %s", got)
				}
				f.deltas <- sut.Delta{Gone: []sut.ID{"orders/0"}}
				pass(time.Second)
				if got := r.answers(); got != "" {
					t.Errorf("when it is gone: %s", got)
				}
			})
		})
	}
}
