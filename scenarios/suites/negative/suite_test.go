package negative_test

import (
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

func TestSuite(t *testing.T) {
	suites.Run(t, run.PlatformProcess, "What must be red is red", "starts real processes, for minutes", 8*time.Minute)
}

var _ = suites.Counted("negative")
