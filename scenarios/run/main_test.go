package run_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// TestMain lets the test binary be the guardian of a batch.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "_guardian" { // --dir DIR --lease DURATION
		lease, err := time.ParseDuration(os.Args[5])
		if err == nil {
			err = faults.ServeGuardian(os.Stdin, os.Stdout, os.Args[3], lease, run.Undo)
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
