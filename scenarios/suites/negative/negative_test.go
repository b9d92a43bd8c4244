package negative_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

// broken is a scenario of a few seconds that would pass, if it were not for what a
// spec makes of it.
func broken(change func(*scenarios.Spec)) *scenarios.Scenario {
	s := &scenarios.Scenario{
		Metadata: manifest.Metadata{Name: "broken"},
		Spec: scenarios.Spec{
			Claim: "It heals.",
			Load: manifest.Load{Rate: 40, Requests: []manifest.Request{
				{Method: "POST", Path: "/orders", Body: `{"item":"book"}`, ReadBack: "/orders/${id}"},
			}},
			SteadyState: []scenarios.SLI{{SLI: "success", AtLeast: 0.9}},
			Baseline:    manifest.Duration(2 * time.Second),
			Sustained:   manifest.Duration(3 * time.Second),
			Gates:       scenarios.Gates{LoadFloor: 0.8, MaxLag: manifest.Duration(time.Second)},
			Faults:      []scenarios.Fault{{Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 1}}},
			Expect:      []scenarios.Check{scenarios.Expect("capacityRestored", map[string]string{"within": "6s"})},
		},
	}
	change(&s.Spec)
	return s
}

func expect(id string, args any) func(*scenarios.Spec) {
	return func(s *scenarios.Spec) { s.Expect = []scenarios.Check{scenarios.Expect(id, args)} }
}

// within is how long a spec may take. The longest is that of a system that is never
// well: the run waits 45 seconds for it and takes four baselines, and the suite is
// played beside others, so that it has a part of the machine alone.
const within = 3 * time.Minute

var _ = Describe("negative", Label("negative", run.PlatformProcess), func() {
	DescribeTable("is red",
		func(ctx SpecContext, healers, control sut.Arm, change func(*scenarios.Spec), verdict timeline.Verdict, code int) {
			played, err := suites.Play(ctx, run.PlatformProcess, run.Batch{
				Scenarios: []*scenarios.Scenario{broken(change)}, Healers: healers, Control: control,
			})
			DeferCleanup(func() error {
				if CurrentSpecReport().Failed() {
					played.Keep()
					AddReportEntry("logs and timelines are in", played.Dir)
				}
				return played.Close()
			})
			Expect(err).NotTo(HaveOccurred())
			if played.Missing != nil {
				Fail(played.Missing.Error())
			}
			judged := []assertions.Judgement{played.Outcome.Judgement}
			if played.Control != nil {
				judged = append(judged, played.Control.Judgement)
			}
			Expect(judged[0].Verdict).To(Equal(verdict), "%v", judged[0].Reasons)
			Expect(assertions.ExitCode(judged...)).To(Equal(code), "%v", judged[len(judged)-1].Reasons)
		},
		Entry("nothing: this is what passes", SpecTimeout(within),
			sut.ArmRebound, run.ControlOwn, func(*scenarios.Spec) {}, timeline.Pass, assertions.ExitPass),
		Entry("a fault that nobody heals", SpecTimeout(within),
			sut.ArmOff, sut.Arm(""), func(*scenarios.Spec) {}, timeline.Fail, assertions.ExitFail),
		Entry("a fault that does nothing", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), func(s *scenarios.Spec) { s.Faults[0].Fault = "placebo" }, timeline.Inconclusive, assertions.ExitInconclusive),
		Entry("a control that meets the objective", SpecTimeout(within),
			sut.ArmRebound, run.ControlOwn, func(s *scenarios.Spec) { s.Control.Healers = sut.ArmRebound }, timeline.Pass, assertions.ExitInconclusive),
		Entry("an expectation that nobody can meet", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), expect("capacityRestored", map[string]string{"within": "1ms"}), timeline.Fail, assertions.ExitFail),
		Entry("a limit on reconnects that the pools to a restarted store exceed", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), func(s *scenarios.Spec) {
				s.Faults[0].Target.Workload = "store"
				expect("noHerd", map[string]any{"among": []string{"reconnects"}, "maxReconnectsPerSecond": 1})(s)
			}, timeline.Fail, assertions.ExitFail),
		Entry("a population that is too small to tell of herds", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), expect("noHerd", map[string]any{"maxReconnectsPerSecond": 1000, "minPopulation": 10_000}), timeline.Inconclusive, assertions.ExitInconclusive),
		Entry("a system that is not well before it is broken", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), func(s *scenarios.Spec) {
				s.SteadyState = []scenarios.SLI{{SLI: "latency", Percentile: 50, AtMost: manifest.Duration(time.Microsecond)}}
			}, timeline.Inconclusive, assertions.ExitInconclusive),
		Entry("a load that cannot be sent", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), func(s *scenarios.Spec) { s.Gates.MaxLag = manifest.Duration(time.Nanosecond) }, timeline.Inconclusive, assertions.ExitInconclusive),
		Entry("a run whose stop condition is met", SpecTimeout(within),
			sut.ArmRebound, sut.Arm(""), func(s *scenarios.Spec) {
				s.Faults[0].Fault = "hang"
				s.Stop.When = []scenarios.SLI{{SLI: "success", Below: 0.99}}
			}, timeline.Inconclusive, assertions.ExitAborted),
	)
})
