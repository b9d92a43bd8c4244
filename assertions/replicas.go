package assertions

import (
	"errors"
	"fmt"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// replicas follows one workload: how many replicas the platform is asked for, how many
// instances run, and how many of them can serve. These are ready, and in rotation where
// an instance of the workload was ever seen in one.
type replicas struct {
	workload  string
	desired   levels
	running   levels
	serving   levels
	instances map[string]replica
	seen      bool // an instance was
	rotates   bool
}

// replica is one instance.
type replica struct{ running, ready, in bool }

func replicasOf(workload string) replicas {
	return replicas{workload: workload, instances: map[string]replica{}}
}

func (r *replicas) observe(e timeline.Event) {
	switch {
	case e.Replicas != nil && e.Replicas.Workload == r.workload:
		r.desired.set(e.At, e.Replicas.Desired)
	case e.Instance != nil && e.Instance.Workload == r.workload:
		r.instance(e.Target, e.Instance.State)
		r.count(e.At)
	}
}

func (r *replicas) instance(id string, state timeline.InstanceState) {
	r.seen = true
	i := r.instances[id]
	switch state {
	case timeline.InstanceStarted:
		i.running, i.ready = true, false
	case timeline.InstanceReady:
		i.running, i.ready = true, true
	case timeline.InstanceUnready:
		i.ready = false
	case timeline.InstanceExited:
		i.running, i.ready = false, false
	case timeline.InstanceIn:
		i.in, r.rotates = true, true
	case timeline.InstanceOut:
		i.in = false
	case timeline.InstanceGone:
		delete(r.instances, id)
		return
	default:
	}
	r.instances[id] = i
}

func (r *replicas) count(at time.Duration) {
	running, serving := 0, 0
	for _, i := range r.instances {
		if i.running {
			running++
		}
		if i.ready && (i.in || !r.rotates) {
			serving++
		}
	}
	r.running.set(at, running)
	r.serving.set(at, serving)
}

// asked is nil where it is known how many replicas are asked for.
func (r *replicas) asked() error {
	if len(r.desired) == 0 {
		return fmt.Errorf("how many replicas of %s are asked for was not observed", r.workload)
	}
	return nil
}

// observed is nil where instances are known as well.
func (r *replicas) observed() error {
	if err := r.asked(); err != nil {
		return err
	}
	if !r.seen {
		return fmt.Errorf("no instance of %s was observed", r.workload)
	}
	return nil
}

// named is the error of a workload that must be given.
func named(workload string) error {
	if workload == "" {
		return errors.New("workload is required, such as orders")
	}
	return nil
}

// levels are the values of a number, each from its moment until the next.
type levels []level

type level struct {
	at time.Duration
	n  int
}

func (l *levels) set(at time.Duration, n int) {
	if i := len(*l) - 1; i < 0 || (*l)[i].n != n {
		*l = append(*l, level{at, n})
	}
}

// period is a time in which a number had one value.
type period struct {
	from, until time.Duration
	n           int
}

// within are the values from one moment until another, as far as they are known, and
// without those that lasted no time.
func (l levels) within(from, until time.Duration) []period {
	var all []period
	for i, v := range l {
		end := until
		if i+1 < len(l) {
			end = min(until, l[i+1].at)
		}
		if begin := max(from, v.at); begin < end {
			all = append(all, period{begin, end, v.n})
		}
	}
	return all
}

// highest is the highest value in some periods.
func highest(all []period) int {
	n := 0
	for _, p := range all {
		n = max(n, p.n)
	}
	return n
}
