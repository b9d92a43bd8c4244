package assertions

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// NoHerd bounds how much happens at once between the first injection and the
// end of observation, by hard caps.
//
// Restarts (predicate H1): how many instances of one workload are starting at
// once. A restart counts from the moment it is seen to start, or, where the
// engine had asked for it before the incarnation ended, from that end,
// until the instance is ready, ends or is gone. That k instances die of the
// fault itself is no herd; that k are restarted at once is. Of a replacement the
// new instance counts, which starts; the old one ends and does not. One that is started
// since more replicas are asked for than before is none: no user waits for it to be back.
//
// Reconnects (predicate H2): how many connections are opened to one workload
// within any one second. They are gathered for up to 100 ms, so the window is
// exact to that. Where nobody counts them (in pods of nodes elsewhere, or without
// root), what the pools of clients say once a second that they have opened stands in,
// and the result says so. A connection that is opened for a request of a user is load and no
// herd: where clients tell of their pools, workloads to which none of them leads may
// have as many as the users' requests of a second, if that is more than the limit.
//
// Few actors are no herd, whatever they do. So the result says what population it
// saw: of restarts the replicas, of reconnects the connections to the workload
// before the fault, as its clients' pools tell of them or as they were opened.
type NoHerd struct {
	// Among lists what is looked at: restarts, reconnects. Empty: both.
	Among []string `json:"among,omitempty"`
	// MaxConcurrentRestarts is per workload: a number, or a share of its replicas,
	// rounded up. Not set: 25%.
	MaxConcurrentRestarts Share `json:"maxConcurrentRestarts,omitzero"`
	// MaxReconnectsPerSecond is per target workload. 0: twice the connections
	// that were opened to it before the fault (its clients' pools), at least 10.
	MaxReconnectsPerSecond int `json:"maxReconnectsPerSecond,omitempty"`
	// MinPopulation is how many connections there must have been, before the fault,
	// to the workload with the most, for the absence of a herd to tell anything. With
	// fewer the check is inconclusive. 0: any will do.
	MinPopulation int `json:"minPopulation,omitempty"`
}

// What NoHerd can look at.
const (
	AmongRestarts   = "restarts"
	AmongReconnects = "reconnects"
)

// Check makes the fold.
func (a NoHerd) Check() (Check, error) {
	var errs []error
	for _, s := range a.Among {
		if s != AmongRestarts && s != AmongReconnects {
			errs = append(errs, fmt.Errorf("among: %q is neither %s nor %s", s, AmongRestarts, AmongReconnects))
		}
	}
	if a.MaxReconnectsPerSecond < 0 {
		errs = append(errs, fmt.Errorf("maxReconnectsPerSecond: %d is below 0", a.MaxReconnectsPerSecond))
	}
	if a.MinPopulation < 0 {
		errs = append(errs, fmt.Errorf("minPopulation: %d is below 0", a.MinPopulation))
	}
	if a.MinPopulation > 0 && len(a.Among) > 0 && !slices.Contains(a.Among, AmongReconnects) {
		errs = append(errs, errors.New("minPopulation: it is of reconnects, and among does not have them"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(a.Among) == 0 {
		a.Among = []string{AmongReconnects, AmongRestarts}
	}
	if a.MaxConcurrentRestarts == (Share{}) {
		a.MaxConcurrentRestarts = Share{Percent: 25}
	}
	return &noHerd{
		args: a, replicas: map[string]int{}, engineActed: map[string]bool{},
		more:     newcomers{known: map[string]bool{}, asked: map[string]int{}, due: map[string]int{}, most: map[string]int{}},
		starting: map[string]string{}, peak: map[string]int{}, restarts: map[string]int{}, opens: map[string]*opens{},
		told: map[string]*told{}, started: map[string]time.Duration{},
		population: population{},
	}, nil
}

type noHerd struct {
	args     NoHerd
	during   observation
	replicas map[string]int

	instances   bool
	engineActed map[string]bool   // instances whose incarnation the engine asked to end
	starting    map[string]string // instance to workload
	peak        map[string]int    // of starting, by workload
	restarts    map[string]int    // how many in all, by workload
	more        newcomers
	last        time.Duration

	opens      map[string]*opens        // by target workload
	told       map[string]*told         // the same, as the pools of clients tell
	started    map[string]time.Duration // when each instance last started
	requests   int                      // of users, in the second with the most
	population population
}

func (c *noHerd) Observe(e timeline.Event) {
	// Intervals are half-open: what begins when another ends does not overlap, so
	// the count is read when time goes on.
	if e.At > c.last {
		c.count()
		c.last = e.At
	}
	c.during.observe(e)
	switch {
	case e.Header != nil:
		for _, w := range e.Header.Workloads {
			c.replicas[w.Name] = w.Replicas
		}
	case e.Healing != nil && e.Healing.State == timeline.HealingAct && e.Healing.Verb == "restart":
		c.engineActed[e.Target] = true
	case e.Replicas != nil:
		c.more.ask(e.Replicas.Workload, e.Replicas.Desired)
	case e.Instance != nil:
		c.instance(e.At, e.Target, e.Instance)
	case e.Connection != nil:
		c.connection(e.At, e.Connection)
	case e.Pool != nil:
		c.pool(e.At, e.Target, e.Pool)
	case e.Load != nil:
		c.requests = max(c.requests, e.Load.Intended)
	}
}

func (c *noHerd) instance(at time.Duration, id string, i *timeline.Instance) {
	c.instances = true
	switch i.State {
	case timeline.InstanceStarted:
		c.started[id] = at
		delete(c.engineActed, id)
		if !c.more.is(id, i.Workload) && c.during.open() {
			c.starting[id] = i.Workload
			c.restarts[i.Workload]++
		}
	case timeline.InstanceExited:
		delete(c.starting, id)
		if c.during.open() && c.engineActed[id] {
			c.starting[id] = i.Workload
		}
		delete(c.engineActed, id)
	case timeline.InstanceReady:
		delete(c.starting, id)
	case timeline.InstanceGone:
		delete(c.starting, id)
		delete(c.more.known, id)
	case timeline.InstanceUnready, timeline.InstanceIn, timeline.InstanceOut:
	default:
	}
}

// newcomers are the instances that are due since more replicas are asked for.
type newcomers struct {
	known map[string]bool // instances that are there
	asked map[string]int  // replicas, by workload
	due   map[string]int  // how many are still to come, by workload
	most  map[string]int  // replicas that were ever asked for, by workload
}

func (n *newcomers) ask(workload string, replicas int) {
	if before, known := n.asked[workload]; known {
		n.due[workload] = max(0, n.due[workload]+replicas-before)
	}
	n.asked[workload] = replicas
	n.most[workload] = max(n.most[workload], replicas)
}

// is tells whether what starts is one of them.
func (n *newcomers) is(id, workload string) bool {
	if n.known[id] {
		return false
	}
	n.known[id] = true
	if n.due[workload] == 0 {
		return false
	}
	n.due[workload]--
	return true
}

func (c *noHerd) count() {
	if len(c.starting) == 0 || !c.during.open() {
		return
	}
	now := map[string]int{}
	for _, w := range c.starting {
		now[w]++
		c.peak[w] = max(c.peak[w], now[w])
	}
}

func (c *noHerd) Verdict() Result {
	c.count()
	r := Result{ID: "noHerd"}
	var f herdFindings
	if slices.Contains(c.args.Among, AmongRestarts) {
		c.judgeRestarts(&f)
	}
	if slices.Contains(c.args.Among, AmongReconnects) {
		c.judgeReconnects(&f)
	}
	r.Measured, r.Limit = strings.Join(f.measured, ", "), strings.Join(f.limits, ", ")
	switch {
	case len(f.herds) > 0:
		return r.fail(strings.Join(f.herds, "; "))
	case !c.during.begun:
		return r.unsure("no fault was injected, so nothing could be set off")
	case len(f.unseen) > 0:
		return r.unsure(strings.Join(f.unseen, "; "))
	default:
		return r.pass("nothing came all at once")
	}
}

// herdFindings are what the two predicates found, in words.
type herdFindings struct{ measured, limits, herds, unseen []string }

func (c *noHerd) judgeRestarts(f *herdFindings) {
	f.limits = append(f.limits, c.args.MaxConcurrentRestarts.String()+" of a workload restarting at once")
	if !c.instances {
		f.unseen = append(f.unseen, "instances were not observed")
	}
	w, peak, most := worstOf(c.peak, func(w string) (int, int) {
		return c.peak[w], c.args.MaxConcurrentRestarts.Of(max(c.replicas[w], c.more.most[w]))
	})
	of := fmt.Sprintf("%s: restarts %d, replicas %d", w, c.restarts[w], c.replicas[w])
	f.measured = append(f.measured, atOnce(peak, most, of, "restarting at once"))
	if peak > most {
		f.herds = append(f.herds, fmt.Sprintf("%d instances of %s were restarting at once, %d are allowed", peak, w, most))
	}
}

// worstOf is the workload that comes closest to its limit, or goes farthest
// beyond it; of equals the first by name.
func worstOf[V any](of map[string]V, get func(workload string) (peak, limit int)) (workload string, peak, limit int) {
	var worst float64
	names := make([]string, 0, len(of))
	for w := range of {
		names = append(names, w)
	}
	slices.Sort(names)
	for _, w := range names {
		p, l := get(w)
		if share := float64(p) / float64(l); share > worst {
			workload, peak, limit, worst = w, p, l, share
		}
	}
	return workload, peak, limit
}

func atOnce(peak, limit int, of, what string) string {
	if peak == 0 {
		return "0 " + what
	}
	return fmt.Sprintf("%d of %d %s (%s)", peak, limit, what, of)
}
