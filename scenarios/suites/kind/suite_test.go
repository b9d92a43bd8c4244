package kind_test

import (
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

func TestSuite(t *testing.T) {
	suites.Run(t, run.PlatformKind, "Scenarios on kind", "uses a Kubernetes cluster, for minutes", 60*time.Minute)
}

var (
	_ = suites.Specs(run.PlatformKind)
	_ = suites.Counted(run.PlatformKind)
)
