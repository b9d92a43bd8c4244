package containers_test

import (
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

func TestSuite(t *testing.T) {
	suites.Run(t, run.PlatformContainers, "Scenarios on containers", "starts containers, for minutes", 30*time.Minute)
}

var (
	_ = suites.Specs(run.PlatformContainers)
	_ = suites.Counted(run.PlatformContainers)
)
