package scaler

import "strings"

// Difference is something that upstream does wrong, or not at all, and the default mode
// does not. The package's documentation has one line of each.
type Difference uint16

// The differences.
const (
	ExactRatio     Difference = 1 << iota // a utilization is not cut off to a whole percent (H4)
	NoOverflow                            // sums, products and conversions saturate (H3)
	NoZeroDivision                        // of status.replicas 0 the usage is told as it is (H6)
	BothDirections                        // history is kept as long as either direction reads it (H2)
	OwnedPods                             // what the workload does not own does not count (H5)
	KeptDirection                         // usage above the target never scales down, below never up (H5)
	MetricFallback                        // a metric that fails for long proposes a number (H8)
	FlapLimit                             // turns of direction are bounded (H9)
	PersonsPause                          // what a person set to zero stays there (KEP-2021)
	CostCeiling                           // replica-hours a day

	allDifferences = 1<<iota - 1
)

// Differences are all of them, in order.
func Differences() (all []Difference) {
	for d := ExactRatio; d < allDifferences; d <<= 1 {
		all = append(all, d)
	}
	return all
}

var differenceNames = []string{
	"exact ratio", "no overflow", "no zero division", "both directions", "owned pods", "kept direction",
	"metric fallback", "flap limit", "persons pause", "cost ceiling",
}

func (d Difference) String() string {
	var names []string
	for i, name := range differenceNames {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
