package scenarios

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

func (j *judge) expect() {
	if len(j.s.Spec.Expect) == 0 {
		j.add("spec.expect", "expected at least one check")
	}
	var known []string
	for _, d := range assertions.Builtin() {
		known = append(known, d.ID)
	}
	for i, c := range j.s.Spec.Expect {
		at := fmt.Sprintf("spec.expect[%d]", i)
		if c.ID == "" {
			continue // its reading failed, which is said already
		}
		def, ok := assertions.Lookup(c.ID)
		if !ok {
			j.add(at+"."+c.ID, "%s", unknown("check", c.ID, known))
			continue
		}
		if _, err := def.New(c.Args); err != nil && !j.typed(at+"."+c.ID, def.Args) {
			j.add(at+"."+c.ID, "%v", err)
		}
	}
}

// typed reads a field again as a type that is known only now, and reports what
// does not fit, at its position. It tells whether there was anything.
func (j *judge) typed(at string, zero any, except ...string) bool {
	if zero == nil {
		return false
	}
	err := j.doc.DecodeField(at, reflect.New(reflect.TypeOf(zero)).Interface(), except...)
	var all manifest.Problems
	if !errors.As(err, &all) {
		return false
	}
	j.found = append(j.found, all...)
	return true
}

// Observe is how long a run watches after the last confirmed injection: until
// the latest that a check may wait for, and as long again as recovery must hold.
// What a check waits for is its only argument, or its field within. Faults that end by
// themselves are watched to their end, and some checks count from there.
func (s *Scenario) Observe() time.Duration {
	var longest time.Duration
	for _, f := range s.Spec.Faults {
		longest = max(longest, time.Duration(f.For))
	}
	last, sustained := longest, s.SustainedFor()
	for _, c := range s.Spec.Expect {
		var scalar manifest.Duration
		var fields struct {
			Within    manifest.Duration `json:"within"`
			Sustained manifest.Duration `json:"sustained"`
		}
		var within time.Duration
		if json.Unmarshal(c.Args, &scalar) == nil {
			within = time.Duration(scalar)
		} else if json.Unmarshal(c.Args, &fields) == nil {
			within = time.Duration(fields.Within)
			sustained = max(sustained, time.Duration(fields.Sustained))
		}
		if def, ok := assertions.Lookup(c.ID); ok && def.AfterRevert {
			within += longest
		}
		last = max(last, within)
	}
	return last + sustained
}
