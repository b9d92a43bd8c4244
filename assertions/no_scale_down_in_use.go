package assertions

import (
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// NoScaleDownInUse asks that instances which a scale-down removes get no users any more.
// Whenever fewer replicas of the workload are asked for than before, between the first
// injection and the end of observation, as many of its instances as that are fewer are
// taken to go by it: the next that do. Each must have been out of rotation before it
// ended, and from the scale-down until a second after that end no request may have been
// answered by a connection that was refused or reset, or by 502 from who stands between.
// What else breaks in those seconds counts too.
//
// Only what is rotated can be judged: that an instance is not ready says nothing of
// whether users were still sent to it.
type NoScaleDownInUse struct {
	// Workload is whose instances are looked at; required.
	Workload string `json:"workload"`
}

// Check makes the fold.
func (a NoScaleDownInUse) Check() (Check, error) {
	if err := named(a.Workload); err != nil {
		return nil, err
	}
	return &noScaleDownInUse{args: a, replicas: replicasOf(a.Workload), ended: map[string]removal{}}, nil
}

type noScaleDownInUse struct {
	args     NoScaleDownInUse
	during   window
	replicas replicas
	fewer    int                // how many had to go, in all
	owed     []level            // how many of them have not yet, by when it was asked
	ended    map[string]removal // instances that ended, and may come back
	removed  []removal
	seconds  answers
}

// removal is the end of an instance that went.
type removal struct {
	instance  string
	asked, at time.Duration
	in        bool // it was in rotation when it ended
}

func (c *noScaleDownInUse) Observe(e timeline.Event) {
	c.during.observe(e)
	before, was := c.replicas.desired, c.replicas.instances[e.Target]
	had := 0
	if len(before) > 0 {
		had = before[len(before)-1].n
	}
	c.replicas.observe(e)
	c.seconds.observe(e)
	switch {
	case e.Replicas != nil && e.Replicas.Workload == c.args.Workload && len(before) > 0:
		c.ask(e.At, had-e.Replicas.Desired)
	case e.Instance != nil && e.Instance.Workload == c.args.Workload:
		c.instance(e, was)
	}
}

// ask takes that so many fewer are asked for, or that many more.
func (c *noScaleDownInUse) ask(at time.Duration, fewer int) {
	for last := len(c.owed) - 1; fewer < 0 && last >= 0; last-- {
		n := min(-fewer, c.owed[last].n)
		fewer, c.fewer = fewer+n, c.fewer-n
		if c.owed[last].n -= n; c.owed[last].n == 0 {
			c.owed = c.owed[:last]
		}
	}
	if fewer > 0 && c.during.open() {
		c.owed = append(c.owed, level{at, fewer})
		c.fewer += fewer
	}
}

func (c *noScaleDownInUse) instance(e timeline.Event, was replica) {
	end, ended := c.ended[e.Target]
	if !ended {
		end = removal{instance: e.Target, at: e.At, in: was.running && was.in}
	}
	switch e.Instance.State {
	case timeline.InstanceStarted:
		delete(c.ended, e.Target)
	case timeline.InstanceExited:
		c.ended[e.Target] = end
	case timeline.InstanceGone:
		delete(c.ended, e.Target)
		if len(c.owed) == 0 || !c.during.open() {
			return
		}
		end.asked = c.owed[0].at
		if c.owed[0].n--; c.owed[0].n == 0 {
			c.owed = c.owed[1:]
		}
		if end.at < end.asked {
			end.in, end.at = false, end.asked // it had ended by itself, and nobody used it
		}
		c.removed = append(c.removed, end)
	case timeline.InstanceReady, timeline.InstanceUnready, timeline.InstanceIn, timeline.InstanceOut:
	default:
	}
}

func (c *noScaleDownInUse) Verdict() Result {
	r := Result{ID: "noScaleDownInUse", Limit: fmt.Sprintf("each of %s that goes is out of rotation first, and no connection breaks", c.args.Workload)}
	if !c.during.begun {
		return r.unsure("no fault was injected, so nothing had to be scaled")
	}
	if err := c.replicas.observed(); err != nil {
		return r.unsure(err.Error())
	}
	if c.fewer == 0 {
		return r.unsure("fewer were not asked for while it was observed, so none had to go")
	}
	var in []string
	var going []period
	for _, d := range c.removed {
		going = append(going, period{from: d.asked, until: d.at + time.Second})
		if d.in {
			in = append(in, d.instance)
		}
	}
	load := c.seconds.during(going, c.during.until)
	r.Measured = fmt.Sprintf("%d of %d went, %d of them in rotation, %d of %d requests cut off meanwhile", len(c.removed), c.fewer, len(in), load.cut, load.intended)
	switch {
	case len(c.removed) == 0:
		return r.unsure("observation ended before any of them had gone")
	case !c.replicas.rotates:
		return r.unsure(fmt.Sprintf("no instance of %s was seen in rotation, so whether users were sent to it is not known", c.args.Workload))
	case len(in) > 0:
		return r.fail(fmt.Sprintf("%s ended while users were sent there", strings.Join(in, ", ")))
	case load.intended <= 0:
		return r.unsure("there was no load while they went")
	case load.cut > 0:
		return r.fail(fmt.Sprintf("%d of %d requests were refused, reset or answered by 502 while they went", load.cut, load.intended))
	default:
		return r.pass("each was out of rotation before it ended, and no connection broke")
	}
}
