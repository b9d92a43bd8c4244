package assertions

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// BackOff asks that what ends again and again is started again by the textbook, which
// is kubelet's (CrashLoopBackOff): at once the first time, then Initial after its end,
// and each time twice as long after it as the time before, up to Max. An instance that
// ran for longer than Reset since it was last started begins anew. Looked at is every
// start of an instance that had ended, from the first injection to the end of
// observation. One that waits for another reason, as a budget, is late by this.
type BackOff struct {
	// Workload is whose instances are looked at. Empty: those of all.
	Workload string `json:"workload,omitempty"`
	// Initial is the second delay, for the first is none. 0: 10s.
	Initial Duration `json:"initial,omitempty"`
	// Max is the longest. 0: 5m.
	Max Duration `json:"max,omitempty"`
	// Reset is how long an instance must run to begin anew. 0: 10m.
	Reset Duration `json:"reset,omitempty"`
	// Early and Late are how much too early or too late a start may be seen. Where it
	// takes time to start an instance, that is late. 0: 500ms each.
	Early Duration `json:"early,omitempty"`
	Late  Duration `json:"late,omitempty"`
	// AtLeast is how often one instance must have been started again for a delay that
	// grows to have been seen. With fewer the check is inconclusive. 0: 3.
	AtLeast int `json:"atLeast,omitempty"`
}

// Check makes the fold.
func (a BackOff) Check() (Check, error) {
	a.Initial = cmp.Or(a.Initial, Duration(10*time.Second))
	a.Max = cmp.Or(a.Max, Duration(5*time.Minute))
	a.Reset = cmp.Or(a.Reset, Duration(10*time.Minute))
	a.Early = cmp.Or(a.Early, Duration(500*time.Millisecond))
	a.Late = cmp.Or(a.Late, Duration(500*time.Millisecond))
	if a.AtLeast < 0 {
		return nil, fmt.Errorf("atLeast: %d is below 0", a.AtLeast)
	}
	a.AtLeast = cmp.Or(a.AtLeast, 3)
	if a.Initial > a.Max {
		return nil, fmt.Errorf("initial: %s is more than max, which is %s", a.Initial, a.Max)
	}
	return &backOff{args: a, lives: map[string]*comebacks{}}, nil
}

type backOff struct {
	args      BackOff
	during    observation
	instances bool
	lives     map[string]*comebacks // by instance
	most      *comebacks            // of the instance that came back most often
	wrong     string                // the first start that was not when it should be
}

// comebacks are the starts of one instance.
type comebacks struct {
	id      string
	started time.Duration // the last start
	ended   time.Duration // the end after it
	over    bool          // it has ended since
	delay   time.Duration // that is due behind the next end; 0: none yet
	count   int
	gaps    []string // the first of them, for people
}

// shownGaps is how many gaps are shown.
const shownGaps = 8

func (c *backOff) Observe(e timeline.Event) {
	c.during.observe(e)
	if e.Instance == nil || c.args.Workload != "" && e.Instance.Workload != c.args.Workload {
		return
	}
	c.instances = true
	l := c.lives[e.Target]
	if l == nil {
		l = &comebacks{id: e.Target}
		c.lives[e.Target] = l
	}
	switch e.Instance.State {
	case timeline.InstanceStarted:
		if l.over && c.during.open() {
			c.back(l, e.At)
		}
		l.started, l.over = e.At, false
	case timeline.InstanceExited:
		l.ended, l.over = e.At, true
	case timeline.InstanceGone:
		delete(c.lives, e.Target)
	case timeline.InstanceReady, timeline.InstanceUnready, timeline.InstanceIn, timeline.InstanceOut:
	default:
	}
}

// back takes a start behind an end.
func (c *backOff) back(l *comebacks, at time.Duration) {
	due := min(l.delay, time.Duration(c.args.Max))
	if l.delay == 0 || l.ended-l.started > time.Duration(c.args.Reset) {
		due, l.delay = 0, time.Duration(c.args.Initial)
	} else {
		l.delay = min(2*l.delay, time.Duration(c.args.Max))
	}
	gap := at - l.ended
	l.count++
	if len(l.gaps) < shownGaps {
		l.gaps = append(l.gaps, span(gap.Round(10*time.Millisecond)))
	}
	if c.most == nil || l.count > c.most.count {
		c.most = l
	}
	early, late := time.Duration(c.args.Early), time.Duration(c.args.Late)
	if c.wrong == "" && (gap < due-early || gap > due+late) {
		c.wrong = fmt.Sprintf("start %d of %s came %s after its end, and %s is due", l.count, l.id, span(gap), due)
	}
}

func (c *backOff) Verdict() Result {
	a := c.args
	r := Result{ID: "backOff", Limit: fmt.Sprintf("0s, then %s doubling to %s, at most %s too early and %s too late", a.Initial, a.Max, a.Early, a.Late)}
	count := 0
	if c.most == nil {
		r.Measured = "no start"
	} else {
		count = c.most.count
		r.Measured = fmt.Sprintf("%s: %s", c.most.id, strings.Join(c.most.gaps, ", "))
		if count > len(c.most.gaps) {
			r.Measured += fmt.Sprintf(" and %d more", count-len(c.most.gaps))
		}
	}
	switch err := c.unseen(count); {
	case c.wrong != "":
		return r.fail(c.wrong)
	case err != nil:
		return r.unsure(err.Error())
	default:
		return r.pass("every start came when it was due")
	}
}

// unseen is why the back-off may not have shown.
func (c *backOff) unseen(count int) error {
	switch {
	case !c.during.begun:
		return errors.New("no fault was injected, so nothing was to be started again")
	case !c.instances:
		return errors.New("instances were not observed")
	case count < c.args.AtLeast:
		return fmt.Errorf("%d starts of one instance are too few: a back-off shows in %d", count, c.args.AtLeast)
	}
	return nil
}
