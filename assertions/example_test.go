package assertions_test

import (
	"encoding/json"
	"fmt"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// The verdict of a run comes from its timeline alone.
func ExampleJudge() {
	j, err := assertions.Judge(timelinetest.Missed().Events())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(j.Verdict)
	for _, c := range j.Checks {
		fmt.Printf("%s: %s: %s (%s)\n", c.ID, c.Verdict, c.Measured, c.Limit)
	}
	// Output:
	// fail
	// recoverWithin: fail: not recovered in the 24.75s observed (within 8s, sustained for 10s)
	// capacityRestored: fail: not restored in the 24.75s observed (within 15s)
	// availabilityLost: fail: 8.37s (at most 3s of full outage)
	// noHerd: pass: 0 restarting at once, 0 connections in a second, population 24 (store) (25% of a workload restarting at once, twice a workload's pool opened in a second)
	// noAcknowledgedWriteLost: pass: 0 lost of 2400 acknowledged (0 lost)
}

// A check can be asked alone, by its name and arguments or by its struct.
func ExampleNew() {
	c, err := assertions.New(timeline.Check{ID: "recoverWithin", Args: json.RawMessage(`"1s"`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assertions.Run(c, timelinetest.Healed().Events()).Reason)
	// Output: recovery took 750ms too long
}
