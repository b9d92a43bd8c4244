package timeline

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Sketch is a histogram of durations in buckets whose widths grow with the
// value (HDR-style, 16 sub-buckets per power of two of microseconds), so that a
// quantile is off by at most 1/16 of its value, or 1 µs below 16 µs. The zero
// value is empty. Two sketches can be merged without loss.
type Sketch struct {
	// Buckets are counts by bucket index.
	Buckets map[int]int   `json:"b,omitempty"`
	Max     time.Duration `json:"max,omitempty"`
}

// Add counts one duration; negative ones count as zero.
func (s *Sketch) Add(d time.Duration) {
	d = max(d, 0)
	if s.Buckets == nil {
		s.Buckets = map[int]int{}
	}
	s.Buckets[bucket(d)]++
	s.Max = max(s.Max, d)
}

// Merge adds the counts of o.
func (s *Sketch) Merge(o Sketch) {
	if len(o.Buckets) > 0 && s.Buckets == nil {
		s.Buckets = map[int]int{}
	}
	for b, n := range o.Buckets {
		s.Buckets[b] += n
	}
	s.Max = max(s.Max, o.Max)
}

// Count is how many durations were added.
func (s Sketch) Count() int {
	n := 0
	for _, c := range s.Buckets {
		n += c
	}
	return n
}

// Quantile is the smallest bucket bound that at least a share q (0 to 1) of the
// durations do not exceed, by the nearest-rank method, and never more than Max.
// An empty sketch has the quantile 0.
func (s Sketch) Quantile(q float64) time.Duration {
	total := s.Count()
	if total == 0 {
		return 0
	}
	rank := max(1, int(math.Ceil(q*float64(total)-1e-9)))
	seen := 0
	for _, b := range slices.Sorted(maps.Keys(s.Buckets)) {
		if seen += s.Buckets[b]; seen >= rank {
			return min(upper(b), s.Max)
		}
	}
	return s.Max
}

const subBits = 4 // 16 sub-buckets

func bucket(d time.Duration) int {
	us := uint64(d / time.Microsecond)
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return (shift+1)<<subBits + int(us>>shift) - 1<<subBits
}

func upper(b int) time.Duration {
	if b < 1<<subBits {
		return time.Duration(b+1) * time.Microsecond
	}
	shift := b>>subBits - 1
	mantissa := uint64(b&(1<<subBits-1) + 1<<subBits)
	us := (mantissa + 1) << shift
	if us>>shift != mantissa+1 || us > math.MaxInt64/uint64(time.Microsecond) {
		return math.MaxInt64 // more than a duration holds
	}
	return time.Duration(us) * time.Microsecond
}
