package process_test

import (
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

func TestSuite(t *testing.T) {
	suites.Run(t, run.PlatformProcess, "Scenarios on processes", "starts real processes, for minutes", 8*time.Minute)
}

var (
	_ = suites.Specs(run.PlatformProcess)
	_ = suites.Counted(run.PlatformProcess)
)
