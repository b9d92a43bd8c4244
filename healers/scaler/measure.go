package scaler

import (
	"math"
	"math/big"
	"math/bits"
)

// measured is the sum over some pods of what they use and ask for.
type measured struct {
	usage, request int64
	pods           int64
}

func (m *measured) take(o measured, a arithmetic) {
	m.usage, m.request, m.pods = a.add(m.usage, o.usage), a.add(m.request, o.request), m.pods+o.pods
}

// arithmetic is how usage is compared with its target. The zero value reckons as upstream:
// what is too large for an integer is what Go makes of it on this machine, as it is there.
type arithmetic struct {
	exact      bool // ExactRatio
	saturating bool // NoOverflow
}

// ratio is usage to target: a float to compare, and what is needed to scale by it.
type ratio struct {
	value float64
	// The exact ratio is (a*b)/(c*d), of which b, c and d are positive; b is 0 where the
	// float is all that there is.
	a, b, c, d int64
}

func (x arithmetic) add(a, b int64) int64 {
	s := a + b
	switch {
	case !x.saturating:
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	}
	return s
}

func (x arithmetic) mul(a, b int64) int64 {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	switch negative := (a < 0) != (b < 0); {
	case !x.saturating || hi == 0 && lo <= math.MaxInt64:
		return a * b
	case negative:
		return math.MinInt64
	}
	return math.MaxInt64
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// utilization is usage to (target percent of) request.
func (x arithmetic) utilization(m measured, target int32) ratio {
	if x.exact {
		return fraction(m.usage, 100, m.request, int64(target))
	}
	return ratio{value: float64(int32(x.mul(m.usage, 100)/m.request)) / float64(target)}
}

// average is the mean usage to the target.
func (x arithmetic) average(m measured, target int64) ratio {
	if x.exact {
		return fraction(m.usage, 1, m.pods, target)
	}
	return ratio{value: float64(m.usage/m.pods) / float64(target)}
}

// total is usage to target of so many pods.
func (x arithmetic) total(usage, target int64, pods int32) ratio {
	if x.exact && pods > 0 {
		return fraction(usage, 1, int64(pods), target)
	}
	return ratio{value: float64(usage) / (float64(target) * float64(pods))}
}

func fraction(a, b, c, d int64) ratio {
	if c <= 0 || d <= 0 { // of a target that overflowed
		b = 0
	}
	return ratio{value: float64(a) * float64(max(b, 1)) / (float64(c) * float64(d)), a: a, b: b, c: c, d: d}
}

// times is a ratio times a number of pods, rounded up.
func (x arithmetic) times(r ratio, pods int64) int32 {
	if r.b > 0 {
		return ceil(r.a, r.b*pods, r.c, r.d)
	}
	return x.integer(math.Ceil(r.value * float64(pods)))
}

func (x arithmetic) integer(f float64) int32 {
	switch {
	case !x.saturating:
		return int32(f)
	case math.IsNaN(f) || f <= 0:
		return 0
	case f >= math.MaxInt32:
		return math.MaxInt32
	}
	return int32(f)
}

// sum is of numbers of replicas.
func (x arithmetic) sum(a, b int32) int32 {
	if !x.saturating {
		return a + b
	}
	return replicas(int64(a) + int64(b))
}

// grown is n and percent of it, rounded up, since otherwise one replica would never grow by
// 50 %.
func (x arithmetic) grown(n, percent int32) int32 {
	if !x.exact {
		return x.integer(math.Ceil(float64(n) * (1 + float64(percent)/100)))
	}
	product := int64(n) * (100 + int64(percent))
	if product%100 > 0 {
		product += 100
	}
	return replicas(product / 100)
}

// shrunk is n without percent of it, rounded towards 0.
func (x arithmetic) shrunk(n, percent int32) int32 {
	if !x.exact {
		return x.integer(float64(n) * (1 - float64(percent)/100))
	}
	return replicas(int64(n) * (100 - int64(percent)) / 100)
}

// doubled is max(2n, 4).
func (x arithmetic) doubled(n int32) int32 {
	return x.integer(math.Max(upFactor*float64(n), upMinimum))
}

// replicas is n as near as an int32 comes to it.
func replicas(n int64) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

// ceil is (a*b)/(c*d) rounded up, within 0 and the largest int32. b, c and d are positive.
func ceil(a, b, c, d int64) int32 {
	if a <= 0 {
		return 0
	}
	hi, top := bits.Mul64(uint64(a), uint64(b))
	lo, bottom := bits.Mul64(uint64(c), uint64(d))
	if hi > 0 || lo > 0 { // absurd, and slow enough for that
		x := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		y := new(big.Int).Mul(big.NewInt(c), big.NewInt(d))
		q, rest := new(big.Int).QuoRem(x, y, new(big.Int))
		if !q.IsInt64() || q.Int64() >= math.MaxInt32 {
			return math.MaxInt32
		}
		return int32(q.Int64()) + int32(rest.Sign())
	}
	n := top / bottom
	if top%bottom > 0 {
		n++
	}
	return int32(min(n, math.MaxInt32))
}
