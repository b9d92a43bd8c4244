package breaker

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// delay is how long to stay open for the k-th time in a row, from 0, without jitter:
// min(max, openFor * growth^k).
func (s *settings) delay(k uint32) time.Duration {
	d := s.openFor
	for range k {
		if d >= s.maxOpenFor {
			break
		}
		next := times(d, s.growth)
		if next <= d { // a growth of 1, or one too small to be seen
			break
		}
		d = next
	}
	return min(d, s.maxOpenFor)
}

// jittered adds to a delay, which is capped already, between 0 and its share of jitter.
// Jitter before the cap would put those that reached it in step again.
func (s *settings) jittered(d time.Duration, random uint64) time.Duration {
	return add(d, within(times(d, s.jitter), random))
}

// offset is where in the spread an identity stands.
func offset(identity string, spread time.Duration) time.Duration {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(identity) {
		h = (h ^ uint64(identity[i])) * 1099511628211
	}
	return within(spread, mix(h))
}

// within is a part of d, both ends included, that random chooses.
func within(d time.Duration, random uint64) time.Duration {
	part, _ := bits.Mul64(random, uint64(d)+1)
	return time.Duration(part)
}

// times is d times r, rounded down, the longest duration where it would be longer.
func times(d time.Duration, r Ratio) time.Duration {
	high, low := bits.Mul64(uint64(d), uint64(r.Num))
	if high >= uint64(r.Den) {
		return math.MaxInt64
	}
	part, _ := bits.Div64(high, low, uint64(r.Den))
	return time.Duration(min(part, math.MaxInt64))
}

// add is the sum of a time and a duration that is not negative, the last time of all
// where it would be later.
func add(t, d time.Duration) time.Duration {
	if t > 0 && d > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + d
}

// mix is the finalizer of SplitMix64: every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// process is the random source of breakers without a seed: one for the process, and a
// number for each.
var (
	process = maphash.MakeSeed()
	drawn   atomic.Uint64
)

func randomSeed() uint64 { return maphash.Comparable(process, drawn.Add(1)) }
