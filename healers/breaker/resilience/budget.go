package resilience

import (
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// What the zero [Budget] stands for.
const (
	DefaultShare = 20 // percent
	DefaultBurst = 10
)

// Budget bounds retries and hedges to a share of the calls, and a burst: of n calls there
// are never more of them than Burst + Share·n, so that a dependency which fails for
// everybody sees little more than it would without retries. It knows no time. Callers of
// one dependency should have one budget between them. It must not be copied after use.
type Budget struct {
	// Share of the calls that may be retried or hedged. The zero Ratio means 20 %.
	Share breaker.Ratio
	// Burst is how many may be at first, and after calls enough that needed none. 0 means 10.
	Burst int
	// Unlimited refuses none: the mistake that makes a storm of an outage, for those who
	// want to see one.
	Unlimited bool

	spent   atomic.Int64 // of Burst, in parts of a retry: Share.Den are one
	refused atomic.Uint64
}

// Refused is how many retries and hedges were not made.
func (b *Budget) Refused() uint64 { return b.refused.Load() }

func (b *Budget) terms() (share breaker.Ratio, burst int64) {
	share, burst = b.Share, int64(b.Burst)
	if share == (breaker.Ratio{}) {
		share = breaker.Percent(DefaultShare)
	}
	if burst == 0 {
		burst = DefaultBurst
	}
	return share, burst * int64(share.Den)
}

// earn is a call.
func (b *Budget) earn() {
	share, _ := b.terms()
	for {
		spent := b.spent.Load()
		if spent == 0 || b.spent.CompareAndSwap(spent, max(0, spent-int64(share.Num))) {
			return
		}
	}
}

// take is a retry or a hedge, if there may be one.
func (b *Budget) take() bool {
	if b.Unlimited {
		return true
	}
	share, all := b.terms()
	for {
		spent := b.spent.Load()
		after := spent + int64(share.Den)
		if after > all {
			b.refused.Add(1)
			return false
		}
		if b.spent.CompareAndSwap(spent, after) {
			return true
		}
	}
}

// account is a Budget as the policies of failsafe-go use one: they ask theirs for these
// methods, which is not in their documentation, and panic in WithBudget where one is
// missing. A call that has retries and hedges has two accounts, of which one earns.
type account struct {
	*Budget
	earns bool
}

var _ budget.Budget = account{}

func (a account) RecordExecution() {
	if a.earns {
		a.earn()
	}
}

func (a account) TryAcquirePermit() bool { return a.take() }

func (account) ReleaseExecution() {}

func (account) ReleasePermit() {}

func (account) OnBudgetExceeded(budget.ExecutionType, failsafe.ExecutionInfo) {}

// Rate is how much of the burst is spent.
func (a account) Rate() float64 {
	_, all := a.terms()
	return float64(a.spent.Load()) / float64(all)
}
