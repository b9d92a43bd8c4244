package kind_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// All runs share one cluster. One that was up before stays.
var _ = BeforeSuite(func(ctx SpecContext) {
	state, err := run.MakeStateDir("")
	Expect(err).NotTo(HaveOccurred())
	before, lookErr := cluster.Look(ctx, state)
	_, err = cluster.Up(ctx, state, func(words string) { GinkgoWriter.Println(words) })
	if lookErr == nil && len(before.Nodes) == 0 {
		DeferCleanup(func(ctx context.Context) error {
			return cluster.Down(ctx, state, func(words string) { GinkgoWriter.Println(words) })
		}, NodeTimeout(5*time.Minute))
	}
	if missing, ok := errors.AsType[*sut.Missing](err); ok && !platform.Required(run.PlatformKind) {
		Skip(missing.Error())
	}
	Expect(err).NotTo(HaveOccurred())
}, NodeTimeout(10*time.Minute))
