package probe

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// Tracker follows the probes of one instance through its incarnations. It is
// pure: time comes in as an argument. The zero value is not usable.
type Tracker struct {
	asked   *asked // shared by the instances of a workload
	target  sut.Target
	began   time.Duration
	runs    [len(roles)]run
	running bool
}

// run is a row of equal answers of one probe.
type run struct {
	since   time.Duration // of the first of the row
	blindAt time.Duration
	length  int32
	blind   int32 // looks in a row that the prober itself spoiled
	last    Result
	told    bool   // something was reported
	said    Result // what
}

// NewTracker makes a tracker of a workload's instance; it asks for nothing
// until Begin.
func NewTracker(w *policy.Workload) *Tracker { return &Tracker{asked: newAsked(w)} }

// Begin is a new incarnation, which was started at began. Nothing of the one
// before counts for it.
func (t *Tracker) Begin(target sut.Target, began time.Duration) {
	t.target, t.began, t.running = target, began, true
	t.runs = [len(roles)]run{}
}

// End is the end of the incarnation: nothing is wanted of it any more. That it
// is neither live nor ready is for others to know from the exit itself.
func (t *Tracker) End() { t.running = false }

// Wanted tells whether a role is to be asked now, and from when on. Until the
// startup probe has succeeded only it is wanted, and afterwards it never is.
func (t *Tracker) Wanted(role Role) (from time.Duration, ok bool) {
	n, ok := number(role)
	if !ok {
		return 0, false
	}
	return t.wanted(n)
}

func (t *Tracker) wanted(n int) (from time.Duration, ok bool) {
	p := t.asked.probes[n]
	if p == nil || !t.running {
		return 0, false
	}
	if t.asked.probes[startup] != nil {
		s := &t.runs[startup]
		started := s.told && s.said == Success
		if started == (n == startup) {
			return 0, false
		}
	}
	return t.began + seconds(p.InitialDelaySeconds), true
}

// Answer takes what one look at a target showed, and returns the change when a
// threshold is crossed. An answer of another incarnation, or of a role that is
// not wanted, counts for nothing. [Unknown] is a look that the prober itself
// spoiled: it breaks no row of answers, and failureThreshold of them in a row
// say that the prober is blind.
func (t *Tracker) Answer(target sut.Target, role Role, at time.Duration, r Result, detail string) (Change, bool) {
	n, ok := number(role)
	if !ok || target != t.target {
		return Change{}, false
	}
	if _, ok := t.wanted(n); !ok {
		return Change{}, false
	}
	p, u := t.asked.probes[n], &t.runs[n]
	if r == Unknown {
		if u.blind == 0 {
			u.blindAt = at
		}
		u.blind++
		if u.blind < p.FailureThreshold || u.told && u.said == Unknown {
			return Change{}, false
		}
		// What was known is too old to count on when sight comes back.
		u.last, u.length = Unknown, 0
		return t.tell(role, u, Unknown, u.blindAt, detail), true
	}
	u.blind = 0
	if r != u.last {
		u.last, u.length, u.since = r, 0, at
	}
	u.length++
	if r == Failure && u.length < p.FailureThreshold || r == Success && u.length < p.SuccessThreshold {
		return Change{}, false
	}
	if u.told && u.said == r {
		return Change{}, false
	}
	return t.tell(role, u, r, u.since, detail), true
}

func (t *Tracker) tell(role Role, u *run, r Result, since time.Duration, detail string) Change {
	u.told, u.said = true, r
	return Change{Target: t.target, Role: role, Result: r, Since: since, Detail: detail}
}

// blind is how many of the probes say at present that they do not know.
func (t *Tracker) blind() (n int) {
	for i := range t.runs {
		if u := &t.runs[i]; t.running && u.told && u.said == Unknown {
			n++
		}
	}
	return n
}
