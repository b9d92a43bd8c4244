package faulttest

import (
	"encoding/json"
	"testing"

	"github.com/rebound-chaos/rebound/faults"
)

// Case is a fault with arguments that make a difference to the verb behind it.
type Case struct{ Name, Fault, Args string }

// Cases are all builtin faults.
func Cases() []Case {
	return []Case{
		{"crash-loop", "crash-loop", ""},
		{"crash-loop after a while", "crash-loop", `{"after":"500ms"}`},
		{"kill", "kill", ""},
		{"kill with SIGTERM", "kill", `{"signal":"SIGTERM"}`},
		{"pod-kill", "pod-kill", ""},
		{"pod-kill with grace", "pod-kill", `{"grace":"5s"}`},
		{"hang", "hang", ""},
		{"partition", "partition", ""},
		{"partition there", "partition", `{"direction":"there"}`},
		{"partition back", "partition", `{"direction":"back"}`},
		{"placebo", "placebo", ""},
		{"disk-full", "disk-full", ""},
		{"disk-full to 95%", "disk-full", `{"level":"95%"}`},
		{"disk-full of temp", "disk-full", `{"with":"temp"}`},
		{"disk-full of logs", "disk-full", `{"with":"logs","level":"92%"}`},
		{"drain", "drain", ""},
		{"node-freeze", "node-freeze", ""},
		{"node-stop", "node-stop", ""},
		{"rollout", "rollout", ""},
		{"stall", "stall", ""},
		{"surge", "surge", ""},
		{"surge to a part", "surge", `{"factor":0.25}`},
	}
}

// ConformAll is [Conform] for every builtin fault, each a test of its name.
func ConformAll(t *testing.T, p Platform) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			def, ok := faults.Lookup(c.Fault)
			if !ok {
				t.Fatalf("no fault %s", c.Fault)
			}
			Conform(t, def, json.RawMessage(c.Args), p)
		})
	}
}
