package timeline

// Replicas is how many replicas the platform is asked for, of a workload, from now on:
// as the platform itself tells, whoever asked.
type Replicas struct {
	Workload string `json:"workload"`
	Desired  int    `json:"desired"`
}

// Scale is a decision of the engine about how many replicas a workload is to have: one in
// each of its intervals, most of which change nothing.
type Scale struct {
	Workload string `json:"workload"`
	Current  int    `json:"current"` // were asked for
	Wanted   int    `json:"wanted"`  // by the metrics, before any limit
	Desired  int    `json:"desired"`
	// Bound names the rule that stood between Wanted and Desired; Says is that in words
	// with its numbers, or what the metrics ask for.
	Bound   string        `json:"bound,omitempty"`
	Says    string        `json:"says,omitempty"`
	Metrics []ScaleMetric `json:"metrics,omitempty"`
}

// ScaleMetric is what one metric said.
type ScaleMetric struct {
	Name  string  `json:"name"`
	Ratio float64 `json:"ratio,omitempty"` // of usage to target; 0 also where it is not known
	Error string  `json:"error,omitempty"` // why it could not be had
}
