package fleet

import (
	"container/list"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Core is a coordinator without a clock and without a lock: every method takes the time,
// from any origin, as a monotonic clock has it. It is for one goroutine at a time.
type Core struct {
	set          Config
	epoch        string // sets its members apart from those of another
	serial       uint64 // of members
	trials       uint64 // that were granted
	version      uint64 // of all directives
	members      map[string]*member
	identities   map[Registration]*member
	dependencies map[string]*dependency
	heard        list.List // of members, the one not heard of for longest first
}

// Registration is who wants to be a member. One that registers again is the member that it
// was.
type Registration struct {
	Dependency string `json:"dependency"` // what it calls: store
	Name       string `json:"name"`       // what it is: orders
	Identity   string `json:"identity"`   // which of those: orders/2
}

func (r Registration) validate() error {
	for _, s := range []string{r.Dependency, r.Name, r.Identity} {
		// What is no text would come out of JSON as another, and two members as one.
		if s == "" || len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' }) {
			return fmt.Errorf("%w: dependency, name and identity are texts of 1 to %d bytes", ErrRequest, maxName)
		}
	}
	return nil
}

const maxName = 200

type member struct {
	id    string
	who   Registration
	of    *dependency
	index int // among the members of the dependency, which its slot comes from
	heard time.Duration
	place *list.Element
	open  bool

	trial   uint64        // the last that was granted, 0: none
	until   time.Duration // its lease
	pending bool          // it has not begun
	judged  bool          // its result counted, or it has none to come
}

// dependency is what members share.
type dependency struct {
	name    string
	set     Budget
	members int
	free    []int // indices of members that are gone, below next
	next    int   // index
	open    int   // members that say so

	places []place       // of trials
	after  time.Duration // no trial is granted before
	asks   uint64
	passes int // in a row

	directive directive
	hold      time.Duration // end of the last
	closed    int           // members, in the ramp
	reopened  int
}

// place is taken by a trial, until it can not begin any more, and then for a Per.
type place struct {
	trial uint64
	until time.Duration
}

// NewCore refuses a config with all that is wrong with it. The epoch is part of the names
// of members: two coordinators at one address, one after the other, have two.
func NewCore(c Config, epoch string) (*Core, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Core{
		set: c.filled(), epoch: epoch,
		members: map[string]*member{}, identities: map[Registration]*member{}, dependencies: map[string]*dependency{},
	}, nil
}

// Register makes a member, and gives its id.
func (c *Core) Register(now time.Duration, r Registration) (string, error) {
	c.forget(now)
	if err := r.validate(); err != nil {
		return "", err
	}
	if m := c.identities[r]; m != nil {
		c.hear(now, m)
		return m.id, nil
	}
	d := c.dependencies[r.Dependency]
	if d == nil && len(c.dependencies) >= c.set.Dependencies {
		c.tidy(now)
	}
	if len(c.members) >= c.set.Members || d == nil && len(c.dependencies) >= c.set.Dependencies {
		return "", ErrFull
	}
	if d == nil {
		d = &dependency{name: r.Dependency, set: c.set.budget(r.Dependency), after: math.MinInt64, hold: math.MinInt64}
		c.dependencies[r.Dependency] = d
	}
	c.serial++
	m := &member{id: fmt.Sprintf("%s-%d", c.epoch, c.serial), who: r, of: d, index: d.next}
	if n := len(d.free); n > 0 {
		m.index, d.free = d.free[n-1], d.free[:n-1]
	} else {
		d.next++
	}
	d.members++
	c.members[m.id], c.identities[r] = m, m
	m.place = c.heard.PushBack(m)
	m.heard = now
	return m.id, nil
}

// Report says whether a breaker of the member is open or half-open.
func (c *Core) Report(now time.Duration, id string, open bool) error {
	m, err := c.member(now, id)
	if err != nil || m.open == open {
		return err
	}
	d := m.of
	m.open = open
	if open {
		d.open++
		if d.ramping(now) {
			d.reopened++
			c.relapse(now, d)
		}
	} else {
		d.open--
		d.closed++
	}
	return nil
}

func (c *Core) member(now time.Duration, id string) (*member, error) {
	c.forget(now)
	m := c.members[id]
	if m == nil {
		return nil, ErrUnknown
	}
	c.hear(now, m)
	return m, nil
}

func (c *Core) hear(now time.Duration, m *member) {
	m.heard = now
	c.heard.MoveToBack(m.place)
}

// forget drops the members that were not heard of for their lease.
func (c *Core) forget(now time.Duration) {
	for e := c.heard.Front(); e != nil; e = c.heard.Front() {
		m := e.Value.(*member)
		if now-m.heard < c.set.MemberLease {
			return
		}
		c.heard.Remove(e)
		delete(c.members, m.id)
		delete(c.identities, m.who)
		d := m.of
		d.members--
		d.free = append(d.free, m.index)
		if m.open {
			d.open--
		}
	}
}

// tidy drops dependencies that nobody has. One with a place that is taken stays: a trial of
// a member that is gone may be at it still.
func (c *Core) tidy(now time.Duration) {
	maps.DeleteFunc(c.dependencies, func(_ string, d *dependency) bool { return d.members == 0 && len(d.taken(now)) == 0 })
}

// Status is what is known of a dependency, for people and for who probes it.
type Status struct {
	Dependency string `json:"dependency"`
	Members    int    `json:"members"`
	Open       int    `json:"open"`   // members with a breaker that is not closed
	Trials     int    `json:"trials"` // places that are taken
	Passes     int    `json:"passes"` // in a row
	Ramping    bool   `json:"ramping"`
	Held       bool   `json:"held"`
}

// Status is all dependencies, by name.
func (c *Core) Status(now time.Duration) []Status {
	c.forget(now)
	c.tidy(now)
	all := make([]Status, 0, len(c.dependencies))
	for _, d := range c.dependencies {
		all = append(all, Status{
			Dependency: d.name, Members: d.members, Open: d.open, Trials: len(d.taken(now)),
			Passes: d.passes, Ramping: d.ramping(now), Held: now < d.hold,
		})
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Dependency, b.Dependency) })
	return all
}

// Waiting is how many members have a breaker that is not closed: whether it is worth
// probing the dependency.
func (c *Core) Waiting(now time.Duration, dependency string) int {
	c.forget(now)
	if d := c.dependencies[dependency]; d != nil {
		return d.open
	}
	return 0
}

// Probed says what somebody's own probe of the dependency found. A failure holds all from
// trying; as many in a row as [Config.Passes] that are OK close the breakers of all.
func (c *Core) Probed(now time.Duration, dependency string, o breaker.Outcome) {
	c.forget(now)
	d := c.dependencies[dependency]
	if d == nil || o == breaker.Neutral {
		return
	}
	if o != breaker.OK {
		d.passes = 0
		c.hold(now, d, d.set.HoldFor)
		return
	}
	c.passed(now, d)
}
