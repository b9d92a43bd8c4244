package scenarios

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// Fault is one line of what is broken. The fault's own arguments stand beside
// the fields here: {fault: disk-full, target: {...}, with: logs}.
type Fault struct {
	Fault string `json:"fault"`
	// At is when, counted from the end of the baseline.
	At manifest.Duration `json:"at,omitempty"`
	// For is how long, counted from its confirmation. 0: as long as the run observes.
	For    manifest.Duration `json:"for,omitempty"`
	Target faults.Selector   `json:"target"`
	// MaxPercent is the largest share of the matching instances that may be hit. 0: 50.
	MaxPercent int `json:"maxPercent,omitempty"`
	// Args are the fault's own.
	Args Args `json:"-" manifest:"rest"`
}

// Args are a fault's own arguments, each in canonical JSON.
type Args map[string]json.RawMessage

func (f Fault) spec() faults.Spec {
	s := faults.Spec{
		Fault: f.Fault, At: time.Duration(f.At), For: time.Duration(f.For),
		Target: f.Target, MaxPercent: f.MaxPercent,
	}
	if len(f.Args) > 0 {
		// Raw JSON can be written again: it was read, or checked by Validate.
		s.Args, _ = json.Marshal(f.Args)
	}
	return s
}

// Check is one expectation: the check's name and its arguments. In YAML it is a
// map of one key: `recoverWithin: 8s`.
type Check struct {
	ID   string
	Args json.RawMessage
}

// Expect makes a Check in Go. Arguments are what encoding/json makes of args;
// it panics when that is nothing, which only a programmer can bring about.
func Expect(id string, args any) Check {
	raw, err := json.Marshal(args)
	if err != nil {
		panic(fmt.Sprintf("arguments of %s: %v", id, err))
	}
	return Check{ID: id, Args: raw}
}

// MarshalJSON writes the map of one key.
func (c Check) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]json.RawMessage{c.ID: c.Args})
}

// UnmarshalJSON reads the map of one key.
func (c *Check) UnmarshalJSON(b []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil || len(m) != 1 {
		return fmt.Errorf("expected one check with its arguments, like recoverWithin: 8s, got %s", b)
	}
	for id, args := range m {
		c.ID, c.Args = id, args
	}
	if string(c.Args) == "null" {
		c.Args = nil
	}
	return nil
}
