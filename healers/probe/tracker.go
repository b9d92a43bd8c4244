package probe

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// Roles are the roles in the order in which they gate each other.
var roles = [...]Role{Startup, Liveness, Readiness}

// Tracker follows the probes of one instance through its incarnations. It is
// pure: time comes in as an argument. The zero value is not usable.
type Tracker struct {
	probes  map[Role]*corev1.Probe
	target  sut.Target
	running bool
	began   time.Duration
	runs    map[Role]*run
}

// run is a row of equal answers of one probe.
type run struct {
	told     bool   // something was reported
	reported Result // what
	last     Result
	length   int32
	since    time.Duration // of the first of the row
	blind    int32         // looks in a row that the prober itself spoiled
	blindAt  time.Duration
}

// NewTracker makes a tracker of a workload's instance; it asks for nothing
// until Begin.
func NewTracker(w *policy.Workload) *Tracker {
	t := &Tracker{probes: map[Role]*corev1.Probe{}}
	for role, p := range map[Role]*corev1.Probe{Startup: w.Startup, Liveness: w.Liveness, Readiness: w.Readiness} {
		if p != nil {
			t.probes[role] = p
		}
	}
	return t
}

// Begin is a new incarnation, which was started at began. Nothing of the one
// before counts for it.
func (t *Tracker) Begin(target sut.Target, began time.Duration) {
	t.target, t.began, t.running = target, began, true
	t.runs = map[Role]*run{}
	for role := range t.probes {
		t.runs[role] = &run{}
	}
}

// End is the end of the incarnation: nothing is wanted of it any more. That it
// is neither live nor ready is for others to know from the exit itself.
func (t *Tracker) End() { t.running = false }

// Wanted tells whether a role is to be asked now, and from when on. Until the
// startup probe has succeeded only it is wanted, and afterwards it never is.
func (t *Tracker) Wanted(role Role) (from time.Duration, ok bool) {
	p := t.probes[role]
	if p == nil || !t.running {
		return 0, false
	}
	if s := t.runs[Startup]; s != nil {
		started := s.told && s.reported == Success
		if started == (role == Startup) {
			return 0, false
		}
	}
	return t.began + time.Duration(p.InitialDelaySeconds)*time.Second, true
}

// Answer takes what one look at a target showed, and returns the change when a
// threshold is crossed. An answer of another incarnation, or of a role that is
// not wanted, counts for nothing. [Unknown] is a look that the prober itself
// spoiled: it breaks no row of answers, and failureThreshold of them in a row
// say that the prober is blind.
func (t *Tracker) Answer(target sut.Target, role Role, at time.Duration, r Result, detail string) (Change, bool) {
	if target != t.target {
		return Change{}, false
	}
	if _, ok := t.Wanted(role); !ok {
		return Change{}, false
	}
	p, u := t.probes[role], t.runs[role]
	if r == Unknown {
		if u.blind == 0 {
			u.blindAt = at
		}
		u.blind++
		if u.blind < p.FailureThreshold || u.told && u.reported == Unknown {
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
	if u.told && u.reported == r {
		return Change{}, false
	}
	return t.tell(role, u, r, u.since, detail), true
}

func (t *Tracker) tell(role Role, u *run, r Result, since time.Duration, detail string) Change {
	u.told, u.reported = true, r
	return Change{Target: t.target, Role: role, Result: r, Since: since, Detail: detail}
}
