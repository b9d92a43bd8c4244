package fleet

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Answer is whether a member may try.
type Answer struct {
	Granted bool
	Trial   uint64
	Valid   time.Duration // it must begin within this of having asked
	Wait    time.Duration // where it is not granted: before it asks again
}

// Progress is what has become of a trial.
type Progress string

// What may become of a trial. Passed and Failed are results, and follow Begun or stand for
// it too.
const (
	Begun  Progress = "begun"
	Unused Progress = "unused"
	Passed Progress = "passed"
	Failed Progress = "failed"
)

// longestWait is for which a member is told to wait at most: longer, and it would miss the
// places of those that went away.
const longestWait = 5 * time.Second

// golden is the golden ratio's part of 2^64: its multiples are spread over a range as
// evenly as can be, however many there are.
const golden = 0x9e3779b97f4a7c15

// spot is the n-th place of a low-discrepancy order in d.
func spot(n uint64, d time.Duration) time.Duration {
	part, _ := bits.Mul64((n+1)*golden, uint64(d))
	return time.Duration(part)
}

// Ask asks for a trial. A member has one at a time: who asks again, because the answer was
// lost, is given the same.
func (c *Core) Ask(now time.Duration, id string) (Answer, error) {
	m, err := c.member(now, id)
	if err != nil {
		return Answer{}, err
	}
	d := m.of
	if m.pending && now < m.until {
		return Answer{Granted: true, Trial: m.trial, Valid: m.until - now}, nil
	}
	d.asks++
	interval := d.set.Per / time.Duration(d.set.Trials)
	at := d.after
	if places := d.taken(now); len(places) >= d.set.Trials {
		// The lease of the first is over by then, or it has begun before.
		at = max(at, slices.MinFunc(places, func(a, b place) int { return cmp.Compare(a.until, b.until) }).until)
	}
	if now < d.hold {
		at = max(at, d.hold)
	}
	if d.ramping(now) { // its turn to close comes
		at = max(at, d.directive.until)
	}
	if now < at {
		others := spot(d.asks, min(longestWait, interval*time.Duration(min(d.open, 1000))))
		return Answer{Wait: max(interval, min(longestWait, at-now)+others)}, nil
	}
	c.trials++
	d.after = now + interval
	d.places = append(d.places, place{trial: c.trials, until: now + c.set.Lease + d.set.Per})
	m.trial, m.until, m.pending, m.judged = c.trials, now+c.set.Lease, true, false
	return Answer{Granted: true, Trial: c.trials, Valid: c.set.Lease}, nil
}

// taken are the places that are, without those that are free again.
func (d *dependency) taken(now time.Duration) []place {
	d.places = slices.DeleteFunc(d.places, func(p place) bool { return now >= p.until })
	return d.places
}

// Progress says what has become of a trial that was granted. What comes too late for its
// place still counts as a result, once.
func (c *Core) Progress(now time.Duration, id string, trial uint64, is Progress) error {
	switch is {
	case Begun, Unused, Passed, Failed:
	default:
		return fmt.Errorf("%w: a trial is begun, unused, passed or failed, not %.20q", ErrRequest, is)
	}
	m, err := c.member(now, id)
	if err != nil {
		return err
	}
	if trial == 0 || m.trial != trial || m.judged {
		return nil
	}
	d := m.of
	if m.pending {
		m.pending = false
		d.taken(now)
		if i := slices.IndexFunc(d.places, func(p place) bool { return p.trial == trial }); i >= 0 {
			if is == Unused {
				d.places = slices.Delete(d.places, i, i+1)
			} else {
				// It began at some time until now, and is in no Per that begins after that.
				d.places[i].until = min(d.places[i].until, now+d.set.Per)
			}
		}
	}
	m.judged = is != Begun
	switch is {
	case Passed:
		c.passed(now, d)
	case Failed:
		d.passes = 0
	case Begun, Unused:
	}
	return nil
}
