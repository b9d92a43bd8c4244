package process_test

import (
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/rebound-chaos/rebound/assertions/matchers"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

var _ = Describe("orders", func() {
	It("survives the death of a replica", func(ctx SpecContext) {
		GinkgoT().Setenv("XDG_STATE_HOME", GinkgoT().TempDir())
		binary, err := host.Binary(ctx)
		Expect(err).NotTo(HaveOccurred())
		file, _ := shop.System("process")
		system, err := process.Start(ctx, platform.Config{System: file, Run: fmt.Sprintf("suite-orders-%d", os.Getpid()), Binary: binary})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(system.Close)

		outcome, err := run.Scenario(ctx, system, scenarios.Scenario{
			Metadata: manifest.Metadata{Name: "orders-crash"},
			Spec: scenarios.Spec{
				Claim: "A replica that is killed is started again.",
				Load: manifest.Load{Rate: 20, Requests: []manifest.Request{
					{Method: "POST", Path: "/orders", Body: `{"item":"book"}`, ReadBack: "/orders/${id}"},
				}},
				SteadyState: []scenarios.SLI{{SLI: "success", AtLeast: 0.9}},
				Baseline:    manifest.Duration(3 * time.Second),
				Sustained:   manifest.Duration(3 * time.Second),
				Gates:       scenarios.Gates{LoadFloor: 0.8, MaxLag: manifest.Duration(time.Second)},
				Faults:      []scenarios.Fault{{Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 1}}},
				Expect:      []scenarios.Check{scenarios.Expect("recoverWithin", "6s")},
			},
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(os.RemoveAll, outcome.Dir)

		Expect(outcome).To(RecoverWithin(6 * time.Second).Sustained(3 * time.Second))
		Expect(outcome).To(HaveCapacityRestoredWithin(6 * time.Second))
		Expect(outcome).To(LoseNoAcknowledgedWrite())
		Expect(outcome).To(PassAllChecks())
	}, SpecTimeout(2*time.Minute))
})
