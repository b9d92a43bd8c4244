package metric

import (
	"fmt"
	"math"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Sample is one value.
type Sample struct {
	Metric   string `json:"metric"`
	Workload string `json:"workload,omitempty"`
	// Instance and Incarnation are whose it is; empty: of none.
	Instance    sut.ID `json:"instance,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	// Series is the canonical text of its labels, where a source has several.
	Series string  `json:"series,omitempty"`
	Value  float64 `json:"value"`
	// At is when it was so, and Window is over how long until then it was measured; 0: at
	// that moment.
	At     time.Time     `json:"at"`
	Window time.Duration `json:"window,omitempty"`
}

// Failure is a value that could not be had.
type Failure struct {
	Instance    sut.ID `json:"instance,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	Series      string `json:"series,omitempty"`
	Metric      string `json:"metric,omitempty"` // empty: all of the source
	Reason      string `json:"reason"`
}

// Batch is what one round of looks at a source gave. A sample of a round before it counts
// until it is too old: that one look failed does not make it untrue.
type Batch struct {
	Source int       // its index in [Reader.Sources]
	At     time.Time // when the last of the looks had ended
	// Samples are sorted by instance, then as the source gives them; none is too old.
	Samples []Sample
	Failed  []Failure // sorted as Samples
	// Err is why nothing could be had of the source; empty: something was, or there is no
	// instance to ask.
	Err string
}

// judge takes a sample at the time it was read, or says why it does not count. What is
// ahead of our clock is taken for now.
func judge(s Sample, now time.Time, maxAge time.Duration) (Sample, error) {
	if err := finite(s.Value); err != nil {
		return s, err
	}
	age := now.Sub(s.At)
	switch {
	case s.At.IsZero():
		return s, fmt.Errorf("it does not say when it was measured")
	case age < -maxAge:
		return s, fmt.Errorf("its time is %s ahead of ours", rounded(age.Abs()))
	case age > maxAge:
		return s, fmt.Errorf("it is %s old, more than %s", rounded(age), maxAge)
	case age < 0:
		s.At = now
	}
	return s, nil
}

// beyond is what no quantity of Kubernetes holds.
const beyond = 1 << 63

// finite is nil for what is a value.
func finite(v float64) error {
	if math.IsNaN(v) || math.Abs(v) >= beyond {
		return fmt.Errorf("%v is no value", v)
	}
	return nil
}

// rounded leaves out what nobody needs to know of a time.
func rounded(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
