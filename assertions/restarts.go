package assertions

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Restarts bounds how often instances are started between the first injection and the
// end of observation: again, or as others in their place. Where what is broken is not
// in them, to restart them is the harm.
type Restarts struct {
	// Workload is whose instances are counted. Empty: those of all together.
	Workload string `json:"workload,omitempty"`
	// AtMost is how many starts there may be. 0 allows none.
	AtMost int `json:"atMost"`
}

// Check makes the fold.
func (a Restarts) Check() (Check, error) {
	if a.AtMost < 0 {
		return nil, fmt.Errorf("atMost: %d is below 0", a.AtMost)
	}
	return &restarts{args: a, replicas: map[string]int{}, starts: map[string]int{}}, nil
}

type restarts struct {
	args      Restarts
	during    observation
	replicas  map[string]int // by workload
	instances bool           // some were observed
	starts    map[string]int // by instance
}

func (c *restarts) Observe(e timeline.Event) {
	c.during.observe(e)
	switch {
	case e.Header != nil:
		for _, w := range e.Header.Workloads {
			c.replicas[w.Name] = w.Replicas
		}
	case e.Instance != nil && (c.args.Workload == "" || e.Instance.Workload == c.args.Workload):
		c.instances = true
		if e.Instance.State == timeline.InstanceStarted && c.during.open() {
			c.starts[e.Target]++
		}
	}
}

func (c *restarts) Verdict() Result {
	of := "all workloads"
	if c.args.Workload != "" {
		of = c.args.Workload
	}
	r := Result{ID: "restarts", Limit: fmt.Sprintf("at most %d of %s", c.args.AtMost, of)}
	sum := 0
	var each []string
	for id, n := range c.starts {
		sum += n
		each = append(each, fmt.Sprintf("%s %d", id, n))
	}
	slices.Sort(each)
	r.Measured = fmt.Sprintf("%d of %s", sum, of)
	if n := c.replicas[c.args.Workload]; n > 0 {
		r.Measured += fmt.Sprintf(" with %d replicas", n)
	}
	if len(each) > 0 {
		r.Measured += ": " + strings.Join(each, ", ")
	}
	switch err := c.unseen(); {
	case sum > c.args.AtMost:
		return r.fail(fmt.Sprintf("instances of %s were started %d times, %d are allowed: %s", of, sum, c.args.AtMost, strings.Join(each, ", ")))
	case err != nil:
		return r.unsure(err.Error())
	case sum == 0:
		return r.pass("every instance stayed")
	default:
		return r.pass("no more were started than are allowed")
	}
}

// unseen is why starts may have been missed.
func (c *restarts) unseen() error {
	switch {
	case !c.during.begun:
		return errors.New("no fault was injected, so nothing could be set off")
	case !c.instances && c.args.Workload != "":
		return fmt.Errorf("no instance of %s was observed", c.args.Workload)
	case !c.instances:
		return errors.New("instances were not observed")
	}
	return nil
}
