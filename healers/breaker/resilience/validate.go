package resilience

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// ErrConfig is what every error of [Preset.Validate] is.
var ErrConfig = errors.New("resilience: config")

// maxCount is of what is kept, or made, for each.
const maxCount = 1 << 20

// Validate names every problem, one error each.
func (p *Preset[R]) Validate() error {
	found := &problems{}
	found.notNegative("Timeout", p.Timeout)
	found.notNegative("AttemptTimeout", p.AttemptTimeout)
	if p.Timeout > 0 && p.AttemptTimeout >= p.Timeout {
		found.add("AttemptTimeout %v is not less than Timeout %v, which would always be first", p.AttemptTimeout, p.Timeout)
	}
	if p.Classify != nil && p.Breaker == nil && p.Watch == nil {
		found.add("Classify is for Breaker and Watch, and neither is set")
	}
	if p.Budget != nil {
		if p.Retry == nil && p.Hedge == nil {
			found.add("Budget is for Retry and Hedge, and neither is set")
		}
		p.Budget.check(found)
	}
	if p.Retry != nil {
		p.Retry.check(found)
		if first, _ := p.Retry.delays(); p.Timeout > 0 && first >= p.Timeout {
			found.add("Retry.Delay %v is not less than Timeout %v: there would be no retry", first, p.Timeout)
		}
	}
	if h := p.Hedge; h != nil {
		found.notNegative("Hedge.After", h.After)
		found.count("Hedge.Max", h.Max)
		for _, limit := range []time.Duration{p.AttemptTimeout, p.Timeout} {
			if limit > 0 && h.After >= limit {
				found.add("Hedge.After %v is not less than the timeout %v: there would be no hedge", h.After, limit)
				break
			}
		}
	}
	if b := p.Bulkhead; b != nil {
		found.count("Bulkhead.Calls", b.Calls)
		found.notNegative("Bulkhead.Wait", b.Wait)
	}
	if l := p.Limiter; l != nil {
		found.count("Limiter.Min", l.Min)
		found.count("Limiter.Max", l.Max)
		found.count("Limiter.Initial", l.Initial)
		if least, most, initial := l.limits(); least > most {
			found.add("Limiter.Min %d is more than Max %d", least, most)
		} else if initial < least || initial > most {
			found.add("Limiter.Initial %d is not between Min %d and Max %d", initial, least, most)
		}
	}
	return found.join()
}

func (r *Retry[R]) check(p *problems) {
	p.count("Retry.Max", r.Max)
	p.notNegative("Retry.Delay", r.Delay)
	p.notNegative("Retry.MaxDelay", r.MaxDelay)
	if first, most := r.delays(); r.MaxDelay > 0 && most < first {
		p.add("Retry.MaxDelay %v is less than Delay %v", most, first)
	}
}

func (b *Budget) check(p *problems) {
	p.count("Budget.Burst", b.Burst)
	if b.Unlimited && (b.Burst != 0 || b.Share != (breaker.Ratio{})) {
		p.add("Budget.Unlimited has neither Share nor Burst")
	}
	if s := b.Share; s != (breaker.Ratio{}) && (s.Den < 1 || s.Den > maxCount || s.Num < 0 || s.Num > s.Den) {
		p.add("Budget.Share %d/%d is no share: from none to all, of 1 to %d", s.Num, s.Den, maxCount)
	}
}

// problems collects what is wrong.
type problems struct{ found []error }

func (p *problems) join() error { return errors.Join(p.found...) }

func (p *problems) add(format string, args ...any) {
	p.found = append(p.found, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
}

func (p *problems) notNegative(field string, d time.Duration) {
	if d < 0 {
		p.add("%s %v is negative", field, d)
	}
}

func (p *problems) count(field string, n int) {
	if n < 0 {
		p.add("%s %d is negative", field, n)
	} else if n > maxCount {
		p.add("%s %d is more than %d", field, n, maxCount)
	}
}
