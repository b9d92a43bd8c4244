package timeline_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

func sketchOf(ds []time.Duration) timeline.Sketch {
	var s timeline.Sketch
	for _, d := range ds {
		s.Add(d)
	}
	return s
}

// A quantile is never below the true one by nearest rank, and above it by at
// most a sixteenth of it, or a microsecond.
func TestSketchQuantile(t *testing.T) {
	durations := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, 1<<rapid.IntRange(0, 45).Draw(t, "size")).Draw(t, "d"))
	}), 1, 300)
	rapid.Check(t, func(t *rapid.T) {
		ds := durations.Draw(t, "durations")
		q := rapid.SampledFrom([]float64{0, 0.01, 0.5, 0.9, 0.99, 1}).Draw(t, "q")
		s := sketchOf(ds)
		slices.Sort(ds)
		rank := max(1, int(math.Ceil(q*float64(len(ds))-1e-9)))
		truth, got := ds[rank-1], s.Quantile(q)
		if got < truth || got > truth+max(truth/16, time.Microsecond) {
			t.Fatalf("q %v of %d: got %s, it is %s", q, len(ds), got, truth)
		}
		if s.Count() != len(ds) || s.Max != ds[len(ds)-1] {
			t.Fatalf("count %d, max %s", s.Count(), s.Max)
		}
	})
}

func TestSketchMerge(t *testing.T) {
	durations := rapid.SliceOf(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(-10, int64(time.Minute)).Draw(t, "d"))
	}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := durations.Draw(t, "a"), durations.Draw(t, "b")
		merged := sketchOf(a)
		merged.Merge(sketchOf(b))
		if d := cmp.Diff(sketchOf(append(slices.Clone(a), b...)), merged); d != "" {
			t.Fatalf("added -, merged +:\n%s", d)
		}
	})
}

func TestSketchEdges(t *testing.T) {
	var empty timeline.Sketch
	if empty.Quantile(0.5) != 0 || empty.Count() != 0 {
		t.Error("an empty sketch holds something")
	}
	s := sketchOf([]time.Duration{-time.Second})
	if s.Quantile(1) != 0 || s.Count() != 1 {
		t.Errorf("below zero is not zero: %s", s.Quantile(1))
	}
	s = sketchOf([]time.Duration{math.MaxInt64})
	if s.Quantile(0.5) != math.MaxInt64 {
		t.Errorf("the longest duration became %s", s.Quantile(0.5))
	}
	b, err := json.Marshal(sketchOf([]time.Duration{5 * time.Microsecond, time.Millisecond}))
	if err != nil || string(b) != `{"b":{"111":1,"5":1},"max":1000000}` {
		t.Errorf("the format of the file changed: %s, %v", b, err)
	}
	hostile := timeline.Sketch{Buckets: map[int]int{math.MinInt: 1, math.MaxInt: 1}, Max: time.Second}
	_ = hostile.Quantile(0.99) // ends, and at once
}
