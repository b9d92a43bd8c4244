package suites

import (
	"context"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/rebound-chaos/rebound/assertions/matchers"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// Specs describes every case of a platform: each is played once, several at a time,
// and its specs look at what that has left.
func Specs(on string) bool {
	plays := &ahead{atOnce: atOnce(on), play: func(ctx context.Context, c Case) (*Played, error) { return c.Play(ctx) }}
	return ginkgo.AfterSuite(plays.end) && ginkgo.Describe(on, func() {
		for _, c := range Cases(on) {
			play := plays.add(c)
			ginkgo.Describe(c.Name(), ginkgo.Ordered, ginkgo.ContinueOnFailure, ginkgo.Label(c.Labels()...), func() {
				c.specs(func(ctx context.Context) (*Played, error) { return plays.wait(ctx, play, chosen) })
			})
		}
	})
}

func (c Case) specs(play func(context.Context) (*Played, error)) {
	// The first spec is charged for the play, which comes before it.
	within := ginkgo.SpecTimeout(c.Within() + time.Minute)
	var played *Played
	ginkgo.BeforeAll(func(ctx ginkgo.SpecContext) {
		var err error
		played, err = play(ctx)
		ginkgo.DeferCleanup(played.Close)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		if missing := played.Lacks(c); missing != nil {
			ginkgo.Skip(missing.Error())
		}
		gomega.Expect(played.Problem(c)).To(gomega.Succeed())
	}, ginkgo.NodeTimeout(c.Within()))
	ginkgo.AfterEach(func() {
		if ginkgo.CurrentSpecReport().Failed() && played != nil {
			played.Keep()
			ginkgo.AddReportEntry("logs, timelines and the state of the system are in", played.Dir)
		}
	})
	if c.Arm == sut.ArmNative {
		ginkgo.It("tells what the platform alone achieves", func(ginkgo.SpecContext) {
			ginkgo.AddReportEntry("the platform alone", Summary(played.Outcome))
			gomega.Expect(played.Outcome.Judgement.Verdict).To(gomega.BeElementOf(timeline.Pass, timeline.Fail), "%v", played.Outcome.Judgement.Reasons)
		}, within)
		return // whether that is enough is not for us to say
	}
	if c.RecoverWithin() > 0 {
		ginkgo.It("recovers in time, while the fault lasts", func(ginkgo.SpecContext) {
			gomega.Expect(played.Outcome).To(matchers.RecoverWithin(c.RecoverWithin()))
		}, within)
	}
	ginkgo.It("sets off no herd of restarts or reconnects", func(ginkgo.SpecContext) {
		gomega.Expect(played.Outcome).To(matchers.HaveNoHerd(c.NoHerd()))
	}, within)
	if w, n := c.Stays(); w != "" && c.Control {
		ginkgo.It("keeps all of "+w+" alive, and the control restarts every one", func(ginkgo.SpecContext) {
			gomega.Expect(played.Outcome).To(matchers.RestartAtMost(w, 0))
			gomega.Expect(played.Control).NotTo(matchers.RestartAtMost(w, n-1))
		}, within)
	}
	if w := c.Storms(); w != "" && c.Control {
		ginkgo.It("asks "+w+" little more than users ask, and the control more than twice as much", func(ginkgo.SpecContext) {
			gomega.Expect(played.Outcome).To(matchers.AmplifyAtMost(w, 0))
			gomega.Expect(played.Control).NotTo(matchers.AmplifyAtMost(w, storm))
		}, within)
	}
	ginkgo.It("passes every check of its scenario", func(ginkgo.SpecContext) {
		gomega.Expect(played.Outcome).To(matchers.PassAllChecks())
	}, within)
	if c.Arm == sut.ArmRebound {
		ginkgo.It("decides the same again when its engine is shown what it saw", func(ctx ginkgo.SpecContext) {
			gomega.Expect(Replay(ctx, played.Outcome)).To(gomega.BeNumerically(">", healed(played.Outcome)), "records that were compared")
		}, within)
	}
	if c.Databases() {
		ginkgo.It("lost no order: each that was acknowledged is a row of PostgreSQL", func(ginkgo.SpecContext) {
			gomega.Expect(played.Outcome.Audit).To(gomega.Succeed())
		}, within)
	}
	if c.LosesPool() {
		ginkgo.It("would see a herd: the pool that comes back to the store exceeds a limit far below its own", func(ginkgo.SpecContext) {
			limit := c.NoHerd()
			limit.MaxReconnectsPerSecond = tooFew
			gomega.Expect(played.Outcome).NotTo(matchers.HaveNoHerd(limit))
		}, within)
	}
	if c.Control {
		ginkgo.It("needs to be healed: without it the objective is missed", func(ginkgo.SpecContext) {
			gomega.Expect(played.Control.Judgement.Missed).To(gomega.BeTrue(), "%v", played.Control.Judgement.Reasons)
		}, within)
	}
}

// healed is how many records of its engine a timeline tells of. The first record, of the
// policy, is in none; where the platform was faster than the engine there is no other.
func healed(o *run.Outcome) (n int) {
	for _, e := range o.Events {
		if e.Healing != nil {
			n = max(n, int(e.Healing.Record)-1)
		}
	}
	return n
}

// Counted has the number of the suite's specs written down when they are over.
func Counted(suite string) bool {
	return ginkgo.ReportAfterSuite("the number of specs", func(r ginkgo.Report) {
		specs := r.SpecReports.WithLeafNodeType(types.NodeTypeIt)
		failed, skipped := specs.CountWithState(types.SpecStateFailureStates), specs.CountWithState(types.SpecStateSkipped|types.SpecStatePending)
		gomega.Expect(count(suite, len(specs)-skipped, failed, skipped, r.RunTime)).To(gomega.Succeed())
	})
}

// Run runs the suite of a package, on a platform. It takes up to takes, and does what
// about says, which go test -short is spared.
func Run(t *testing.T, on, title, about string, takes time.Duration) {
	t.Helper()
	if testing.Short() {
		t.Skip(about)
	}
	deadline, ok := t.Deadline()
	switch enough, why := enough(deadline, ok, takes); {
	case enough:
	case platform.Required(on):
		t.Fatal("REBOUND_REQUIRE asks for " + on + ": " + why)
	default:
		t.Skip(why)
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, title)
}
