package matchers

import (
	"time"

	"github.com/onsi/gomega/types"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/recovery"
)

// HaveCapacityRestoredWithin matches a run in which all replicas were ready
// again within d of the confirmed fault, while it lasted.
func HaveCapacityRestoredWithin(d time.Duration) types.GomegaMatcher {
	return check(assertions.CapacityRestored{Within: assertions.Duration(d)})
}

// HaveCapacityAfterRevertWithin matches a run in which all replicas were ready again
// within d of the end of its faults, which ended by themselves.
func HaveCapacityAfterRevertWithin(d time.Duration) types.GomegaMatcher {
	return check(assertions.CapacityAfterRevert{Within: assertions.Duration(d)})
}

// BeServedAfterRevertWithin matches a run in which users were served well again within d of
// the end of its faults, which ended by themselves.
func BeServedAfterRevertWithin(d time.Duration) types.GomegaMatcher {
	return check(assertions.ServedAfterRevert{Within: assertions.Duration(d)})
}

// RestartAtMost matches a run in which instances of a workload were started again, or in
// the place of others, at most n times; "": those of all workloads together.
func RestartAtMost(workload string, n int) types.GomegaMatcher {
	return check(assertions.Restarts{Workload: workload, AtMost: n})
}

// BackOff matches a run in which what ended again and again was started again by the
// back-off of the textbook.
func BackOff(a assertions.BackOff) types.GomegaMatcher { return check(a) }

// HaveNoHerd matches a run in which restarts and reconnects did not come all at
// once. Without arguments the default caps hold; else those of the first.
func HaveNoHerd(caps ...assertions.NoHerd) types.GomegaMatcher {
	return check(append(caps, assertions.NoHerd{})[0])
}

// LoseNoAcknowledgedWrite matches a run after which every acknowledged write was found.
func LoseNoAcknowledgedWrite() types.GomegaMatcher {
	return check(assertions.NoAcknowledgedWriteLost{})
}

// BeHealedBy matches a run that was restored by the one named.
func BeHealedBy(by recovery.RestoredBy) types.GomegaMatcher {
	return check(assertions.HealedBy{By: by})
}

// BeSteady matches a run whose steady state held before anything was broken. It
// asks no gates: it is one.
func BeSteady() types.GomegaMatcher { return bare(assertions.SteadyBaseline{}) }

// PassAllChecks matches a run whose verdict, by its own header, is pass.
func PassAllChecks() types.GomegaMatcher { return judged() }

// LoseAtMost begins [Loss.OfAvailability].
func LoseAtMost(d time.Duration) Loss { return Loss{d} }

// Loss is a limit that wants to know of what.
type Loss struct{ most time.Duration }

// OfAvailability matches a run that lost at most so much availability, in
// seconds of full outage.
func (l Loss) OfAvailability() types.GomegaMatcher {
	return check(assertions.AvailabilityLost{AtMost: assertions.Duration(l.most)})
}

// RecoverWithin matches a run whose users were served again within d of the
// confirmed fault, while it lasted, and for as long as the scenario asks for.
func RecoverWithin(d time.Duration) Recovery {
	a := assertions.RecoverWithin{Within: assertions.Duration(d)}
	return Recovery{check(a), a}
}

// Recovery is the matcher that [RecoverWithin] makes.
type Recovery struct {
	types.GomegaMatcher

	args assertions.RecoverWithin
}

// Sustained matches only recovery that held for d.
func (r Recovery) Sustained(d time.Duration) types.GomegaMatcher {
	r.args.Sustained = assertions.Duration(d)
	return check(r.args)
}

// HaveEnoughReplicas matches a run in which enough replicas could serve in time, and for
// as long as the fault lasted.
func HaveEnoughReplicas(a assertions.EnoughReplicas) types.GomegaMatcher { return check(a) }

// BeScaledBackWithin matches a run in which at most so many replicas of a workload were
// left within d of the end of its faults, which ended by themselves.
func BeScaledBackWithin(workload string, atMost int, d time.Duration) types.GomegaMatcher {
	return check(assertions.ScaledBack{Workload: workload, AtMost: atMost, Within: assertions.Duration(d)})
}

// OvershootAtMost matches a run in which no more replicas than n beyond those needed of a
// workload were asked for.
func OvershootAtMost(workload string, needed, n int) types.GomegaMatcher {
	return check(assertions.Overshoot{Workload: workload, Needed: needed, AtMost: assertions.Share{Count: n}})
}

// FlapAtMost matches a run in which the number of replicas of a workload that are asked
// for turned its direction at most n times.
func FlapAtMost(workload string, n int) types.GomegaMatcher {
	return check(assertions.Flaps{Workload: workload, AtMost: n})
}

// FailWhileScalingAtMost matches a run in which at most these shares of the requests
// failed while a workload was scaled up and down.
func FailWhileScalingAtMost(a assertions.ErrorsWhileScaling) types.GomegaMatcher { return check(a) }

// RemoveNoneInUse matches a run in which no instance of a workload was removed by a
// scale-down while users were sent there.
func RemoveNoneInUse(workload string) types.GomegaMatcher {
	return check(assertions.NoScaleDownInUse{Workload: workload})
}

// HaveBreakersOpen matches a run in which the breakers of a workload opened in time.
func HaveBreakersOpen(a assertions.OpensWithin) types.GomegaMatcher { return check(a) }

// FailFast matches a run in which calls that could not be served were refused at once.
func FailFast(a assertions.FailsFast) types.GomegaMatcher { return check(a) }

// AmplifyAtMost matches a run in which retries made at most so many requests to a workload
// of a call.
func AmplifyAtMost(to string, factor float64) types.GomegaMatcher {
	return check(assertions.Amplification{To: to, AtMost: factor})
}

// HaveTrialsInFlight matches a run in which no more asked at once whether a workload was
// back than may.
func HaveTrialsInFlight(a assertions.TrialsInFlight) types.GomegaMatcher { return check(a) }

// HaveRecoveryOvershoot matches a run in which the clients of a workload that was back
// came without a herd.
func HaveRecoveryOvershoot(a assertions.RecoveryOvershoot) types.GomegaMatcher { return check(a) }

// ServeDegraded matches a run in which as many good answers were degraded ones as should
// be while the fault lasted.
func ServeDegraded(a assertions.DegradedServed) types.GomegaMatcher { return check(a) }
