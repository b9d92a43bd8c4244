package process_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/rebound-chaos/rebound/scenarios/suites"
)

// takes is how long the suite may take.
const takes = 8 * time.Minute

func TestSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes, for minutes")
	}
	deadline, ok := t.Deadline()
	if enough, why := suites.Enough(deadline, ok, takes); !enough {
		t.Skip(why)
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Scenarios on processes")
}

var _ = ReportAfterSuite("the number of specs", func(r Report) {
	specs := r.SpecReports.WithLeafNodeType(types.NodeTypeIt)
	failed, skipped := specs.CountWithState(types.SpecStateFailureStates), specs.CountWithState(types.SpecStateSkipped|types.SpecStatePending)
	Expect(suites.Count("process", len(specs)-skipped, failed, skipped, r.RunTime)).To(Succeed())
})
