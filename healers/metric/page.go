package metric

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// page is what one look at an instance found of the series that match.
type page struct {
	series map[string]float64 // by the canonical text of their labels; never empty
	at     time.Time          // of the oldest; zero: the page does not say
}

// Why there is no rate.
var (
	errFirst = errors.New("a rate needs two looks, and this is the first")
	errAgain = errors.New("a counter fell or is gone: it begins anew")
	errLate  = errors.New("the look before is too long ago for a rate")
	errSoon  = errors.New("the counters are no younger than at the look before")
)

// sum adds up the series. One that has no value leaves the sum without one.
func (p *page) sum() (float64, error) {
	var sum float64
	for _, name := range slices.Sorted(maps.Keys(p.series)) { // floats add up by their order
		if err := finite(p.series[name]); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum += p.series[name]
	}
	return sum, finite(sum)
}

// since is by how much the counters of a page grew in all since another page. One that was
// not there before began at nothing.
func (p *page) since(base *page) (float64, error) {
	var sum float64
	for name := range base.series {
		if _, there := p.series[name]; !there {
			return 0, errAgain
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.series)) {
		grown := p.series[name] - base.series[name]
		if grown < 0 {
			return 0, errAgain
		}
		sum += grown
	}
	return sum, finite(sum)
}

// growth is by how much per second the counters grew since the look before, and over how
// long. Over less than least a rate says little, and over more than most it is no news.
func (f *followed) growth(p *page, least, most time.Duration) (perSecond float64, over time.Duration, err error) {
	for _, name := range slices.Sorted(maps.Keys(p.series)) {
		if v := p.series[name]; finite(v) != nil || v < 0 {
			return 0, 0, fmt.Errorf("%s: %v is no value of a counter", name, v)
		}
	}
	base := f.base
	if base == nil {
		f.base = p
		return 0, 0, errFirst
	}
	if over = p.at.Sub(base.at); over < least {
		if over < 0 {
			f.base = p // the clock was set back
		}
		return 0, 0, errSoon
	}
	f.base = p
	if over > most {
		return 0, 0, errLate
	}
	grown, err := p.since(base)
	if err != nil {
		return 0, 0, err
	}
	return grown / over.Seconds(), over, nil
}
