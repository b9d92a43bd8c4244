package recovery

import (
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// capacity follows which instances can serve, as the observer sees it. Of a workload
// that is scaled down meanwhile fewer are all; what it was scaled up by is more than all,
// and not there for a fault to take.
type capacity struct {
	want      []timeline.Workload
	desired   map[string]int // as was asked for last; not of each workload
	instances map[string]*instance
	rotates   map[string]bool // workloads that were seen in rotation
	full      bool
	changes   []change
}

type instance struct {
	workload string
	ready    bool
	out      bool
}

// change of whether all replicas can serve.
type change struct {
	at   time.Duration
	full bool
}

func (c *capacity) observe(e timeline.Event) {
	if c.instances == nil {
		c.instances, c.rotates = map[string]*instance{}, map[string]bool{}
	}
	i := c.instances[e.Target]
	if i == nil {
		i = &instance{}
		c.instances[e.Target] = i
	}
	i.workload = e.Instance.Workload
	switch e.Instance.State {
	case timeline.InstanceReady:
		i.ready = true
	case timeline.InstanceUnready, timeline.InstanceExited, timeline.InstanceStarted:
		i.ready = false
	case timeline.InstanceGone:
		delete(c.instances, e.Target)
	case timeline.InstanceIn:
		i.out = false
		c.rotates[i.workload] = true
	case timeline.InstanceOut:
		i.out = true
	default:
	}
	c.count(e.At)
}

// ask takes how many replicas are asked for from now on.
func (c *capacity) ask(at time.Duration, r *timeline.Replicas) {
	if c.desired == nil {
		c.desired = map[string]int{}
	}
	c.desired[r.Workload] = r.Desired
	c.count(at)
}

func (c *capacity) count(at time.Duration) {
	if full := c.all(); full != c.full {
		c.full = full
		c.changes = append(c.changes, change{at, full})
	}
}

func (c *capacity) all() bool {
	if len(c.want) == 0 {
		return false
	}
	up := map[string]int{}
	for _, i := range c.instances {
		// Out of rotation counts only where rotation was ever seen to bring users.
		if i.ready && (!i.out || !c.rotates[i.workload]) {
			up[i.workload]++
		}
	}
	for _, w := range c.want {
		want := w.Replicas
		if n, asked := c.desired[w.Name]; asked {
			want = min(want, n)
		}
		if up[w.Name] < want {
			return false
		}
	}
	return true
}

// at tells whether all could serve at t.
func (c *capacity) at(t time.Duration) bool {
	full := false
	for _, ch := range c.changes {
		if ch.at > t {
			break
		}
		full = ch.full
	}
	return full
}

// dipped tells whether not all could serve at some moment of [from, until).
func (c *capacity) dipped(from, until time.Duration) bool {
	if !c.at(from) {
		return true
	}
	for _, ch := range c.changes {
		if ch.at > from && ch.at < until && !ch.full {
			return true
		}
	}
	return false
}

// restored is the begin, not before from, of the first period in which all could
// serve that lasts for hold or until the end of observation.
func (c *capacity) restored(from, until, hold time.Duration) (time.Duration, bool) {
	full, since := c.at(from), from
	for _, ch := range c.changes {
		if ch.at <= from {
			continue
		}
		if ch.at >= until {
			break
		}
		if full && !ch.full && ch.at-since >= hold {
			return since, true
		}
		if full = ch.full; full {
			since = ch.at
		}
	}
	return since, full && since < until
}
