package process_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/rebound-chaos/rebound/assertions/matchers"
	"github.com/rebound-chaos/rebound/scenarios/run"
	"github.com/rebound-chaos/rebound/scenarios/suites"
)

// judging is how long it may take to judge a run that is over.
const judging = time.Minute

var _ = Describe("process", func() {
	for _, c := range suites.Cases(run.PlatformProcess) {
		Describe(c.Name(), Ordered, ContinueOnFailure, Label(c.Labels()...), func() {
			var played *suites.Played
			BeforeAll(func(ctx SpecContext) {
				var err error
				played, err = c.Play(ctx)
				DeferCleanup(played.Close)
				Expect(err).NotTo(HaveOccurred())
				if missing := played.Lacks(c); missing != nil {
					Skip(missing.Error())
				}
				Expect(played.Problem(c)).To(Succeed())
			}, NodeTimeout(c.Within()))
			AfterEach(func() {
				if CurrentSpecReport().Failed() && played != nil {
					played.Keep()
					AddReportEntry("logs, timelines and the state of the system are in", played.Dir)
				}
			})
			It("recovers in time, while the fault lasts", func(SpecContext) {
				Expect(played.Outcome).To(RecoverWithin(c.RecoverWithin()))
			}, SpecTimeout(judging))
			It("sets off no herd of restarts or reconnects", func(SpecContext) {
				Expect(played.Outcome).To(HaveNoHerd(c.NoHerd()))
			}, SpecTimeout(judging))
			It("passes every check of its scenario", func(SpecContext) {
				Expect(played.Outcome).To(PassAllChecks())
			}, SpecTimeout(judging))
			if c.Control {
				It("needs to be healed: without it the objective is missed", func(SpecContext) {
					Expect(played.Control.Judgement.Missed).To(BeTrue(), "%v", played.Control.Judgement.Reasons)
				}, SpecTimeout(judging))
			}
		})
	}
})
